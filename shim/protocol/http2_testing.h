// HTTP/2 as others speak it: nghttp2's own sessions, and frames made by hand.
// Only tests include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP2_TESTING_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP2_TESTING_H_

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shim/protocol/http2.h"

namespace proxymeter::protocol {

using Http2Headers = std::vector<std::pair<std::string, std::string>>;

/// A frame (RFC 9113, 4.1).
std::string Http2Frame(int type, int flags, std::uint32_t stream,
                       std::string_view payload);
/// A number in network byte order.
std::string Big32(std::uint32_t number);
/// The preface and empty settings.
std::string Http2Hello();
/// A setting, as it stands in a frame.
std::string Http2Setting(int name, std::uint32_t value);

/// Makes header blocks.
class Http2Deflater {
 public:
  Http2Deflater() { nghttp2_hd_deflate_new(&deflater_, 64 * 1024); }
  ~Http2Deflater() { nghttp2_hd_deflate_del(deflater_); }
  Http2Deflater(const Http2Deflater&) = delete;
  Http2Deflater& operator=(const Http2Deflater&) = delete;

  std::string Block(const Http2Headers& headers);
  void ChangeTable(std::size_t size) {
    nghttp2_hd_deflate_change_table_size(deflater_, size);
  }

 private:
  nghttp2_hd_deflater* deflater_;
};

/// A message, and what happens to its stream.
struct Http2Message {
  Http2Headers headers;
  std::string body = {};
  Http2Headers trailers = {};
  std::vector<Http2Headers> interim = {};  ///< before a response
  Http2Headers push = {};                  ///< a request that it promises
};

/// A client and a server of nghttp2 who talk to each other through memory. What
/// the one said is told by the other, which is the witness.
class Http2Peers {
 public:
  using Settings = std::vector<nghttp2_settings_entry>;

  struct Turn {
    Http2Speaker speaker;
    std::string bytes;
  };

  explicit Http2Peers(const Settings& client = {}, const Settings& server = {},
                      std::size_t padding = 0);
  ~Http2Peers();
  Http2Peers(const Http2Peers&) = delete;
  Http2Peers& operator=(const Http2Peers&) = delete;

  /// What the server answers to requests for this :path (or, of CONNECT,
  /// :authority). Without any it answers nothing.
  void Answer(const std::string& path, Http2Message message) {
    answers_[path] = std::move(message);
  }
  /// Returns the stream.
  std::int32_t Request(const Http2Message& message);
  /// Talks until both are silent.
  void Talk();

  nghttp2_session* client() { return client_.session; }
  nghttp2_session* server() { return server_.session; }

  const std::vector<Turn>& turns() const { return turns_; }
  /// All that one of them said.
  std::string Said(Http2Speaker speaker) const;
  /// As Http2Text says it.
  const std::vector<std::string>& Witnessed(Http2Speaker speaker) const {
    return speaker == Http2Speaker::kClient ? server_.heard : client_.heard;
  }

 private:
  struct Body {
    std::string text;
    std::size_t at = 0;
    Http2Headers trailers;
  };
  struct Peer {
    Http2Peers* home = nullptr;
    bool is_server = false;
    nghttp2_session* session = nullptr;
    std::vector<std::string> heard;
    std::map<std::int32_t, Http2Headers> headers;
    std::map<std::int32_t, bool> grpc;
    std::map<std::int32_t, std::string> paths;
  };
  struct Callbacks;

  void Start(Peer* peer, bool is_server, const Settings& settings);
  bool Say(Peer* from, Peer* to, Http2Speaker speaker);
  void Respond(std::int32_t stream, const Http2Message& message);
  nghttp2_data_provider Provide(const Http2Message& message);

  std::size_t padding_;
  Peer client_;
  Peer server_;
  std::map<std::string, Http2Message> answers_;
  std::vector<std::unique_ptr<Body>> bodies_;
  std::vector<Turn> turns_;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP2_TESTING_H_
