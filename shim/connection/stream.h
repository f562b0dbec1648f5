// One stream of bytes in two directions, and what is spoken on it.
#ifndef PROXYMETER_SHIM_CONNECTION_STREAM_H_
#define PROXYMETER_SHIM_CONNECTION_STREAM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "proxymeter/journal.h"
#include "shim/connection/exchanges.h"
#include "shim/connection/http2_tunnels.h"
#include "shim/connection/side_lock.h"
#include "shim/meter/meter.h"
#include "shim/protocol/bytes.h"
#include "shim/protocol/client_flight.h"
#include "shim/protocol/client_hello.h"
#include "shim/protocol/http1_request.h"
#include "shim/protocol/http1_response.h"
#include "shim/protocol/http2_side.h"
#include "shim/protocol/proxy_prefix.h"
#include "shim/protocol/proxy_reply.h"
#include "shim/protocol/quic_hello.h"
#include "shim/protocol/server_flight.h"
#include "shim/protocol/socks.h"
#include "shim/protocol/tls_turns.h"

namespace proxymeter::shim {

class Connection;

/// Stream 0 of a connection is what its socket carries; stream 1 is the
/// plaintext of the TLS session in stream 0, and so on: a TLS session to an
/// HTTPS proxy carries a tunnel that carries a TLS session. Only stream 0
/// counts bytes; the others add meaning (hosts, requests, responses).
///
/// One thread may send while another receives. Members are grouped by the side
/// that owns them; what both touch is atomic.
class alignas(64) Stream {
 public:
  /// Makes this the stream at `depth` of `connection`, nothing spoken yet.
  void Begin(Connection* connection, std::uint8_t depth, bool in_tls);
  /// What it carries is sent through a tunnel.
  void BeginInTunnel();
  /// Ends it for another to be begun in its place; until then nobody gets in.
  /// False when somebody is inside.
  bool Retire();
  /// Gives back what it took. Nobody uses it any more.
  void GiveBack();

  /// What was reported as sent and received is counted here from now on. Before
  /// anything is.
  void CountIn(std::atomic<std::uint64_t>* moved_sent,
               std::atomic<std::uint64_t>* moved_received) {
    moved_sent_.store(moved_sent, std::memory_order_relaxed);
    moved_received_.store(moved_received, std::memory_order_relaxed);
  }

  /// What this carries is not a stream but datagrams.
  void CarryDatagrams() {
    stage_.store(Stage::kDatagrams, std::memory_order_release);
  }
  /// The kernel encrypts from here on: what passes is plaintext, in other
  /// numbers of bytes than the wire's.
  void LeaveTlsToKernel();

  /// True when something happened (a head, the end of a message), false when
  /// bytes merely went by.
  bool Sent(protocol::Bytes data);
  bool Received(protocol::Bytes data);

  /// Bytes that moved but cannot be looked at: counted, and the parsers give
  /// up on the stream.
  [[gnu::noinline]] void SentUnseen(std::size_t size);
  [[gnu::noinline]] void ReceivedUnseen(std::size_t size);

  /// A datagram of `size` bytes went out, and begins with these.
  void SentDatagram(protocol::Bytes front, std::size_t size);
  /// False once none of them will be looked at any more.
  bool looks_at_datagrams() const { return stage() == Stage::kDatagrams; }

  /// Everything has moved: a response that only the end of its connection ends
  /// is complete.
  void End();
  /// Counts what it leaves undone that the peer ends the connection now; false
  /// when that is nothing. For the sole owner.
  bool BlameEnd();

  /// Bytes that the hooks reported of this stream.
  std::uint64_t moved_sent() const {
    return moved_sent_.load(std::memory_order_relaxed)
        ->load(std::memory_order_relaxed);
  }
  std::uint64_t moved_received() const {
    return moved_received_.load(std::memory_order_relaxed)
        ->load(std::memory_order_relaxed);
  }

 private:
  // Stands for content that was not seen.
  static constexpr std::uint8_t kFiller[4096] = {};

  enum class Stage : std::uint8_t {
    kFirstBytes,    ///< nothing sent yet
    kProxyPrefix,   ///< what may become the PROXY protocol's
    kPreface,       ///< what may become HTTP/2's first bytes
    kHttp1,         ///< HTTP/1 requests
    kHttp2,         ///< HTTP/2
    kConnect,       ///< a CONNECT head has been sent, its reply is awaited
    kSocks,         ///< SOCKS hand-shake
    kTunnel,        ///< a tunnel is open, nothing sent through it yet
    kClientHello,   ///< TLS, before the end of its first message
    kTlsHandshake,  ///< TLS; not known yet whether its plaintext will be seen
    kTlsUnread,     ///< TLS whose plaintext is not seen: its records are
    kDatagrams,     ///< datagrams, of which the first may tell what they are
    kOpaque,        ///< bytes only, for ever
  };

  Stage stage() const { return stage_.load(std::memory_order_acquire); }
  // False when the stream has moved elsewhere meanwhile.
  bool Move(Stage from, Stage to) {
    return stage_.compare_exchange_strong(from, to, std::memory_order_acq_rel);
  }

  // Out of line: the registers they need are not the fast path's to save.
  [[gnu::noinline]] bool SendSlowly(protocol::Bytes data);
  [[gnu::noinline]] bool ReceiveOther(protocol::Bytes data);
  [[gnu::noinline]] bool ReceiveSlowly(protocol::Bytes data);
  // False when there is more to do about the bytes than to count them.
  bool ReceiveOpaque(std::size_t size);
  bool ReceiveHttp2Data(protocol::Bytes* data);
  // Each takes the bytes it understands off the front of `data`.
  void SendStep(protocol::Bytes* data);
  void Recognise(Stage stage, protocol::Bytes* data);
  void SendRequest(protocol::Bytes* data);
  void OnRequestHead();
  void ReadCredentials();
  void WipeCredentials();
  // Whether they name a vendor, or an account.
  bool ShowCredentials();
  bool MayDeferRequest() const;
  bool JudgeBy(const protocol::ProxyCredentials& credentials);
  void ExpectRequest();
  void CarriesNoRequests();
  void SendProxyPrefix(protocol::Bytes* data);
  void SendPreface(protocol::Bytes* data);
  void SendHttp2(protocol::Bytes* data);
  bool EndUpgradedRequest(protocol::Bytes* data);
  void OpenHttp2Tunnel(protocol::Http2Session* session);
  Stream* TunnelOf(const protocol::Http2Side& side);
  void OnHttp2Request(protocol::Http2Session* session);
  void SendSocks(protocol::Bytes* data);
  void SendClientHello(protocol::Bytes* data);
  void SendTlsHandshake(protocol::Bytes* data);
  void SendTlsUnread(protocol::Bytes* data);
  void ReceiveStep(protocol::Bytes* data);
  bool MayStartResponse(Stage now, protocol::Bytes data) const;
  const Exchange* AwaitRequest();
  void ReceiveResponse(protocol::Bytes* data);
  void OnResponseHead(const Exchange* exchange);
  void OnUpgrade(const Exchange* exchange, JournalRow* row);
  // Null for a CONNECT, and for a request of which nobody knows yet whose it
  // is.
  JournalRow* ResponseRow(const Exchange* exchange) const;
  void UpgradeToHttp2(const Exchange& exchange);
  bool MayStartHttp2(Stage now, protocol::Bytes data) const;
  void ReceiveHttp2(protocol::Bytes* data);
  void OnHttp2Event(protocol::Http2Event event,
                    protocol::Http2Session* session);
  void BeginHttp2Response(protocol::Http2Session* session);
  void OnHttp2Response(protocol::Http2Session* session);
  void OnHttp2Reset(const protocol::Http2Streams::Stream& stream);
  void OnHttp2Goaway(protocol::Http2Session* session);
  void Blame(const protocol::Http2Streams::BrokenOff& requests);
  bool BlameHttp2End();
  void CountGrpcStatus(const protocol::Http2Session& session);
  void EndHttp2Response(const protocol::Http2Side& server);
  static void AwaitHttp2Request(const protocol::Http2Session& session);
  void ReceiveSocks(protocol::Bytes* data);
  void OnSocksGranted();

  void TakeDatagram(protocol::Bytes front, std::size_t size);
  void LookAtDatagram(protocol::Bytes front);
  void CountQuic(Alpn alpn);
  void LeaveDatagrams();
  bool is_quic() const {
    return named_.load(std::memory_order_relaxed) == Protocol::kQuic;
  }

  // TLS from outside (stream_tls.cc).
  enum class TlsClient : std::uint8_t { kHandshake, kFinished, kData };
  enum class TlsPlace : std::uint8_t { kKnown, kLost, kLeftToKernel };
  // What the two have agreed on.
  struct alignas(std::uint32_t) TlsAgreed {
    TlsVersion version;
    Alpn alpn;
    std::uint16_t cipher_suite;
  };
  static_assert(std::atomic<TlsAgreed>::is_always_lock_free);
  void FollowClient(protocol::Bytes data);
  void OnClientFinished(std::size_t length);
  void OnClientData(std::size_t length);
  bool MayStartServerHello(Stage now, protocol::Bytes data) const;
  void AwaitClientsTurn();
  void FollowServer(protocol::Bytes data);
  void OnServerHello();
  void OnServerData(std::size_t length);
  void SkipTls(SideLock* side, bool client, std::size_t size);
  void LeaveUnread();
  void ProveUnread();
  void LoseTls();
  bool InfersRequests(const TlsAgreed& agreed) const;
  protocol::IsHttp2 SpeaksHttp2(const TlsAgreed& agreed) const;
  void InferRequest();
  void CountInferred(std::uint64_t requests);
  void CountTlsSession(Visibility visibility);
  void EndTls();
  bool is_in_tunnel() const;

  void HandshakeDone();
  void BeginResponse(const Exchange& exchange);
  void EndResponse(const Exchange* exchange);
  protocol::ReplyTo reply_to(const Exchange* exchange) const;
  protocol::Http2Session* EnsureHttp2();
  JournalRow* FindHttp2Row(const protocol::HostName& host, JournalRow* last);
  void RememberHttp2(protocol::Http2Side* side, JournalRow* row,
                     std::uint64_t now_ns);
  static TrafficCounter ResponseClass(int status);
  void CountSent(JournalRow* row, std::size_t size);
  void CountReceived(JournalRow* row, std::size_t size);
  void HoldSent(std::size_t size);
  void HoldReceived(std::size_t size);
  // Bytes only from now on; `protocol` names them unless a row is in force.
  void BecomeOpaque(Protocol protocol);
  // As above, because a parser lost its place in the middle.
  void Desynchronise(Protocol protocol);
  bool names_connection() const { return depth_ < Http2Tunnels::PlaceOf(1); }
  void SetTarget(const protocol::HostName& host);
  Protocol http1() const {
    return in_tls_ ? Protocol::kHttps1 : Protocol::kHttp1;
  }
  Protocol http2() const {
    return in_tls_ ? Protocol::kHttps2 : Protocol::kHttp2;
  }
  Protocol opaque_protocol() const {
    const Protocol named = named_.load(std::memory_order_relaxed);
    if (named != Protocol::kUnknown) return named;
    return in_tls_ ? Protocol::kTls : Protocol::kTcp;
  }
  // Takes a name from first bytes; the first one stands.
  void NameBy(Protocol protocol) {
    Protocol unknown = Protocol::kUnknown;
    named_.compare_exchange_strong(unknown, protocol,
                                   std::memory_order_relaxed);
  }

  // What nearly every call looks at, in one line of the cache. The kernel has
  // just used most of what was there.
  Connection* connection_;
  JournalRow* body_row_;  // of the response whose body is being read
  std::uint8_t depth_;
  bool in_tls_;
  bool is_dns_;  // what comes in may be answers of a DNS server
  std::atomic<Stage> stage_;
  std::atomic<bool> socks_reply_due_;
  SideLock receiving_;
  std::atomic<bool> in_tunnel_;
  std::atomic<bool> upgrading_;  // to HTTP/2, by the request being sent
  std::atomic<Protocol> named_;  // by its first bytes, if it is not read
  // Its own, or the journal's.
  std::atomic<std::atomic<std::uint64_t>*> moved_sent_;
  std::atomic<std::atomic<std::uint64_t>*> moved_received_;
  std::atomic<std::uint64_t> own_moved_sent_;
  std::atomic<std::uint64_t> own_moved_received_;
  Exchanges exchanges_;
  std::atomic<protocol::Http2Session*> http2_;  // null until it is spoken
  std::atomic<Http2Tunnels*> tunnels_;          // by it, if they are followed
  std::atomic<bool> socks_udp_;                 // UDP ASSOCIATE was asked for
  std::atomic<TlsClient> tls_client_;
  std::atomic<TlsPlace> tls_place_;
  std::atomic<TlsAgreed> tls_agreed_;
  std::atomic<std::uint32_t> tls_process_;  // that said hello; 0: nobody has
  // Nobody has shown the plaintext when the server answered. Before that,
  // requests that may yet be shown wait.
  std::atomic<bool> tls_unread_;
  std::atomic<std::uint32_t> tls_waiting_;
  std::atomic<void*> tls_sender_;   // the thread that sent last
  std::atomic<bool> tls_answered_;  // the server's turn was since the last one
  std::atomic<bool> tls_http2_;     // the server began as in HTTP/2
  std::atomic<bool> tls_counted_;   // the session is in its row

  // Sending side.
  SideLock sending_;
  std::uint64_t socks_ns_;               // when the hand-shake began
  std::atomic<std::uint64_t> hello_ns_;  // when ClientHello was sent, or 0
  std::uint8_t handshake_sends_;
  std::uint8_t preface_size_;
  bool begun_;                // no prefix can come any more
  std::uint8_t alpn_offers_;  // all may read it once the hand-shake is on
  JournalRow* request_row_;   // of the request being sent
  std::size_t head_size_;     // of the request whose head is being sent
  std::size_t unassigned_;    // bytes of the head being sent, in this call
  union {                     // one hand-shake after the other
    protocol::Http1RequestParser request_;
    protocol::ClientHelloParser hello_;
    protocol::SocksClientParser socks_;
    protocol::ProxyPrefixParser prefix_;
  };
  protocol::ClientFlight flight_;
  protocol::ClientTurns client_turns_;
  protocol::ProxyCredentials* credentials_;  // of the head, or null
  protocol::QuicHello* quic_;  // while its hello is not complete, or null
  TlsVersion quic_version_;
  std::uint8_t datagrams_;

  // Receiving side.
  std::uint8_t socks_version_;
  protocol::Http1ResponseParser response_;
  std::uint64_t response_ns_;  // when it began, or 0
  protocol::SocksServerParser socks_reply_;
  protocol::ServerFlight server_flight_;
  protocol::ServerTurns server_turns_;
};

inline void Stream::CountSent(JournalRow* row, std::size_t size) {
  moved_sent_.load(std::memory_order_relaxed)
      ->fetch_add(size, std::memory_order_relaxed);
  if (depth_ != 0) return;
  if (row != nullptr) [[likely]] {
    Add(row, kSentBytes, size);
  } else if (size != 0) {
    HoldSent(size);
  }
}

inline void Stream::CountReceived(JournalRow* row, std::size_t size) {
  moved_received_.load(std::memory_order_relaxed)
      ->fetch_add(size, std::memory_order_relaxed);
  if (depth_ != 0) return;
  if (row != nullptr) [[likely]] {
    Add(row, kReceivedBytes, size);
  } else if (size != 0) {
    HoldReceived(size);
  }
}

// Inline, since nearly all bytes of a crawler are of a response's body.
[[gnu::always_inline]] inline bool Stream::Received(protocol::Bytes data) {
  if (stage() != Stage::kHttp1) return ReceiveOther(data);
  if (!receiving_.TryEnter()) [[unlikely]] {
    ReceivedUnseen(data.size());
    return true;
  }
  if (body_row_ != nullptr && stage() == Stage::kHttp1 &&
      response_.Skip(data.size())) [[likely]] {
    CountReceived(body_row_, data.size());
    receiving_.Leave();
    return false;
  }
  return ReceiveSlowly(data);
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_STREAM_H_
