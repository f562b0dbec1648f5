// A stream that carries HTTP/2.
#include "shim/clock.h"
#include "shim/connection/brief_wait.h"
#include "shim/connection/connection.h"
#include "shim/connection/http2_sessions.h"
#include "shim/connection/stream.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;
using protocol::Http2Event;
using protocol::Http2Fields;
using protocol::Http2Session;
using protocol::Http2Side;
using protocol::Http2Step;
using protocol::Http2Streams;

JournalRow* RowOf(std::uintptr_t tag) {
  return reinterpret_cast<JournalRow*>(tag);
}
std::uintptr_t TagOf(JournalRow* row) {
  return reinterpret_cast<std::uintptr_t>(row);
}

}  // namespace

// Both sides may be the first to see that this is HTTP/2.
Http2Session* Stream::EnsureHttp2() {
  Http2Session* session = http2_.load(std::memory_order_acquire);
  if (session != nullptr) return session;
  Http2Session* fresh = connection_->TakeHttp2();
  if (fresh == nullptr) return nullptr;
  if (http2_.compare_exchange_strong(session, fresh,
                                     std::memory_order_acq_rel)) {
    return fresh;
  }
  connection_->GiveBackHttp2(fresh);
  return session;
}

void Stream::GiveBack() {
  connection_->GiveBackHttp2(
      http2_.exchange(nullptr, std::memory_order_acq_rel));
  WipeCredentials();
  if (quic_ != nullptr) connection_->GiveBackQuic(quic_);
  quic_ = nullptr;
}

// What begins like HTTP/2 may go on as a request of HTTP/1.
void Stream::SendPreface(Bytes* data) {
  const std::string_view preface = protocol::kHttp2Preface;
  while (!data->empty() && preface_size_ < preface.size() &&
         data->front() == static_cast<std::uint8_t>(preface[preface_size_])) {
    ++preface_size_;
    ++unassigned_;
    *data = data->subspan(1);
  }
  if (preface_size_ != preface.size() && data->empty()) return;
  const Bytes seen(reinterpret_cast<const std::uint8_t*>(preface.data()),
                   preface_size_);
  if (preface_size_ != preface.size()) {
    new (&request_) protocol::Http1RequestParser();
    request_.Reset();
    request_row_ = nullptr;
    request_.Consume(seen);
    Move(Stage::kPreface, Stage::kHttp1);
    return;
  }
  request_row_ = nullptr;
  Http2Session* session = EnsureHttp2();
  if (session == nullptr) {
    connection_->CountEvent(kDesynchronisedHttp2);
    BecomeOpaque(opaque_protocol());
    return;
  }
  session->client.Consume(seen);
  Move(Stage::kPreface, Stage::kHttp2);
}

// The server has agreed: what follows is HTTP/2, and the request that asked for
// it is its first stream.
void Stream::UpgradeToHttp2(const Exchange& exchange) {
  Http2Session* session = EnsureHttp2();
  if (session == nullptr) {
    connection_->CountEvent(kDesynchronisedHttp2);
    BecomeOpaque(opaque_protocol());
    return;
  }
  session->Upgrade({.tag = TagOf(exchange.row), .since_ns = exchange.sent_ns});
  upgrading_.store(true, std::memory_order_relaxed);
  Move(Stage::kHttp1, Stage::kHttp2);
}

// A request is sent whole before HTTP/2 follows it, though the server may have
// agreed before. False when there is more of it to come.
bool Stream::EndUpgradedRequest(Bytes* data) {
  if (!request_.in_head()) {
    const protocol::Http1Step step = request_.Consume(*data);
    *data = data->subspan(step.consumed);
    CountSent(request_row_, step.consumed);
    if (step.event == protocol::Http1Event::kNone) return false;
    if (step.event == protocol::Http1Event::kLost) {
      Desynchronise(opaque_protocol());
      return false;
    }
  }
  request_row_ = nullptr;
  upgrading_.store(false, std::memory_order_relaxed);
  return true;
}

void Stream::SendHttp2(Bytes* data) {
  if (upgrading_.load(std::memory_order_relaxed) && !EndUpgradedRequest(data)) {
    return;
  }
  Http2Session& session = *http2_.load(std::memory_order_acquire);
  Http2Side& client = session.client;
  Http2Event event;
  do {
    const Http2Step step = client.Consume(*data);
    *data = data->subspan(step.consumed);
    unassigned_ += step.consumed;
    event = step.event;
    if (event == Http2Event::kRequest) OnHttp2Request(&session);
    if (event == Http2Event::kData) {
      if (Stream* tunnel = TunnelOf(client)) tunnel->Sent(client.data());
    }
  } while (event != Http2Event::kNone && event != Http2Event::kLost);
  if (event == Http2Event::kLost) Desynchronise(opaque_protocol());
  CountSent(connection_->row(), unassigned_);
  unassigned_ = 0;
}

Stream* Stream::TunnelOf(const Http2Side& side) {
  Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
  return tunnels != nullptr ? tunnels->ContentOf(side.stream()) : nullptr;
}

void Stream::OpenHttp2Tunnel(Http2Session* session) {
  Http2Side& client = session->client;
  if (!session->streams.has_tunnels()) {
    Http2Tunnels* fresh = Http2Sessions::NewTunnels(session);
    if (connection_->TakeTunnels(fresh)) {
      tunnels_.store(fresh, std::memory_order_release);
    }
  }
  // Before the stream is known: who waits for it will find the tunnel, too.
  Stream* const tunnel =
      tunnels_.load(std::memory_order_relaxed) != nullptr
          ? connection_->OpenTunnel(client.stream(), in_tls_, session->streams)
          : nullptr;
  RememberHttp2(&client, nullptr, FineMonotonicNs());
  if (tunnel == nullptr) connection_->CountEvent(kConnectionsUntracked);
  if (connection_->row() != nullptr) return;
  if (tunnel != nullptr) {
    tunnel->SetTarget(client.fields().host());
    return;
  }
  // What it carries will tell nothing.
  SetTarget(client.fields().host());
  connection_->SetRow(
      connection_->FindTargetRow(opaque_protocol(), Visibility::kInferred));
}

void Stream::OnHttp2Request(Http2Session* session) {
  Http2Side* const side = &session->client;
  const Http2Fields& fields = side->fields();
  if (connection_->expected().reads() && JudgeBy(fields.credentials())) {
    request_row_ = nullptr;
  }
  side->WipeCredentials();
  if (fields.tunnel()) {
    OpenHttp2Tunnel(session);
    return;
  }
  request_row_ = FindHttp2Row(fields.host(), request_row_);
  Add(request_row_, kRequests, 1);
  RememberHttp2(side, request_row_, FineMonotonicNs());
  if (connection_->row() != nullptr) return;
  // As with a whole URL in HTTP/1: no site gets this inside TLS.
  if (in_tls_ && fields.scheme() == Http2Fields::Scheme::kHttp) {
    SetTarget(fields.host());
  }
  connection_->SetRow(depth_ == 0 ? request_row_
                                  : connection_->FindTargetRow(
                                        http2(), Visibility::kPlaintext));
}

JournalRow* Stream::FindHttp2Row(const protocol::HostName& host,
                                 JournalRow* last) {
  const Protocol spoken = http2();
  if (host.empty()) {
    return connection_->FindTargetRow(spoken, Visibility::kPlaintext);
  }
  if (last != nullptr && last->destination() == host.view()) return last;
  return connection_->FindRow(host.view(), spoken, Visibility::kPlaintext);
}

void Stream::RememberHttp2(Http2Side* side, JournalRow* row,
                           std::uint64_t now_ns) {
  if (side->Remember(TagOf(row), now_ns)) return;
  // Its response will be of nobody in particular.
  connection_->CountEvent(kRowsOverflowed);
}

// A server may speak first, and be heard first: its settings answer nothing.
// They begin with a length of less than 64 KB.
bool Stream::MayStartHttp2(Stage now, Bytes data) const {
  if (now != Stage::kFirstBytes && now != Stage::kTunnel &&
      now != Stage::kProxyPrefix && now != Stage::kPreface) {
    return false;
  }
  const Http2Session* session = http2_.load(std::memory_order_acquire);
  return session != nullptr ? !session->server.lost() : data.front() == 0;
}

void Stream::ReceiveHttp2(Bytes* data) {
  Http2Session* session = EnsureHttp2();
  if (session == nullptr) return;
  Http2Event event;
  do {
    const Http2Step step = session->server.Consume(*data);
    *data = data->subspan(step.consumed);
    CountReceived(connection_->row(), step.consumed);
    event = step.event;
    OnHttp2Event(event, session);
  } while (event != Http2Event::kNone && event != Http2Event::kLost);
  // Nothing is lost of what never was.
  if (event == Http2Event::kLost && stage() == Stage::kHttp2) {
    Desynchronise(opaque_protocol());
  }
}

// Takes what is DATA and no more off the front; true when that is all of it.
bool Stream::ReceiveHttp2Data(Bytes* data) {
  Http2Session* const session = http2_.load(std::memory_order_acquire);
  const std::size_t size = session->server.PassData(*data);
  if (size == 0) return false;
  CountReceived(connection_->row(), size);
  *data = data->subspan(size);
  return data->empty();
}

void Stream::OnHttp2Event(Http2Event event, Http2Session* session) {
  Http2Side* server = &session->server;
  switch (event) {
    case Http2Event::kAwaited:
      AwaitHttp2Request(*session);
      return;
    case Http2Event::kPush: {
      // A request that the server makes in the client's name.
      JournalRow* row = FindHttp2Row(server->fields().host(), body_row_);
      Add(row, kRequests, 1);
      // Nobody has asked: there is no time to measure.
      RememberHttp2(server, row, 0);
      return;
    }
    case Http2Event::kInterim:
      BeginHttp2Response(session);
      return;
    case Http2Event::kResponse:
      BeginHttp2Response(session);
      OnHttp2Response(session);
      CountGrpcStatus(*session);
      return;
    case Http2Event::kData:
      if (Stream* tunnel = TunnelOf(*server)) tunnel->Received(server->data());
      return;
    case Http2Event::kTrailers:
      CountGrpcStatus(*session);
      return;
    case Http2Event::kEnd:
      EndHttp2Response(*server);
      return;
    case Http2Event::kReset:
      OnHttp2Reset(server->ended());
      return;
    case Http2Event::kGoaway:
      OnHttp2Goaway(session);
      return;
    default:
      return;
  }
}

// As AwaitRequest.
void Stream::AwaitHttp2Request(const Http2Session& session) {
  WaitBriefly(
      [&] { return session.streams.newest() >= session.server.stream(); });
}

void Stream::BeginHttp2Response(Http2Session* session) {
  const std::uint32_t id = session->server.stream();
  const auto stream = session->streams.Find(id);
  if (stream.tunnel || !session->streams.Begin(id)) return;
  connection_->Time(Phase::kFirstByte, stream.since_ns, FineMonotonicNs());
}

void Stream::EndHttp2Response(const Http2Side& server) {
  if (server.ended().tunnel) return;
  connection_->Time(Phase::kRequest, server.ended().since_ns,
                    FineMonotonicNs());
}

// In a tunnel a destination speaks for itself: what it does not answer is not
// its proxy's.
void Stream::Blame(const Http2Streams::BrokenOff& requests) {
  connection_->CountProxyError(ProxyError::kClosedBeforeResponse,
                               requests.unanswered);
  connection_->CountProxyError(ProxyError::kClosedInResponse,
                               requests.incomplete);
}

void Stream::OnHttp2Reset(const Http2Streams::Stream& stream) {
  if (!stream.awaited || is_in_tunnel()) return;
  Blame({.unanswered = stream.begun ? 0u : 1u,
         .incomplete = stream.begun ? 1u : 0u});
}

// The end of the connection for what is above a stream; with an error, for all
// (RFC 9113, 5.4.1).
void Stream::OnHttp2Goaway(Http2Session* session) {
  const Http2Side& server = session->server;
  const auto requests =
      session->streams.BreakOff(server.error() == 0 ? server.stream() : 0);
  if (!is_in_tunnel()) Blame(requests);
}

bool Stream::BlameHttp2End() {
  const auto requests =
      http2_.load(std::memory_order_acquire)->streams.BreakOff(0);
  Blame(requests);
  return requests.unanswered + requests.incomplete != 0;
}

// In trailers, or in the head of a response that has nothing else.
void Stream::CountGrpcStatus(const Http2Session& session) {
  const int status = session.server.fields().grpc_status();
  if (status == Http2Fields::kNoGrpcStatus ||
      !session.streams.Find(session.server.stream()).grpc) {
    return;
  }
  connection_->CountGrpcStatus(status);
}

void Stream::OnHttp2Response(Http2Session* session) {
  const int status = session->server.fields().status();
  const std::uint32_t id = session->server.stream();
  const auto stream = session->streams.Find(id);
  if (const auto error = protocol::ErrorOfReply(
          stream.tunnel ? protocol::ReplyTo::kConnect : reply_to(nullptr),
          status, session->server.fields().words())) {
    connection_->CountProxyError(*error);
  }
  if (stream.tunnel) {
    session->streams.Begin(id);
    connection_->CountTunnelReply(Protocol::kConnect,
                                  static_cast<std::uint16_t>(status));
    if (status / 100 == 2) {
      connection_->Time(Phase::kTunnel, stream.since_ns, FineMonotonicNs());
    } else {
      Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
      if (tunnels != nullptr) tunnels->Refuse(id);
    }
    return;
  }
  JournalRow* row = RowOf(stream.tag);
  if (row == nullptr) {
    row = connection_->FindTargetRow(http2(), Visibility::kPlaintext);
  }
  Add(row, ResponseClass(status), 1);
}

}  // namespace proxymeter::shim
