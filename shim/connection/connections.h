// All connections of the process.
#ifndef PROXYMETER_SHIM_CONNECTION_CONNECTIONS_H_
#define PROXYMETER_SHIM_CONNECTION_CONNECTIONS_H_

#include <string_view>

#include "proxymeter/endpoint.h"
#include "shim/connection/connection.h"
#include "shim/connection/connection_table.h"
#include "shim/connection/dns_streams.h"
#include "shim/connection/http2_sessions.h"
#include "shim/connection/slab.h"
#include "shim/connection/tls_pairing.h"
#include "shim/connection/udp_relays.h"
#include "shim/meter/meter.h"
#include "shim/process.h"

namespace proxymeter::shim {

class Connections {
 public:
  /// Of QUIC connections whose hello is not complete.
  using QuicHellos = Slab<protocol::QuicHello, 4, 256>;
  /// While heads and hand-shakes are being sent.
  using Credentials = Slab<protocol::ProxyCredentials, 4, 256>;

  /// Without `attribution`, what connections show of themselves says nothing.
  constexpr Connections(Meter* meter, Process* process,
                        Attribution* attribution = nullptr)
      : meter_(meter), process_(process), attribution_(attribution) {}

  /// A reference for as long as it lives; of a scope in which no foreign code
  /// runs, so that neither pthread_cancel nor longjmp can skip its end.
  class Use {
   public:
    Use(Connections* home, Connection* connection)
        : home_(home), connection_(connection) {}
    ~Use() {
      if (connection_ != nullptr) home_->Release(connection_);
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    explicit operator bool() const { return connection_ != nullptr; }
    Connection* operator->() const { return connection_; }
    Connection* get() const { return connection_; }

   private:
    Connections* home_;
    Connection* connection_;
  };

  bool Tracks(int fd) const {
    return ConnectionTable::IsConnection(table_.Peek(fd));
  }
  /// True when nobody here saw what made `fd`: it may be a connection.
  bool IsUnknown(int fd) const { return table_.Peek(fd) == nullptr; }
  /// True when `fd` is known to be no connection.
  bool IsPlain(int fd) const {
    return table_.Peek(fd) == ConnectionTable::Plain();
  }
  /// As when the process began. For tests.
  void Clear() {
    table_.Clear();
    dns_.Clear();
  }

  /// A reference to the connection of `fd`, for Use or Release; null when it
  /// has none.
  Connection* Retain(int fd) {
    const ConnectionTable::Entry* entry = table_.Find(fd);
    if (entry == nullptr) return nullptr;
    for (;;) {
      Connection* connection = entry->load(std::memory_order_acquire);
      if (!ConnectionTable::IsConnection(connection) ||
          !connection->TryRetain()) {
        return nullptr;
      }
      if (entry->load(std::memory_order_acquire) == connection) [[likely]] {
        return connection;
      }
      // Closed, and the memory perhaps another connection's by now.
      Release(connection);
    }
  }

  /// The connection of `fd`, if it has one.
  Use Acquire(int fd) { return Use(this, Retain(fd)); }

  /// The connection that carries the TLS session with this client random, and
  /// the depth of the stream that is the session's ciphertext.
  Use FindTls(const Connection::ClientRandom& random, std::uint8_t* tls_depth);
  /// That session, if its plaintext has begun and is in no tunnel of HTTP/2.
  /// Nobody holds any of it: should the connection end just now, it may be
  /// another's, or nobody's; its memory stays.
  struct Peeked {
    Connection* connection = nullptr;  ///< null: there is none
    const Stream* ciphertext;
    const Stream* plaintext;
    std::uint8_t depth;  ///< of the ciphertext
  };
  [[gnu::always_inline]] Peeked PeekTls(
      const Connection::ClientRandom& random) const {
    Peeked found;
    tls_.Visit(random[0], [&](Connection* connection) {
      if (!connection->HasOwnRandom(random, &found.depth) ||
          found.depth + 1 == Connection::kMaxStreams) {
        return false;
      }
      found.ciphertext = connection->own_stream(found.depth);
      found.plaintext = connection->own_stream(found.depth + 1);
      if (found.ciphertext != nullptr && found.plaintext != nullptr) {
        found.connection = connection;
      }
      return true;
    });
    return found;
  }
  /// As FindTls, if what PeekTls has told is still so; else nobody.
  Use AcquireTls(const Peeked& peeked, const Connection::ClientRandom& random) {
    Connection* const connection = peeked.connection;
    if (!connection->TryRetain()) return Use(this, nullptr);
    if (connection->HasOwnRandomAt(peeked.depth, random) &&
        connection->own_stream(peeked.depth + 1) != nullptr) [[likely]] {
      return Use(this, connection);
    }
    Release(connection);
    return Use(this, nullptr);
  }

  /// The session with the client random `before` has taken `after` instead.
  void RenameTls(const Connection::ClientRandom& before,
                 const Connection::ClientRandom& after);

  /// Tracks `fd` as a new connection to `vendor`, which is empty when only what
  /// it shows may give it one. Counted as untracked when there is no room.
  /// `since_ns`, `expected`: as Connection::Begin.
  void Open(int fd, std::string_view vendor, const Endpoint& remote,
            Origin origin, std::uint64_t since_ns,
            const SocketIdentity& socket = {}, const Expected& expected = {});
  /// The same for a descriptor that is unknown still; another thread may be the
  /// first to find out.
  void Adopt(int fd, std::string_view vendor, const Endpoint& remote,
             Origin origin, const SocketIdentity& socket = {},
             const Expected& expected = {});
  /// `fd` is unknown, and is found to be no connection.
  void SettlePlain(int fd) { table_.Settle(fd, ConnectionTable::Plain()); }
  /// The same, but its peer is a DNS server.
  void SettleDnsDatagrams(int fd) {
    table_.Settle(fd, ConnectionTable::DnsDatagrams());
  }
  /// `fd` is plain, but what comes in may be answers of a DNS server.
  void ListenToDatagrams(int fd);
  void ListenToStream(int fd);
  bool HasDnsDatagrams(int fd) const {
    return table_.Peek(fd) == ConnectionTable::DnsDatagrams();
  }
  bool HasDnsStream(int fd) const {
    return table_.Peek(fd) == ConnectionTable::DnsStream();
  }
  /// A DNS server said so: a whole message, or what came next in a stream.
  void Answered(protocol::Bytes message);
  void ReceivedDns(DnsStreams::Owner owner, protocol::Bytes data);
  /// Whatever `fd` was, it may be anything now.
  void Doubt(int fd);
  /// Counts a connection that never came to be.
  void CountFailure(std::string_view vendor, int error);
  void CountProxyError(std::string_view vendor, ProxyError error,
                       std::uint32_t times = 1);

  /// `to` becomes another descriptor of what `from` is.
  void Share(int from, int to);

  /// Calls `visit(fd)` for every descriptor from `first` to `last` that has a
  /// connection.
  template <typename Visitor>
  void ForEach(unsigned int first, unsigned int last, Visitor visit) {
    table_.ForEach(first, last, visit);
  }

  /// Takes memory for so many connections now, under the lowest descriptors.
  void Reserve(std::uint32_t connections) {
    pool_.Reserve(connections);
    streams_.Reserve(connections);
  }

  /// Takes the entry of `fd` out, with its reference: for PutBack or Release.
  Connection* Take(int fd);
  void PutBack(int fd, Connection* connection);
  /// Drops a reference; the last one ends the connection.
  void Release(Connection* connection) {
    if (connection->DropReference()) [[unlikely]]
      End(connection);
  }
  /// `fd` is plain from now on.
  void Forget(int fd) {
    if (HasDnsStream(fd)) [[unlikely]]
      dns_.End(DnsStreams::Of(fd));
    bool stored;
    Connection* previous =
        table_.Exchange(fd, ConnectionTable::Plain(), &stored);
    if (previous != nullptr) Release(previous);
  }

  // For Connection and Stream.
  Meter& meter() { return *meter_; }
  TlsPairing& tls() { return tls_; }
  Http2Sessions& http2() { return http2_; }
  UdpRelays& relays() { return relays_; }
  DnsStreams& dns() { return dns_; }
  QuicHellos& quic() { return quic_; }
  Credentials& credentials() { return credentials_; }
  Attribution* attribution() { return attribution_; }
  std::uint32_t process_generation() { return process_->generation(); }
  std::uint32_t forks() { return process_->forks(); }
  std::uint32_t children() const { return process_->children(); }
  std::uint32_t copies() const { return process_->copies(); }
  Stream* NewStream() { return streams_.Allocate(); }
  void FreeStream(Stream* stream) { streams_.Free(stream); }
  JournalRow* VendorRow(std::string_view vendor);
  /// How the connections to a vendor begin: with a request, or with something
  /// else. Of the last one only, as a guess for the next.
  void NoteBeginning(JournalRow* vendor_row, bool with_request) {
    requests_first_.store(with_request ? vendor_row : nullptr,
                          std::memory_order_relaxed);
  }
  bool BeginsWithRequest(const JournalRow* vendor_row) const {
    return requests_first_.load(std::memory_order_relaxed) == vendor_row;
  }

 private:
  void End(Connection* connection);

  Meter* meter_;
  Process* process_;
  Attribution* attribution_;
  std::atomic<JournalRow*> requests_first_{nullptr};
  ConnectionTable table_;
  TlsPairing tls_;
  Http2Sessions http2_;
  UdpRelays relays_;
  DnsStreams dns_;
  QuicHellos quic_;
  Credentials credentials_;
  Slab<Connection> pool_;
  Slab<Stream> streams_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_CONNECTIONS_H_
