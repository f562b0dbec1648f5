// A stream that carries TLS. Whether its plaintext will be seen, by the calls
// of a library that is intercepted, shows only when the client has sent data
// and nobody has shown any: until then bytes are held. Of a session that nobody
// reads the records are followed, and requests inferred from them.
#include <new>

#include "shim/clock.h"
#include "shim/connection/brief_wait.h"
#include "shim/connection/connection.h"
#include "shim/connection/stream.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;
using protocol::ClientFlight;
using protocol::ServerFlight;
using protocol::TlsContent;

// After its ClientHello a client sends its Finished (as data, to who cannot
// read it), then data. Data without an SSL object known by then means that the
// library's calls bypass us.
constexpr std::uint8_t kSendsBeforeOpaque = 2;

}  // namespace

void Stream::SendClientHello(Bytes* data) {
  const auto status = hello_.Consume(*data);
  FollowClient(*data);
  unassigned_ += data->size();
  *data = {};
  switch (status) {
    case protocol::ClientHelloParser::Status::kNeedMore:
      return;
    case protocol::ClientHelloParser::Status::kNotTls:
      BecomeOpaque(opaque_protocol());
      return;
    case protocol::ClientHelloParser::Status::kDone:
      break;
  }
  // A name that many hide behind says less than the tunnel's target.
  const bool in_tunnel = is_in_tunnel();
  if (!hello_.may_hide_another() || !in_tunnel) {
    SetTarget(hello_.server_name());
  }
  if (!in_tunnel && depth_ == 0 && connection_->expected().name) {
    Shown shown;
    shown.server_name = hello_.server_name().view();
    connection_->Judge(shown);
  }
  handshake_sends_ = 0;
  alpn_offers_ = hello_.alpn_offers();
  connection_->SetClientRandom(depth_, hello_.random());
  hello_ns_.store(FineMonotonicNs(), std::memory_order_relaxed);
  tls_process_.store(connection_->process_generation() + 1,
                     std::memory_order_relaxed);
  Move(Stage::kClientHello, Stage::kTlsHandshake);
}

// The client may send data as soon as the hand-shake is done, and it is when
// the first of it has been sent that this shows.
void Stream::HandshakeDone() {
  const std::uint64_t since = hello_ns_.exchange(0, std::memory_order_relaxed);
  if (since != 0) {
    connection_->Time(Phase::kTlsHandshake, since, FineMonotonicNs());
  }
}

void Stream::SendTlsHandshake(Bytes* data) {
  const bool paired = connection_->stream(depth_ + 1) != nullptr;
  if (connection_->row() != nullptr) {
    Move(Stage::kTlsHandshake, Stage::kOpaque);
    return;
  }
  // Only records of data count: a flight may come in several writes, and a
  // HelloRetryRequest asks for a second hello.
  if (!paired && TlsContent{data->front()} == TlsContent::kData &&
      ++handshake_sends_ >= kSendsBeforeOpaque) {
    HandshakeDone();
    LeaveUnread();
    return;
  }
  FollowClient(*data);
  unassigned_ += data->size();
  *data = {};
}

void Stream::SendTlsUnread(Bytes* data) {
  CountSent(connection_->row(), data->size());
  FollowClient(*data);
  *data = {};
}

void Stream::FollowClient(Bytes data) {
  tls_sender_.store(__builtin_thread_pointer(), std::memory_order_relaxed);
  if (tls_place_.load(std::memory_order_relaxed) != TlsPlace::kKnown) return;
  for (;;) {
    switch (flight_.Consume(&data)) {
      case ClientFlight::Event::kNone:
        return;
      case ClientFlight::Event::kFinished:
        OnClientFinished(flight_.length());
        break;
      case ClientFlight::Event::kData:
        HandshakeDone();
        tls_client_.store(TlsClient::kData, std::memory_order_release);
        OnClientData(flight_.length());
        break;
      case ClientFlight::Event::kLost:
        LoseTls();
        return;
    }
  }
}

void Stream::OnClientFinished(std::size_t length) {
  const TlsAgreed agreed = tls_agreed_.load(std::memory_order_acquire);
  client_turns_.Finished(
      protocol::TlsPlaintextSize(agreed.version, agreed.cipher_suite, length),
      agreed.cipher_suite);
  tls_client_.store(TlsClient::kFinished, std::memory_order_release);
}

void Stream::OnClientData(std::size_t length) {
  const TlsAgreed agreed = tls_agreed_.load(std::memory_order_acquire);
  if (!InfersRequests(agreed)) return;
  const std::size_t size =
      protocol::TlsPlaintextSize(agreed.version, agreed.cipher_suite, length);
  if (client_turns_.Begins(size, tls_answered_.load(std::memory_order_acquire),
                           agreed.version, SpeaksHttp2(agreed))) {
    tls_answered_.store(false, std::memory_order_release);
    InferRequest();
  }
}

// The thread that sent the hello may not have reported it yet.
bool Stream::MayStartServerHello(Stage now, Bytes data) const {
  return (now == Stage::kFirstBytes || now == Stage::kTunnel ||
          now == Stage::kClientHello) &&
         TlsContent{data.front()} == TlsContent::kHandshake;
}

// Where one thread sends and another receives, a response may be here before
// its request has been reported, and would be taken for more of the one before.
void Stream::AwaitClientsTurn() {
  if (tls_sender_.load(std::memory_order_relaxed) ==
          __builtin_thread_pointer() ||
      !server_flight_.may_have_ended()) {
    return;
  }
  const TlsClient client = tls_client_.load(std::memory_order_acquire);
  if (client != TlsClient::kData) {
    GiveWay([=, this] {
      return tls_client_.load(std::memory_order_acquire) != client;
    });
  } else if (tls_answered_.load(std::memory_order_relaxed)) {
    GiveWay([this] { return !tls_answered_.load(std::memory_order_acquire); });
  }
}

void Stream::FollowServer(Bytes data) {
  AwaitClientsTurn();
  if (tls_client_.load(std::memory_order_acquire) == TlsClient::kData &&
      !tls_unread_.load(std::memory_order_relaxed)) {
    ProveUnread();
  }
  if (tls_place_.load(std::memory_order_relaxed) != TlsPlace::kKnown) return;
  for (;;) {
    switch (server_flight_.Consume(&data)) {
      case ServerFlight::Event::kNone:
        return;
      case ServerFlight::Event::kHello:
        OnServerHello();
        break;
      case ServerFlight::Event::kData:
        OnServerData(server_flight_.length());
        break;
      case ServerFlight::Event::kLost:
        LoseTls();
        return;
    }
  }
}

void Stream::OnServerHello() {
  const protocol::ServerHelloParser& hello = server_flight_.hello();
  Alpn alpn = hello.alpn();
  if (hello.version() == TlsVersion::kTls13) {
    // The server's choice is encrypted.
    alpn = protocol::AlpnOf(alpn_offers_);
  }
  tls_agreed_.store({hello.version(), alpn, hello.cipher_suite()},
                    std::memory_order_release);
}

void Stream::OnServerData(std::size_t length) {
  const TlsClient client = tls_client_.load(std::memory_order_acquire);
  const TlsAgreed agreed = tls_agreed_.load(std::memory_order_relaxed);
  // Before the client has finished, this is the rest of the hand-shake.
  if (client == TlsClient::kHandshake || !InfersRequests(agreed)) return;
  const std::size_t size =
      protocol::TlsPlaintextSize(agreed.version, agreed.cipher_suite, length);
  if (server_turns_.Answers(size, agreed.version, SpeaksHttp2(agreed)) &&
      client == TlsClient::kData) {
    tls_answered_.store(true, std::memory_order_release);
  }
  if (server_turns_.began_as_http2()) {
    tls_http2_.store(true, std::memory_order_relaxed);
  }
}

bool Stream::InfersRequests(const TlsAgreed& agreed) const {
  return agreed.version != TlsVersion::kUnknown && agreed.alpn != Alpn::kOther;
}

protocol::IsHttp2 Stream::SpeaksHttp2(const TlsAgreed& agreed) const {
  if (agreed.alpn == Alpn::kHttp2) return protocol::IsHttp2::kYes;
  if (agreed.alpn != Alpn::kHidden ||
      (alpn_offers_ & protocol::kOffersHttp2) == 0) {
    return protocol::IsHttp2::kNo;
  }
  return tls_http2_.load(std::memory_order_relaxed) ? protocol::IsHttp2::kYes
                                                    : protocol::IsHttp2::kMaybe;
}

void Stream::SkipTls(SideLock* side, bool client, std::size_t size) {
  if (!side->TryEnter()) {
    LoseTls();
    return;
  }
  const bool skipped = client ? flight_.Skip(size) : server_flight_.Skip(size);
  side->Leave();
  if (!skipped) LoseTls();
}

void Stream::LoseTls() {
  TlsPlace known = TlsPlace::kKnown;
  if (!tls_place_.compare_exchange_strong(known, TlsPlace::kLost,
                                          std::memory_order_relaxed)) {
    return;
  }
  if (Move(Stage::kTlsUnread, Stage::kOpaque)) {
    connection_->CountEvent(kDesynchronisedTls);
  }
}

// It looks as if nobody will show the plaintext: bytes need not wait.
void Stream::LeaveUnread() {
  const TlsPlace place = tls_place_.load(std::memory_order_relaxed);
  if (Move(Stage::kTlsHandshake,
           place == TlsPlace::kKnown ? Stage::kTlsUnread : Stage::kOpaque)) {
    connection_->CountEvent(kTlsUnpaired);
    if (place == TlsPlace::kLost) connection_->CountEvent(kDesynchronisedTls);
  }
  if (connection_->row() != nullptr) return;
  connection_->SetRow(
      connection_->FindTargetRow(Protocol::kTls, Visibility::kInferred));
}

// The server answers data that the client has sent. Whoever reads a session has
// shown it by now: a library is asked before its real call.
void Stream::ProveUnread() {
  if (connection_->stream(depth_ + 1) != nullptr) {
    tls_waiting_.store(0, std::memory_order_relaxed);
    Move(Stage::kTlsUnread, Stage::kOpaque);
    return;
  }
  if (stage() == Stage::kTlsHandshake && connection_->row() == nullptr) {
    LeaveUnread();
  }
  tls_unread_.store(true, std::memory_order_seq_cst);
  CountTlsSession(Visibility::kInferred);
  CountInferred(tls_waiting_.exchange(0, std::memory_order_seq_cst));
}

void Stream::InferRequest() {
  if (!tls_unread_.load(std::memory_order_relaxed)) {
    tls_waiting_.fetch_add(1, std::memory_order_seq_cst);
    // The other side may have taken the last of them in between.
    if (!tls_unread_.load(std::memory_order_seq_cst)) return;
    CountInferred(tls_waiting_.exchange(0, std::memory_order_seq_cst));
  } else {
    CountInferred(1);
  }
}

void Stream::CountInferred(std::uint64_t requests) {
  if (requests == 0) return;
  JournalRow* row = connection_->row();
  if (row == nullptr || row->protocol != Protocol::kTls) {
    row = connection_->FindTargetRow(Protocol::kTls, Visibility::kInferred);
  }
  Add(row, kRequests, requests);
}

void Stream::CountTlsSession(Visibility visibility) {
  // A forked child has a copy of the question, not another session.
  if (tls_process_.load(std::memory_order_relaxed) !=
          connection_->process_generation() + 1 ||
      tls_counted_.exchange(true, std::memory_order_relaxed)) {
    return;
  }
  const TlsAgreed agreed = tls_agreed_.load(std::memory_order_acquire);
  connection_->CountTlsSession(TlsSessionCode(agreed.version, agreed.alpn),
                               visibility);
}

void Stream::EndTls() {
  // Data without an answer: nobody will show it any more.
  if (tls_client_.load(std::memory_order_relaxed) != TlsClient::kData ||
      tls_unread_.load(std::memory_order_relaxed) ||
      connection_->stream(depth_ + 1) != nullptr ||
      tls_process_.load(std::memory_order_relaxed) !=
          connection_->process_generation() + 1) {
    return;
  }
  ProveUnread();
}

}  // namespace proxymeter::shim
