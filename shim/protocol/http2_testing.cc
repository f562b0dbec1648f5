#include "shim/protocol/http2_testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace proxymeter::protocol {
namespace {

// `headers` must outlive it.
std::vector<nghttp2_nv> Fields(const Http2Headers& headers) {
  std::vector<nghttp2_nv> fields;
  for (const auto& [name, value] : headers) {
    fields.push_back({.name = reinterpret_cast<std::uint8_t*>(
                          const_cast<char*>(name.data())),
                      .value = reinterpret_cast<std::uint8_t*>(
                          const_cast<char*>(value.data())),
                      .namelen = name.size(),
                      .valuelen = value.size(),
                      .flags = NGHTTP2_NV_FLAG_NONE});
  }
  return fields;
}

std::string Find(const Http2Headers& headers, const std::string& name) {
  for (const auto& [each, value] : headers) {
    if (each == name) return value;
  }
  return "";
}

bool IsGrpc(const Http2Headers& headers) {
  return Find(headers, "content-type").starts_with("application/grpc");
}

std::string RequestText(const Http2Headers& headers) {
  std::string text = " " + Find(headers, ":authority");
  const std::string scheme = Find(headers, ":scheme");
  const std::string method = Find(headers, ":method");
  if (!scheme.empty()) text += " " + scheme;
  if (method == "CONNECT" || method == "HEAD") text += " " + method;
  if (!Find(headers, ":protocol").empty()) text += " extended";
  if (IsGrpc(headers)) text += " grpc";
  return text;
}

}  // namespace

std::string Big32(std::uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
          static_cast<char>(number >> 8), static_cast<char>(number)};
}

std::string Http2Frame(int type, int flags, std::uint32_t stream,
                       std::string_view payload) {
  return Big32(static_cast<std::uint32_t>(payload.size())).substr(1) +
         static_cast<char>(type) + static_cast<char>(flags) + Big32(stream) +
         std::string(payload);
}

std::string Http2Hello() {
  return std::string(kHttp2Preface) + Http2Frame(NGHTTP2_SETTINGS, 0, 0, "");
}

std::string Http2Setting(int name, std::uint32_t value) {
  return Big32(static_cast<std::uint32_t>(name)).substr(2) + Big32(value);
}

std::string Http2Deflater::Block(const Http2Headers& headers) {
  const auto fields = Fields(headers);
  std::string block(
      nghttp2_hd_deflate_bound(deflater_, fields.data(), fields.size()), '\0');
  const ssize_t size = nghttp2_hd_deflate_hd(
      deflater_, reinterpret_cast<std::uint8_t*>(block.data()), block.size(),
      fields.data(), fields.size());
  EXPECT_GE(size, 0);
  block.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return block;
}

struct Http2Peers::Callbacks {
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                      const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user) {
    const std::int32_t id = frame->hd.type == NGHTTP2_PUSH_PROMISE
                                ? frame->push_promise.promised_stream_id
                                : frame->hd.stream_id;
    static_cast<Peer*>(user)->headers[id].emplace_back(
        std::string(reinterpret_cast<const char*>(name), name_size),
        std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }

  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto* peer = static_cast<Peer*>(user);
    const std::int32_t id = frame->hd.stream_id;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        OnBlock(peer, id);
        break;
      case NGHTTP2_PUSH_PROMISE: {
        const std::int32_t promised = frame->push_promise.promised_stream_id;
        const Http2Headers headers = std::exchange(peer->headers[promised], {});
        peer->heard.push_back("push " + std::to_string(promised) +
                              RequestText(headers));
        return 0;
      }
      case NGHTTP2_RST_STREAM:
        peer->heard.push_back("reset " + std::to_string(id) + " " +
                              std::to_string(frame->rst_stream.error_code));
        return 0;
      case NGHTTP2_GOAWAY:
        peer->heard.push_back("goaway " +
                              std::to_string(frame->goaway.last_stream_id) +
                              " " + std::to_string(frame->goaway.error_code));
        return 0;
      case NGHTTP2_DATA:
        break;
      default:
        return 0;
    }
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    peer->heard.push_back("end " + std::to_string(id));
    if (!peer->is_server) return 0;
    const auto answer = peer->home->answers_.find(peer->paths[id]);
    if (answer != peer->home->answers_.end()) {
      peer->home->Respond(id, answer->second);
    }
    return 0;
  }

  static void OnBlock(Peer* peer, std::int32_t id) {
    const Http2Headers headers = std::exchange(peer->headers[id], {});
    const std::string number = " " + std::to_string(id);
    if (!Find(headers, ":method").empty()) {
      const std::string path = Find(headers, ":path");
      peer->paths[id] = path.empty() ? Find(headers, ":authority") : path;
      peer->heard.push_back("request" + number + RequestText(headers));
      return;
    }
    std::string text = "trailers" + number;
    const std::string status = Find(headers, ":status");
    if (!status.empty()) {
      text =
          (status[0] == '1' ? "interim" : "response") + number + " " + status;
    }
    if (!peer->is_server && peer->grpc[id] && status[0] != '1') {
      text += " grpc";
    }
    const std::string grpc = Find(headers, "grpc-status");
    if (!grpc.empty()) text += " grpc-status " + grpc;
    peer->heard.push_back(text);
  }

  static ssize_t Padding(nghttp2_session*, const nghttp2_frame* frame,
                         std::size_t limit, void* user) {
    return static_cast<ssize_t>(std::min(
        limit, frame->hd.length + static_cast<Peer*>(user)->home->padding_));
  }

  static ssize_t Read(nghttp2_session* session, std::int32_t stream,
                      std::uint8_t* buffer, std::size_t size,
                      std::uint32_t* flags, nghttp2_data_source* source,
                      void*) {
    auto* body = static_cast<Body*>(source->ptr);
    const std::size_t part = std::min(size, body->text.size() - body->at);
    std::memcpy(buffer, body->text.data() + body->at, part);
    body->at += part;
    if (body->at == body->text.size()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!body->trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto fields = Fields(body->trailers);
        nghttp2_submit_trailer(session, stream, fields.data(), fields.size());
      }
    }
    return static_cast<ssize_t>(part);
  }
};

Http2Peers::Http2Peers(const Settings& client, const Settings& server,
                       std::size_t padding)
    : padding_(padding) {
  Start(&client_, false, client);
  Start(&server_, true, server);
}

Http2Peers::~Http2Peers() {
  nghttp2_session_del(client_.session);
  nghttp2_session_del(server_.session);
}

void Http2Peers::Start(Peer* peer, bool is_server, const Settings& settings) {
  peer->home = this;
  peer->is_server = is_server;
  nghttp2_session_callbacks* callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks,
                                                   Callbacks::OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       Callbacks::OnFrame);
  nghttp2_session_callbacks_set_select_padding_callback(callbacks,
                                                        Callbacks::Padding);
  const auto start =
      is_server ? nghttp2_session_server_new : nghttp2_session_client_new;
  EXPECT_EQ(start(&peer->session, callbacks, peer), 0);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, settings.data(),
                          settings.size());
}

nghttp2_data_provider Http2Peers::Provide(const Http2Message& message) {
  bodies_.push_back(
      std::make_unique<Body>(Body{message.body, 0, message.trailers}));
  return {.source = {.ptr = bodies_.back().get()},
          .read_callback = Callbacks::Read};
}

std::int32_t Http2Peers::Request(const Http2Message& message) {
  const auto fields = Fields(message.headers);
  const nghttp2_data_provider provider = Provide(message);
  const bool empty = message.body.empty() && message.trailers.empty();
  nghttp2_priority_spec weight;
  nghttp2_priority_spec_init(&weight, 0, 200, 1);
  const std::int32_t id = nghttp2_submit_request(
      client_.session, &weight, fields.data(), fields.size(),
      empty ? nullptr : &provider, nullptr);
  EXPECT_GT(id, 0);
  client_.grpc[id] = IsGrpc(message.headers);
  return id;
}

void Http2Peers::Respond(std::int32_t stream, const Http2Message& message) {
  for (const Http2Headers& interim : message.interim) {
    const auto fields = Fields(interim);
    nghttp2_submit_headers(server_.session, NGHTTP2_FLAG_NONE, stream, nullptr,
                           fields.data(), fields.size(), nullptr);
  }
  std::int32_t pushed = 0;
  if (!message.push.empty()) {
    const auto fields = Fields(message.push);
    pushed =
        nghttp2_submit_push_promise(server_.session, NGHTTP2_FLAG_NONE, stream,
                                    fields.data(), fields.size(), nullptr);
    EXPECT_GT(pushed, 0);
  }
  const auto fields = Fields(message.headers);
  const nghttp2_data_provider provider = Provide(message);
  const bool empty = message.body.empty() && message.trailers.empty();
  nghttp2_submit_response(server_.session, stream, fields.data(), fields.size(),
                          empty ? nullptr : &provider);
  if (pushed > 0) {
    nghttp2_submit_response(server_.session, pushed, fields.data(),
                            fields.size(), nullptr);
  }
}

bool Http2Peers::Say(Peer* from, Peer* to, Http2Speaker speaker) {
  std::string said;
  for (;;) {
    const std::uint8_t* data;
    const ssize_t size = nghttp2_session_mem_send(from->session, &data);
    EXPECT_GE(size, 0) << nghttp2_strerror(static_cast<int>(size));
    if (size <= 0) break;
    said.append(reinterpret_cast<const char*>(data),
                static_cast<std::size_t>(size));
  }
  if (said.empty()) return false;
  EXPECT_EQ(nghttp2_session_mem_recv(
                to->session, reinterpret_cast<const std::uint8_t*>(said.data()),
                said.size()),
            static_cast<ssize_t>(said.size()));
  turns_.push_back({speaker, std::move(said)});
  return true;
}

void Http2Peers::Talk() {
  bool talking = true;
  while (talking) {
    talking = Say(&client_, &server_, Http2Speaker::kClient);
    talking = Say(&server_, &client_, Http2Speaker::kServer) || talking;
  }
}

std::string Http2Peers::Said(Http2Speaker speaker) const {
  std::string said;
  for (const Turn& turn : turns_) {
    if (turn.speaker == speaker) said += turn.bytes;
  }
  return said;
}

}  // namespace proxymeter::protocol
