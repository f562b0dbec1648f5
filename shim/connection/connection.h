// One TCP connection to a proxy (or directly to the internet).
#ifndef PROXYMETER_SHIM_CONNECTION_CONNECTION_H_
#define PROXYMETER_SHIM_CONNECTION_CONNECTION_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxymeter/endpoint.h"
#include "proxymeter/journal.h"
#include "proxymeter/proxy_error.h"
#include "shim/attribution/attribution.h"
#include "shim/connection/dns_streams.h"
#include "shim/connection/http2_tunnels.h"
#include "shim/connection/stream.h"
#include "shim/protocol/host_name.h"

namespace proxymeter::shim {

class Connections;

/// What the kernel counted on a connection, in bytes of payload.
struct KernelFigures {
  std::uint64_t sent;           ///< handed to the socket, sent or not
  std::uint64_t received;       ///< arrived, read or not
  std::uint64_t retransmitted;  ///< sent more than once
  std::uint32_t rtt_us;         ///< smoothed; 0 when never measured
};

/// How a connection came to be.
enum class Origin : std::uint8_t {
  kConnecting,   ///< connect is under way
  kEstablished,  ///< connect succeeded
  kAdopted,      ///< made by another program
  kDatagrams,    ///< of UDP: nothing connects
};

/// Lives in a slab whose memory is never unmapped: a pointer to a dead one may
/// be held, and TryRetain tells. Descriptors that share the connection (dup)
/// and calls under way each hold a reference.
class Connection {
 public:
  static constexpr std::uint8_t kMaxStreams = 3;
  using ClientRandom = std::array<std::uint64_t, 4>;

  /// Takes a fresh one into use, with one reference. `slot` is its own in the
  /// journal, or null; `vendor_row` is the
  /// vendor's row, whose name outlives every policy; `since_ns` is when connect
  /// was called (FineMonotonicNs), 0 where nobody did. With `expected`, what it
  /// will show may make another vendor of it, or add labels.
  void Begin(Connections* home, JournalRow* vendor_row, const Endpoint& remote,
             Origin origin, std::uint64_t since_ns,
             ConnectionSlot* slot = nullptr, const Expected& expected = {});

  bool TryRetain() {
    std::uint32_t references = references_.load(std::memory_order_relaxed);
    do {
      if (references == 0) return false;
    } while (!references_.compare_exchange_weak(references, references + 1,
                                                std::memory_order_acq_rel));
    return true;
  }
  /// True when this was the last reference: the caller ends the connection.
  bool DropReference() {
    return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  }
  /// True when no other descriptor or call has the connection, nor another
  /// process that has told.
  bool IsSoleOwner();
  /// True when a child may have taken the connection along through exec,
  /// unless its descriptor closes then.
  bool MayBeInherited();
  /// Another process has it too.
  void NoteShared() {
    shared_.store(true, std::memory_order_relaxed);
    NoteMayBeShared();
  }
  /// Another program may come by it.
  void NoteMayBeShared() {
    if (slot_ != nullptr) {
      slot_->may_be_shared.store(1, std::memory_order_relaxed);
    }
  }

  /// What is sent next begins a request, plain or within TLS. Should the end of
  /// the process interrupt the call that sends it, this tells the collector.
  void ExpectRequest(bool in_tls);
  void CountRequest(JournalRow* row);
  /// Of a connection as such: it began with a request, or does not carry plain
  /// requests, as had perhaps been expected.
  void BeganWithRequest();
  void CarriesNoRequests();
  /// Gives every held byte its destination and counts how connecting ended.
  void End();

  Stream* socket_stream() { return &socket_stream_; }
  /// The stream at `depth`, or at a tunnel's place (Http2Tunnels); null when it
  /// has not begun. None begins at kMaxStreams.
  Stream* stream(std::uint8_t depth) const {
    if (depth < kMaxStreams) {
      return streams_[depth].load(std::memory_order_acquire);
    }
    Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
    const auto* at = tunnels != nullptr ? tunnels->At(depth) : nullptr;
    return at != nullptr ? at->load(std::memory_order_acquire) : nullptr;
  }
  /// The same, of what is in no tunnel of HTTP/2: `depth` < kMaxStreams.
  Stream* own_stream(std::uint8_t depth) const {
    return streams_[depth].load(std::memory_order_acquire);
  }
  /// Begins the stream at `depth`; null when there is no memory.
  Stream* EnsureStream(std::uint8_t depth);

  const Endpoint& remote() const { return remote_; }
  std::string_view vendor() const { return vendor_row()->vendor(); }

  // Whose it is.
  const Expected& expected() const { return expected_; }
  /// It has shown that much of itself. True when rows are others from now on.
  bool Judge(const Shown& shown);
  /// Whose it is may yet show.
  bool undecided() const { return undecided_.load(std::memory_order_acquire); }
  /// What it has shown so far must do: something is to be counted.
  void Decide();
  /// The proxy asks for a user name: for whom that counts shows when there is
  /// one. False when it is known already.
  bool DeferRefusal(ProxyError error);
  /// A request in clear shows no user name, and one may follow when the proxy
  /// asks for it: the request waits with its bytes. False when nothing may show
  /// any more.
  bool DeferRequest();
  /// The proxy asks for a user name instead of passing that request on.
  bool DeferRefusedRequest(ProxyError error);
  bool defers_requests() const {
    return requests_.load(std::memory_order_acquire) != 0;
  }
  /// Bytes that only open the way through the proxy, among those counted.
  void CountHandshake(VendorCounter counter, std::size_t size);
  /// Null when there is no room, which is counted.
  protocol::ProxyCredentials* TakeCredentials();
  /// Wiped.
  void GiveBackCredentials(protocol::ProxyCredentials* credentials);
  bool is_datagrams() const { return origin_ == Origin::kDatagrams; }

  // What comes in may be answers of a DNS server.
  bool is_of_resolver() const { return remote_.port == kDnsPort; }
  void ReceivedDns(protocol::Bytes data);
  void LoseDns();

  // How connecting went.
  bool connecting() const {
    return connecting_.load(std::memory_order_relaxed);
  }
  void Established();
  /// SO_ERROR had nothing to say. Before the first byte moves, this is the best
  /// that is known of when the connection stood.
  void Answered();
  /// `error` is connect's errno.
  void ConnectFailed(int error);
  /// Closed before an answer came.
  void Abandoned();

  /// Adds what the kernel counted beyond what the hooks saw: stdio on a socket,
  /// io_uring, raw system calls, bytes that nobody read. For the sole owner, at
  /// its end. False when some of what was received is among it.
  bool Reconcile(const KernelFigures& kernel);

  // Where bytes go.
  /// The row for bytes that belong to no request in particular; null while the
  /// destination is unknown.
  JournalRow* row() const { return row_.load(std::memory_order_acquire); }
  /// Sets it, and gives it what has been held so far.
  void SetRow(JournalRow* row);
  /// Gives what is held to the row in force, if there is one.
  void ReleaseToRow();
  /// The destination is open again: a tunnel is about to begin.
  void ForgetRow() {
    row_.store(nullptr, std::memory_order_release);
    if (slot_ != nullptr) slot_->row.store(0, std::memory_order_relaxed);
  }
  void HoldSent(std::size_t size);
  void HoldReceived(std::size_t size);
  std::uint64_t held_received() const {
    return held_[1].load(std::memory_order_relaxed);
  }
  /// Gives held bytes to what the connection's target is so far.
  void ReleaseToTarget();

  // What it is for: SNI, else the CONNECT or SOCKS target; else the remote
  // address when no proxy is in between, or `_unknown`.
  void SetTarget(const protocol::HostName& host);
  JournalRow* FindTargetRow(Protocol protocol, Visibility visibility);
  JournalRow* FindRow(std::string_view destination, Protocol protocol,
                      Visibility visibility);
  void CountTunnelReply(Protocol protocol, std::uint16_t code);
  /// `status` as in grpc-status.
  void CountGrpcStatus(int status);
  /// Of what the vendor's proxy did not do. Without a proxy there is none.
  void CountProxyError(ProxyError error, std::uint32_t times = 1);
  /// The phase lasted from `since_ns` until `now_ns`; 0 is no time.
  void Time(Phase phase, std::uint64_t since_ns, std::uint64_t now_ns);
  /// The peer ended the connection, before we did: whether that is an error of
  /// its proxy. For the sole owner.
  void EndedByPeer();
  void CountEvent(ShimCounter counter);

  // For its streams.
  /// The proxy takes datagrams at `relay`, while this is open.
  void OpenRelay(Endpoint relay);
  /// The number of this process among its forks.
  std::uint32_t process_generation();
  /// `code` is TlsSessionCode.
  void CountTlsSession(std::uint16_t code, Visibility visibility);
  /// Null when there is no room.
  protocol::Http2Session* TakeHttp2();
  void GiveBackHttp2(protocol::Http2Session* session);
  /// The same.
  protocol::QuicHello* TakeQuic();
  void GiveBackQuic(protocol::QuicHello* hello);

  /// Takes what tunnels are to be kept in. False when it has others.
  bool TakeTunnels(Http2Tunnels* tunnels);
  /// The stream of what is sent through the tunnel that HTTP/2's stream `id`
  /// is; null when there is no room. `known` knows which others still are.
  Stream* OpenTunnel(std::uint32_t id, bool in_tls,
                     const protocol::Http2Streams& known);
  /// Gives their streams back. Nobody uses the connection any more.
  void FreeTunnels();

  // The TLS session that stream `tls_depth` carries.
  void SetClientRandom(std::uint8_t tls_depth,
                       std::span<const std::uint8_t, 32> random);
  /// The session in stream `tls_depth` has taken another random.
  void ReplaceClientRandom(std::uint8_t tls_depth, const ClientRandom& random);
  /// A TLS session whose hello was seen is told by its random alone.
  bool has_client_random() const {
    return randoms_[0][0].load(std::memory_order_relaxed) != 0;
  }
  /// Which stream carries the session with this random? Not those of HTTP/2's
  /// tunnels: asked of whom nobody holds, whose tunnels may be going away. In
  /// the header for speed, as every call of a TLS library asks.
  bool HasOwnRandom(const ClientRandom& random, std::uint8_t* tls_depth) const {
    for (std::uint8_t depth = 0; depth < kMaxStreams; ++depth) {
      if (IsRandom(randoms_[depth], random)) {
        *tls_depth = depth;
        return random[0] != 0;
      }
    }
    return false;
  }
  bool HasOwnRandomAt(std::uint8_t tls_depth,
                      const ClientRandom& random) const {
    return IsRandom(randoms_[tls_depth], random);
  }
  bool has_tunnels() const {
    return tunnels_.load(std::memory_order_acquire) != nullptr;
  }
  /// The same of all streams, for who holds it.
  bool HasClientRandom(const ClientRandom& random,
                       std::uint8_t* tls_depth) const {
    return HasOwnRandom(random, tls_depth) ||
           (has_tunnels() && HasTunnelRandom(random, tls_depth));
  }

 private:
  enum Direction : std::uint8_t { kSentDirection, kReceivedDirection };

  using Random = Http2Tunnels::Random;

  static constexpr std::uint16_t kProxyAuthenticationRequired = 407;

  // Streams and sessions are at less than that.
  std::uint8_t places() const {
    return tunnels_.load(std::memory_order_acquire) == nullptr
               ? kMaxStreams
               : Http2Tunnels::PlaceOf(Http2Tunnels::kMost);
  }
  static bool IsRandom(const Random& stored, const ClientRandom& random) {
    return stored[0].load(std::memory_order_acquire) == random[0] &&
           stored[1].load(std::memory_order_acquire) == random[1] &&
           stored[2].load(std::memory_order_acquire) == random[2] &&
           stored[3].load(std::memory_order_acquire) == random[3];
  }
  [[gnu::noinline]] bool HasTunnelRandom(const ClientRandom& random,
                                         std::uint8_t* tls_depth) const;
  Random* RandomAt(std::uint8_t tls_depth);
  void ForgetRandom(Random* random);
  void Hold(Direction direction, std::size_t size);
  void Release(JournalRow* row);
  void DropHeldOfParent();
  JournalRow* vendor_row() const {
    return vendor_row_.load(std::memory_order_acquire);
  }
  bool MayChangeVendor() const;
  void MoveTo(JournalRow* vendor_row);
  void CountEstablished(std::uint64_t now_ns);
  void CountDeferred();
  void CountDeferredRequests();
  JournalRow* FindRow(std::string_view destination, const Labels& labels,
                      Protocol protocol, Visibility visibility);
  bool IsOfThisProcess();
  bool EnterTarget();
  void GiveBackSlot();
  void CountWithoutSlot(int change);

  // What nearly every call looks at, side by side.
  std::atomic<std::uint32_t> references_;
  std::atomic<bool> connecting_;
  Origin origin_;
  Connections* home_;
  std::atomic<JournalRow*> row_;
  std::atomic<Stream*> streams_[kMaxStreams];  // [0] is socket_stream_
  std::atomic<Http2Tunnels*> tunnels_;  // in an Http2Session's memory, or null
  ConnectionSlot* slot_;
  // Of the TLS session in each stream. Word 0 is stored last; zero is none.
  Random randoms_[kMaxStreams];
  Stream socket_stream_;

  std::atomic<JournalRow*> vendor_row_;
  JournalRow* held_row_;  // the first of these: what is held is held there
  Expected expected_;
  std::uint32_t policy_generation_;  // in force when it began
  std::atomic<bool> undecided_;      // whose it is may yet show
  std::uint32_t deferred_by_;        // process generation of what follows
  std::atomic<std::uint64_t> established_ns_;  // not counted yet; or 0
  std::atomic<std::uint32_t> refusals_;        // the same, to CONNECT
  std::atomic<std::uint32_t> requests_;        // the same
  std::atomic<std::uint32_t> refused_;         // the same, of these
  std::atomic<ProxyError> refusal_;
  std::atomic<std::uint64_t> handshake_[2];  // the same, sent and received
  std::uint64_t since_ns_;
  std::atomic<std::uint64_t> answered_ns_;
  std::atomic<JournalRow*> phase_rows_[kLastPhase + 1];
  Endpoint remote_;
  // The process (Process::generation) whose held bytes these are: a forked
  // child must not give its parent's a second time.
  std::atomic<std::uint32_t> generation_;
  std::atomic<std::uint64_t> held_[2];
  std::uint32_t forks_before_;     // Process::forks when it began
  std::uint32_t children_before_;  // Process::children
  std::uint32_t copies_before_;    // Process::copies
  std::atomic<bool> shared_;
  std::atomic<bool> has_relay_;
  SideLock target_lock_;
  protocol::HostName target_;
  Labels labels_;  // under the same lock
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_CONNECTION_H_
