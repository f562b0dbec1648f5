#include "shim/connection/stream.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <string_view>
#include <utility>

#include "shim/clock.h"
#include "shim/connection/connection.h"
#include "shim/protocol/first_bytes.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;
using protocol::Http1Event;
using protocol::Method;

constexpr std::uint8_t kSocks4Version = 4;
constexpr std::uint8_t kSocks5Version = 5;
constexpr std::uint8_t kUdpAssociate = 3;  // RFC 1928, 4

// Where a body may be as well. What is too short to tell is taken for a head:
// bodies seldom begin like that, and heads are sent whole.
bool MayStartRequest(Bytes data) {
  constexpr std::string_view kMethods[] = {"GET ",     "HEAD ",   "POST ",
                                           "PUT ",     "PATCH ",  "DELETE ",
                                           "OPTIONS ", "CONNECT "};
  const std::string_view text(reinterpret_cast<const char*>(data.data()),
                              data.size());
  return std::any_of(
      std::begin(kMethods), std::end(kMethods), [&](std::string_view method) {
        const std::size_t size = std::min(method.size(), text.size());
        return method.substr(0, size) == text.substr(0, size);
      });
}

bool MayStartMethod(std::uint8_t byte) { return byte >= 'A' && byte <= 'Z'; }

}  // namespace

void Stream::Begin(Connection* connection, std::uint8_t depth, bool in_tls) {
  connection_ = connection;
  depth_ = depth;
  in_tls_ = in_tls;
  is_dns_ = depth == 0 && connection->is_of_resolver();
  stage_.store(Stage::kFirstBytes, std::memory_order_relaxed);
  socks_reply_due_.store(false, std::memory_order_relaxed);
  socks_udp_.store(false, std::memory_order_relaxed);
  tls_client_.store(TlsClient::kHandshake, std::memory_order_relaxed);
  tls_place_.store(TlsPlace::kKnown, std::memory_order_relaxed);
  tls_agreed_.store({}, std::memory_order_relaxed);
  tls_sender_.store(nullptr, std::memory_order_relaxed);
  tls_process_.store(0, std::memory_order_relaxed);
  tls_unread_.store(false, std::memory_order_relaxed);
  tls_waiting_.store(0, std::memory_order_relaxed);
  tls_answered_.store(false, std::memory_order_relaxed);
  tls_http2_.store(false, std::memory_order_relaxed);
  tls_counted_.store(false, std::memory_order_relaxed);
  exchanges_.Clear();
  http2_.store(nullptr, std::memory_order_relaxed);
  tunnels_.store(nullptr, std::memory_order_relaxed);
  new (&sending_) SideLock();
  new (&receiving_) SideLock();
  moved_sent_.store(&own_moved_sent_, std::memory_order_relaxed);
  own_moved_sent_.store(0, std::memory_order_relaxed);
  moved_received_.store(&own_moved_received_, std::memory_order_relaxed);
  own_moved_received_.store(0, std::memory_order_relaxed);
  in_tunnel_.store(false, std::memory_order_relaxed);
  upgrading_.store(false, std::memory_order_relaxed);
  named_.store(Protocol::kUnknown, std::memory_order_relaxed);
  socks_ns_ = 0;
  hello_ns_.store(0, std::memory_order_relaxed);
  handshake_sends_ = 0;
  preface_size_ = 0;
  begun_ = depth != 0;
  alpn_offers_ = 0;
  flight_.Reset();
  client_turns_ = {};
  quic_ = nullptr;
  credentials_ = nullptr;
  request_row_ = nullptr;
  head_size_ = 0;
  unassigned_ = 0;
  body_row_ = nullptr;
  response_ns_ = 0;
  new (&response_) protocol::Http1ResponseParser();
  response_.Reset();
  server_flight_ = {};
  server_turns_ = {};
}

void Stream::BeginInTunnel() {
  in_tunnel_.store(true, std::memory_order_relaxed);
  stage_.store(Stage::kTunnel, std::memory_order_release);
}

bool Stream::Retire() {
  if (!sending_.TryEnter()) return false;
  if (!receiving_.TryEnter()) {
    sending_.Leave();
    return false;
  }
  End();
  GiveBack();
  return true;
}

// Of several tunnels in HTTP/2 the first one tells what the connection is for:
// what it carries cannot be told apart from outside.
void Stream::SetTarget(const protocol::HostName& host) {
  if (names_connection()) connection_->SetTarget(host);
}

void Stream::HoldSent(std::size_t size) { connection_->HoldSent(size); }

void Stream::BecomeOpaque(Protocol protocol) {
  stage_.store(Stage::kOpaque, std::memory_order_release);
  CarriesNoRequests();
  if (connection_->row() != nullptr) return;
  connection_->SetRow(
      connection_->FindTargetRow(protocol, Visibility::kInferred));
}

void Stream::LeaveTlsToKernel() {
  connection_->CountEvent(kKernelTls);
  tls_place_.store(TlsPlace::kLeftToKernel, std::memory_order_relaxed);
  // A session that is paired, or may be yet, is read above the socket.
  if (stage() != Stage::kTlsHandshake) BecomeOpaque(Protocol::kTls);
}

void Stream::Desynchronise(Protocol protocol) {
  connection_->CountEvent(stage() == Stage::kHttp2 ? kDesynchronisedHttp2
                                                   : kDesynchronisedHttp1);
  BecomeOpaque(protocol);
}

void Stream::SentUnseen(std::size_t size) {
  if (stage() == Stage::kHttp1 && sending_.TryEnter()) {
    // The content of a body does not matter, only its length.
    if (stage() == Stage::kHttp1 && !request_.in_head()) {
      for (; size != 0 && stage() == Stage::kHttp1 && !request_.in_head();) {
        Bytes filler = Bytes(kFiller).first(std::min(size, sizeof(kFiller)));
        const std::size_t before = filler.size();
        SendRequest(&filler);
        size -= before - filler.size();
      }
    }
    sending_.Leave();
    if (size == 0) return;
  }
  const Stage now = stage();
  if (now == Stage::kDatagrams) {
    LeaveDatagrams();
  } else if (now == Stage::kTlsHandshake || now == Stage::kTlsUnread) {
    SkipTls(&sending_, /*client=*/true, size);
  } else if (now != Stage::kOpaque) {
    Desynchronise(opaque_protocol());
  }
  CountSent(connection_->row(), size);
}

bool Stream::Sent(Bytes data) {
  if (stage() == Stage::kOpaque) {
    CountSent(connection_->row(), data.size());
    return false;
  }
  if (!sending_.TryEnter()) {
    SentUnseen(data.size());
    return true;
  }
  // An upload's body goes by without a look.
  if (stage() == Stage::kHttp1 && request_.Skip(data.size())) {
    CountSent(request_row_, data.size());
    sending_.Leave();
    return false;
  }
  return SendSlowly(data);
}

bool Stream::SendSlowly(Bytes data) {
  while (!data.empty()) SendStep(&data);
  if (unassigned_ != 0) {
    // A head that is not complete waits for its host.
    const Stage now = stage();
    const bool opaque = now == Stage::kOpaque || now == Stage::kTlsUnread;
    CountSent(opaque ? connection_->row() : nullptr, unassigned_);
    unassigned_ = 0;
  }
  ExpectRequest();
  sending_.Leave();
  return true;
}

// Of the connection as such, whatever is spoken within its TLS.
void Stream::CarriesNoRequests() {
  if (depth_ == 0) connection_->CarriesNoRequests();
}

// Between two requests, what is sent next can only be the next one; but beside
// a tunnel by HTTP/2 there are others.
void Stream::ExpectRequest() {
  if (depth_ < Http2Tunnels::kFirst && stage() == Stage::kHttp1 &&
      request_.at_start() && !connection_->defers_requests()) {
    connection_->ExpectRequest(/*in_tls=*/depth_ != 0);
  }
}

void Stream::SendStep(Bytes* data) {
  switch (const Stage now = stage()) {
    case Stage::kFirstBytes:
    case Stage::kTunnel:
      Recognise(now, data);
      return;
    case Stage::kHttp1:
      SendRequest(data);
      return;
    case Stage::kProxyPrefix:
      SendProxyPrefix(data);
      return;
    case Stage::kPreface:
      SendPreface(data);
      return;
    case Stage::kHttp2:
      SendHttp2(data);
      return;
    case Stage::kConnect:
      // The client does not wait for the reply, or the other thread has read
      // it and not reported it yet: these bytes are for the tunnel.
      Move(now, Stage::kTunnel);
      return;
    case Stage::kSocks:
      SendSocks(data);
      return;
    case Stage::kClientHello:
      SendClientHello(data);
      return;
    case Stage::kTlsHandshake:
      SendTlsHandshake(data);
      return;
    case Stage::kTlsUnread:
      SendTlsUnread(data);
      return;
    case Stage::kDatagrams:
      TakeDatagram(*data, data->size());
      *data = {};
      return;
    case Stage::kOpaque:
      CountSent(connection_->row(), data->size());
      *data = {};
      return;
  }
}

void Stream::Recognise(Stage now, Bytes* data) {
  if (now == Stage::kTunnel) {
    in_tunnel_.store(true, std::memory_order_relaxed);
  } else if (depth_ != 0) {
    // The first plaintext: the session around it stands.
    Stream* session = connection_->stream(depth_ - 1);
    session->HandshakeDone();
    session->CountTlsSession(Visibility::kPlaintext);
  }
  const std::uint8_t first = data->front();
  const bool begins = !std::exchange(begun_, true);
  if (begins && protocol::ProxyPrefixParser::MayStart(first)) {
    new (&prefix_) protocol::ProxyPrefixParser();
    Move(now, Stage::kProxyPrefix);
  } else if (protocol::TlsContent{first} == protocol::TlsContent::kHandshake) {
    new (&hello_) protocol::ClientHelloParser();
    hello_.Reset();
    CarriesNoRequests();
    Move(now, Stage::kClientHello);
  } else if (first ==
             static_cast<std::uint8_t>(protocol::kHttp2Preface.front())) {
    preface_size_ = 0;
    CarriesNoRequests();
    Move(now, Stage::kPreface);
  } else if (MayStartMethod(first)) {
    // Should it turn out to be no HTTP.
    NameBy(protocol::ProtocolOfClient(*data));
    new (&request_) protocol::Http1RequestParser();
    request_.Reset();
    request_row_ = nullptr;
    Move(now, Stage::kHttp1);
  } else if (!in_tunnel_.load(std::memory_order_relaxed) &&
             (first == kSocks4Version || first == kSocks5Version)) {
    new (&socks_) protocol::SocksClientParser();
    socks_.Reset();
    // The receiving side starts on this flag; it owns its parser only then.
    CarriesNoRequests();
    socks_version_ = first;
    socks_ns_ = FineMonotonicNs();
    socks_reply_.Reset(first);
    socks_reply_due_.store(true, std::memory_order_release);
    Move(now, Stage::kSocks);
  } else {
    NameBy(protocol::ProtocolOfClient(*data));
    BecomeOpaque(opaque_protocol());
  }
}

// Before the first bytes of what else is spoken, and before TLS.
void Stream::SendProxyPrefix(Bytes* data) {
  const Bytes before = *data;
  const auto [consumed, event] = prefix_.Consume(*data);
  *data = data->subspan(consumed);
  unassigned_ += consumed;
  switch (event) {
    case protocol::ProxyPrefixParser::Event::kNone:
      return;
    case protocol::ProxyPrefixParser::Event::kEnd:
      Move(Stage::kProxyPrefix, Stage::kFirstBytes);
      return;
    case protocol::ProxyPrefixParser::Event::kMalformed:
      BecomeOpaque(opaque_protocol());
      return;
    case protocol::ProxyPrefixParser::Event::kAbsent:
      break;
  }
  // First bytes of something else, which is told by as many as there are.
  Bytes seen = prefix_.seen();
  unassigned_ -= seen.size();
  Move(Stage::kProxyPrefix, Stage::kFirstBytes);
  if (seen.size() == consumed) {
    *data = before;
  } else {
    while (!seen.empty()) SendStep(&seen);
  }
}

void Stream::SendRequest(Bytes* data) {
  if (request_.may_withhold_body() && exchanges_.Oldest() == nullptr &&
      MayStartRequest(*data)) {
    request_.WithholdBody();
  }
  Http1Event event;
  do {
    const bool in_head = request_.in_head();
    if (in_head) ReadCredentials();
    const protocol::Http1Step step = request_.Consume(*data, credentials_);
    *data = data->subspan(step.consumed);
    event = step.event;
    if (in_head) {
      head_size_ += step.consumed;
      unassigned_ += step.consumed;
    } else {
      CountSent(request_row_, step.consumed);
    }
    if (event == Http1Event::kHead) OnRequestHead();
  } while (event == Http1Event::kHead && stage() == Stage::kHttp1);
  if (event == Http1Event::kLost) {
    WipeCredentials();
    // Before the first request this was never HTTP/1; after it, its place in
    // the stream is lost.
    if (request_row_ == nullptr && !connection_->defers_requests()) {
      BecomeOpaque(opaque_protocol());
    } else {
      Desynchronise(opaque_protocol());
    }
    CountSent(connection_->row(), unassigned_);
    unassigned_ = 0;
  }
}

// What may name the vendor, or its product: user name and password to the proxy
// itself, X-Proxy-Vendor in any request.
void Stream::ReadCredentials() {
  if (credentials_ == nullptr && connection_->expected().reads()) {
    credentials_ = connection_->TakeCredentials();
  }
}

void Stream::WipeCredentials() {
  if (credentials_ != nullptr) connection_->GiveBackCredentials(credentials_);
  credentials_ = nullptr;
}

bool Stream::ShowCredentials() {
  if (credentials_ == nullptr) return false;
  if (JudgeBy(*credentials_)) request_row_ = nullptr;
  const bool names =
      !credentials_->user().empty() || !credentials_->vendor().empty();
  WipeCredentials();
  return names;
}

// One alone: what else the client sends meanwhile does not wait for an answer.
bool Stream::MayDeferRequest() const {
  return depth_ == 0 && connection_->undecided() &&
         connection_->expected().credentials && !is_in_tunnel() &&
         exchanges_.Oldest() == nullptr;
}

bool Stream::JudgeBy(const protocol::ProxyCredentials& credentials) {
  Shown shown;
  if (connection_->expected().credentials && !is_in_tunnel()) {
    shown.user = credentials.user();
    shown.password = credentials.password();
  }
  if (connection_->expected().header) shown.header = credentials.vendor();
  if (!shown.any()) return false;
  const bool changed = connection_->Judge(shown);
  if (!shown.user.empty()) connection_->Decide();
  return changed;
}

void Stream::OnRequestHead() {
  const std::size_t size = std::exchange(head_size_, 0);
  const bool named = ShowCredentials();
  const protocol::HostName& host = request_.host();
  if (request_.method() == Method::kConnect) {
    CarriesNoRequests();
    SetTarget(host);
    // Requests may have gone before it on this connection: what follows is not
    // for their host.
    if (depth_ == 0) {
      connection_->CountHandshake(kHandshakeSentBytes, size);
      connection_->ForgetRow();
    }
    if (exchanges_.Push({Method::kConnect, nullptr, FineMonotonicNs()})) {
      // What stands behind the head belongs to the tunnel.
      request_.Consume({});
      Move(Stage::kHttp1, Stage::kConnect);
    } else {
      Desynchronise(opaque_protocol());
    }
    return;
  }
  const Protocol spoken = http1();
  if (!named && MayDeferRequest()) {
    SetTarget(host);
    if (connection_->DeferRequest()) {
      request_row_ = nullptr;
      exchanges_.Push({request_.method(), nullptr, FineMonotonicNs()});
      return;
    }
  }
  if (host.empty()) {
    request_row_ = connection_->FindTargetRow(spoken, Visibility::kPlaintext);
  } else if (request_row_ == nullptr ||
             request_row_->destination() != host.view()) {
    request_row_ =
        connection_->FindRow(host.view(), spoken, Visibility::kPlaintext);
  }
  connection_->CountRequest(request_row_);
  if (depth_ == 0) {
    if (!in_tunnel_.load(std::memory_order_relaxed)) {
      connection_->BeganWithRequest();
    }
    connection_->SetRow(request_row_);
    CountSent(request_row_, unassigned_);
    unassigned_ = 0;
  } else if (connection_->row() == nullptr) {
    // TLS may have been to the proxy, which is nobody's destination.
    if (request_.absolute()) SetTarget(host);
    connection_->SetRow(
        connection_->FindTargetRow(spoken, Visibility::kPlaintext));
  }
  if (!exchanges_.Push({request_.method(), request_row_, FineMonotonicNs()})) {
    Desynchronise(spoken);
  }
}

void Stream::SendSocks(Bytes* data) {
  ReadCredentials();
  const protocol::SocksClientParser::Step step =
      socks_.Consume(*data, credentials_);
  unassigned_ += step.consumed;
  *data = data->subspan(step.consumed);
  if (depth_ == 0) {
    connection_->CountHandshake(kHandshakeSentBytes, step.consumed);
  }
  switch (step.event) {
    case protocol::SocksClientParser::Event::kNone:
      return;
    case protocol::SocksClientParser::Event::kTarget:
      ShowCredentials();
      connection_->Decide();
      if (socks_.command() == kUdpAssociate) {
        // Its address is the client's own. Where datagrams go stands in them.
        socks_udp_.store(true, std::memory_order_relaxed);
      } else {
        SetTarget(socks_.host());
      }
      // The receiving side moves on when the proxy has granted it; what comes
      // before that is for the tunnel all the same.
      Move(Stage::kSocks, Stage::kTunnel);
      return;
    case protocol::SocksClientParser::Event::kLost:
      WipeCredentials();
      socks_reply_due_.store(false, std::memory_order_release);
      BecomeOpaque(opaque_protocol());
      return;
  }
}

}  // namespace proxymeter::shim
