// Compression of HTTP responses.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_GZIP_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_GZIP_H_

#include <optional>
#include <string>
#include <string_view>

namespace proxymeter::collector {

/// Whether an Accept-Encoding header takes gzip (RFC 9110, 12.5.3): named, or
/// by "*", with a weight that is not 0.
bool AcceptsGzip(std::string_view accept_encoding);

/// `text` in gzip format (RFC 1952); nothing when memory is short.
std::optional<std::string> Gzip(std::string_view text);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_GZIP_H_
