// The receiving side of a stream.
#include <algorithm>

#include "shim/clock.h"
#include "shim/connection/brief_wait.h"
#include "shim/connection/connection.h"
#include "shim/connection/stream.h"
#include "shim/protocol/first_bytes.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;
using protocol::Http1Event;
using protocol::Method;

constexpr std::uint8_t kSocks4Version = 4;
constexpr std::uint64_t kReceivedBeforeOpaque = 64 * 1024;

}  // namespace

TrafficCounter Stream::ResponseClass(int status) {
  if (status < 100 || status > 599) return kResponsesOther;
  return static_cast<TrafficCounter>(kResponses1xx + status / 100 - 1);
}

void Stream::HoldReceived(std::size_t size) {
  connection_->HoldReceived(size);
  // The sending side may have found the row, and released what was held, in
  // between.
  connection_->ReleaseToRow();
}

void Stream::ReceivedUnseen(std::size_t size) {
  if (connection_->is_of_resolver()) connection_->LoseDns();
  if (stage() == Stage::kHttp1 && receiving_.TryEnter()) {
    for (; size != 0 && stage() == Stage::kHttp1 && !response_.in_head();) {
      Bytes filler = Bytes(kFiller).first(std::min(size, sizeof(kFiller)));
      const std::size_t before = filler.size();
      ReceiveResponse(&filler);
      size -= before - filler.size();
    }
    receiving_.Leave();
    if (size == 0) return;
  }
  const Stage now = stage();
  if (now == Stage::kDatagrams) {
    if (!is_quic()) LeaveDatagrams();
  } else if (now == Stage::kTlsHandshake || now == Stage::kTlsUnread) {
    SkipTls(&receiving_, /*client=*/false, size);
  } else if (now == Stage::kHttp1 || now == Stage::kHttp2 ||
             now == Stage::kConnect || now == Stage::kSocks) {
    Desynchronise(opaque_protocol());
  }
  CountReceived(connection_->row(), size);
}

// In any order, so without the lock, as the sending side does.
bool Stream::ReceiveOpaque(std::size_t size) {
  JournalRow* const row = connection_->row();
  if (row == nullptr || is_dns_ ||
      socks_reply_due_.load(std::memory_order_acquire) ||
      exchanges_.Oldest() != nullptr) {
    return false;
  }
  CountReceived(row, size);
  return true;
}

bool Stream::ReceiveOther(Bytes data) {
  if (stage() == Stage::kOpaque && ReceiveOpaque(data.size())) return false;
  if (!receiving_.TryEnter()) {
    ReceivedUnseen(data.size());
    return true;
  }
  if (stage() == Stage::kHttp2 && ReceiveHttp2Data(&data)) {
    receiving_.Leave();
    return false;
  }
  return ReceiveSlowly(data);
}

bool Stream::ReceiveSlowly(Bytes data) {
  if (is_dns_) connection_->ReceivedDns(data);
  const bool opaque = stage() == Stage::kOpaque || stage() == Stage::kTlsUnread;
  while (!data.empty()) ReceiveStep(&data);
  receiving_.Leave();
  return !opaque;
}

void Stream::ReceiveStep(Bytes* data) {
  if (socks_reply_due_.load(std::memory_order_acquire)) {
    ReceiveSocks(data);
    return;
  }
  const Exchange* exchange = exchanges_.Oldest();
  if (exchange == nullptr && MayStartResponse(stage(), *data)) {
    exchange = AwaitRequest();
  }
  if (MayStartServerHello(stage(), *data)) {
    WaitBriefly([this] { return stage() == Stage::kTlsHandshake; });
  }
  const Stage now = stage();
  // A server that speaks first is none of QUIC.
  if (now == Stage::kDatagrams && !is_quic()) LeaveDatagrams();
  // The reply to a CONNECT is awaited even when the client has not waited.
  const bool connect_due =
      exchange != nullptr && exchange->method == Method::kConnect;
  if (now == Stage::kHttp1 || connect_due) {
    ReceiveResponse(data);
    return;
  }
  if (now == Stage::kHttp2 || MayStartHttp2(now, *data)) {
    ReceiveHttp2(data);
    if (data->empty()) return;
  }
  if (now == Stage::kFirstBytes || now == Stage::kTunnel) {
    NameBy(protocol::ProtocolOfServer(*data));
  }
  if (now == Stage::kTlsHandshake && connection_->row() != nullptr) {
    // Somebody shows the plaintext.
    Move(now, Stage::kOpaque);
  } else if (now == Stage::kTlsHandshake || now == Stage::kTlsUnread) {
    FollowServer(*data);
  }
  CountReceived(connection_->row(), data->size());
  *data = {};
  if (connection_->row() != nullptr) return;
  // A server that talks on, unasked or to a TLS library that bypasses us, must
  // not have its bytes held for ever. Inside TLS one that talks first is
  // enough, unless it answers a ClientHello: that is TLS to a proxy, and TLS
  // within.
  const bool in_tls = now == Stage::kTlsHandshake;
  const bool long_enough = connection_->held_received() > kReceivedBeforeOpaque;
  const bool unread = long_enough && connection_->stream(depth_ + 1) == nullptr;
  if (in_tls) {
    if (unread) LeaveUnread();
  } else if (unread || depth_ != 0) {
    BecomeOpaque(opaque_protocol());
  }
}

bool Stream::MayStartResponse(Stage now, Bytes data) const {
  return (now == Stage::kFirstBytes || now == Stage::kTunnel ||
          now == Stage::kProxyPrefix || now == Stage::kPreface ||
          now == Stage::kHttp1) &&
         response_.in_head() && data.front() == 'H';
}

// A response without a request: the thread that sent it has not reported yet.
// Whoever speaks unasked (408 on an idle connection) is waited for in vain, but
// not for long.
const Exchange* Stream::AwaitRequest() {
  WaitBriefly([this] { return exchanges_.Oldest() != nullptr; });
  return exchanges_.Oldest();
}

void Stream::ReceiveResponse(Bytes* data) {
  const Exchange* exchange = exchanges_.Oldest();
  const Method method = exchange != nullptr ? exchange->method : Method::kOther;
  const bool connect = method == Method::kConnect;
  // Bytes of a CONNECT reply wait for the tunnel's destination, those of an
  // answer to nothing for the next request.
  if (exchange != nullptr && response_ns_ == 0) BeginResponse(*exchange);
  Http1Event event;
  do {
    const protocol::Http1Step step = response_.Consume(*data, method);
    *data = data->subspan(step.consumed);
    event = step.event;
    CountReceived(ResponseRow(exchange), step.consumed);
    if (connect && depth_ == 0) {
      connection_->CountHandshake(kHandshakeReceivedBytes, step.consumed);
    }
    if (event == Http1Event::kHead) OnResponseHead(exchange);
  } while (event == Http1Event::kHead);
  body_row_ = response_.in_head() ? nullptr : ResponseRow(exchange);
  if (event == Http1Event::kMessageEnd) {
    const int status = response_.status();
    EndResponse(exchange);
    if (!connect) return;
    if (status >= 200 && status <= 299) {
      response_.Reset();
      Move(Stage::kConnect, Stage::kTunnel);
    } else {
      // The next attempt may be for another host: what this one cost is its
      // own.
      if (depth_ == 0 && !connection_->undecided()) {
        connection_->ReleaseToTarget();
      }
      Move(Stage::kConnect, Stage::kHttp1);
    }
  } else if (event == Http1Event::kLost) {
    // A word in capitals, without an end of line, may be the start of a request
    // until it is answered. Nothing is lost that was never HTTP/1.
    if (exchanges_.Unused()) {
      BecomeOpaque(opaque_protocol());
    } else {
      Desynchronise(opaque_protocol());
    }
    if (connect) exchanges_.Answer();
    CountReceived(connection_->row(), data->size());
    *data = {};
  }
}

JournalRow* Stream::ResponseRow(const Exchange* exchange) const {
  if (exchange == nullptr || exchange->method == Method::kConnect) {
    return nullptr;
  }
  return exchange->row != nullptr ? exchange->row : connection_->row();
}

void Stream::BeginResponse(const Exchange& exchange) {
  response_ns_ = FineMonotonicNs();
  // Also for whom it is timed may not be known yet.
  if (exchange.row == nullptr) return;
  connection_->Time(Phase::kFirstByte, exchange.sent_ns, response_ns_);
}

void Stream::EndResponse(const Exchange* exchange) {
  if (exchange != nullptr) {
    const bool connect = exchange->method == Method::kConnect;
    const bool unanswered = response_.upgrades_to_h2c() ||
                            (!connect && ResponseRow(exchange) == nullptr);
    if (!unanswered && (!connect || response_.status() / 100 == 2)) {
      connection_->Time(connect ? Phase::kTunnel : Phase::kRequest,
                        exchange->sent_ns, FineMonotonicNs());
    }
  }
  response_ns_ = 0;
  exchanges_.Answer();
}

void Stream::End() {
  if (stage() == Stage::kHttp1 && response_.until_close()) {
    EndResponse(exchanges_.Oldest());
  }
  EndTls();
  if (stage() == Stage::kDatagrams && is_quic()) LeaveDatagrams();
}

bool Stream::BlameEnd() {
  const Stage now = stage();
  if (now == Stage::kHttp2) return BlameHttp2End();
  if ((now != Stage::kHttp1 && now != Stage::kConnect) ||
      exchanges_.Oldest() == nullptr || response_.until_close()) {
    return false;
  }
  connection_->CountProxyError(response_ns_ != 0
                                   ? ProxyError::kClosedInResponse
                                   : ProxyError::kClosedBeforeResponse);
  return true;
}

protocol::ReplyTo Stream::reply_to(const Exchange* exchange) const {
  if (exchange != nullptr && exchange->method == Method::kConnect) {
    return protocol::ReplyTo::kConnect;
  }
  return is_in_tunnel() ? protocol::ReplyTo::kInside
                        : protocol::ReplyTo::kRequest;
}

// A tunnel may be around this stream, or around the TLS session it is in.
bool Stream::is_in_tunnel() const {
  for (std::uint8_t depth = 0; depth <= depth_; ++depth) {
    const Stream* stream = connection_->stream(depth);
    if (stream != nullptr &&
        stream->in_tunnel_.load(std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void Stream::OnResponseHead(const Exchange* exchange) {
  const int status = response_.status();
  const bool connect =
      exchange != nullptr && exchange->method == Method::kConnect;
  const auto error =
      protocol::ErrorOfReply(reply_to(exchange), status, response_.words());
  const bool deferred =
      exchange != nullptr && !connect && exchange->row == nullptr;
  if (error && status == 407 &&
      ((connect && connection_->DeferRefusal(*error)) ||
       (deferred && connection_->DeferRefusedRequest(*error)))) {
    return;
  }
  connection_->Decide();
  if (deferred) {
    connection_->Time(Phase::kFirstByte, exchange->sent_ns, response_ns_);
  }
  if (error) connection_->CountProxyError(*error);
  if (connect) {
    connection_->CountTunnelReply(Protocol::kConnect,
                                  static_cast<std::uint16_t>(status));
    return;
  }
  JournalRow* row =
      exchange != nullptr ? ResponseRow(exchange) : connection_->row();
  if (row == nullptr) {
    // The server spoke before any request was seen: 408 on an idle connection.
    row = connection_->FindTargetRow(http1(), Visibility::kPlaintext);
  }
  if (status == 101) {
    OnUpgrade(exchange, row);
  } else {
    Add(row, ResponseClass(status), 1);
  }
}

// Another protocol from here on, by agreement: nothing was lost.
void Stream::OnUpgrade(const Exchange* exchange, JournalRow* row) {
  if (exchange != nullptr && response_.upgrades_to_h2c()) {
    // The response is still to come, in HTTP/2.
    UpgradeToHttp2({exchange->method, row, exchange->sent_ns});
    return;
  }
  Add(row, ResponseClass(response_.status()), 1);
  if (response_.upgrades_to_websocket()) {
    connection_->SetRow(connection_->FindRow(
        row->destination(), Protocol::kWebSocket, Visibility::kPlaintext));
  }
  BecomeOpaque(opaque_protocol());
}

void Stream::OnSocksGranted() {
  // The request may have been answered before its sender reported it.
  WaitBriefly([this] { return stage() != Stage::kSocks; });
  Endpoint relay;
  if (socks_udp_.load(std::memory_order_relaxed) &&
      socks_reply_.Bound(&relay)) {
    connection_->OpenRelay(relay);
  }
}

void Stream::ReceiveSocks(Bytes* data) {
  const protocol::SocksServerParser::Step step = socks_reply_.Consume(*data);
  CountReceived(connection_->row(), step.consumed);
  if (depth_ == 0) {
    connection_->CountHandshake(kHandshakeReceivedBytes, step.consumed);
  }
  *data = data->subspan(step.consumed);
  switch (step.event) {
    case protocol::SocksServerParser::Event::kNone:
      return;
    case protocol::SocksServerParser::Event::kReply:
      connection_->Decide();
      connection_->CountTunnelReply(socks_version_ == kSocks4Version
                                        ? Protocol::kSocks4
                                        : Protocol::kSocks5,
                                    socks_reply_.code());
      if (const auto error = protocol::ErrorOfSocksReply(socks_version_,
                                                         socks_reply_.code())) {
        connection_->CountProxyError(*error);
      } else {
        connection_->Time(Phase::kTunnel, socks_ns_, FineMonotonicNs());
        OnSocksGranted();
      }
      break;
    case protocol::SocksServerParser::Event::kLost:
      connection_->CountEvent(kDesynchronisedSocks);
      break;
  }
  socks_reply_due_.store(false, std::memory_order_release);
}

}  // namespace proxymeter::shim
