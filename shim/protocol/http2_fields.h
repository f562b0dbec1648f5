// The header block of an HTTP/2 message: what of it matters.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP2_FIELDS_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP2_FIELDS_H_

#include <cstdint>
#include <string_view>

#include "shim/protocol/host_name.h"
#include "shim/protocol/http1.h"
#include "shim/protocol/proxy_credentials.h"
#include "shim/protocol/proxy_reply.h"

namespace proxymeter::protocol {

/// Takes the decoded fields of one block, in order (RFC 9113, 8.3).
class Http2Fields {
 public:
  enum class Scheme : std::uint8_t { kOther, kHttp, kHttps };

  /// No gRPC status, and one that is no number.
  static constexpr int kNoGrpcStatus = -1;
  static constexpr int kBadGrpcStatus = -2;

  /// To be called before each block.
  void Clear();
  void Take(std::string_view name, std::string_view value);

  Method method() const { return method_; }
  Scheme scheme() const { return scheme_; }
  /// Of :authority, or of Host without one (RFC 9113, 8.3.1).
  const HostName& host() const { return host_; }
  /// CONNECT for another protocol than bytes (RFC 8441), as WebSocket.
  bool extended() const { return extended_; }
  /// CONNECT to a host: the stream's content is a tunnel's.
  bool tunnel() const { return method_ == Method::kConnect && !extended_; }

  bool has_status() const { return has_status_; }
  /// 0 when it is not three digits.
  int status() const { return status_; }

  /// What a client tells its proxy, in a block without a status.
  const ProxyCredentials& credentials() const { return credentials_; }
  void WipeCredentials();

  /// What a proxy says of itself, in a block with a status.
  const ProxyWords& words() const { return words_; }

  /// The content type is gRPC's.
  bool grpc() const { return grpc_; }
  /// As in the gRPC protocol: 0 is success. Or one of the above.
  int grpc_status() const { return grpc_status_; }

 private:
  void TakeWords(std::string_view name, std::string_view value);
  void TakeCredentials(std::string_view name, std::string_view value);
  void TakePseudo(std::string_view name, std::string_view value);

  HostName host_;
  ProxyWords words_;
  ProxyCredentials credentials_;
  bool has_credentials_ = false;
  std::int16_t grpc_status_ = kNoGrpcStatus;
  std::uint16_t status_ = 0;
  Method method_ = Method::kOther;
  Scheme scheme_ = Scheme::kOther;
  bool extended_ = false;
  bool has_status_ = false;
  bool grpc_ = false;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP2_FIELDS_H_
