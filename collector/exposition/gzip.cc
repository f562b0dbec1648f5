#include "collector/exposition/gzip.h"

#include <zlib.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace proxymeter::collector {
namespace {

// A scrape is compressed once and read once: speed before size. The text of
// metrics repeats so much that it shrinks to a tenth all the same.
constexpr int kLevel = Z_BEST_SPEED;
constexpr int kGzipWindowBits = 15 + 16;  // 16 asks zlib for a gzip header
constexpr int kMemoryLevel = 8;

double WeightOf(absl::string_view parameter) {
  parameter = absl::StripAsciiWhitespace(parameter);
  double weight = 1;
  if (absl::StartsWithIgnoreCase(parameter, "q=") &&
      !absl::SimpleAtod(parameter.substr(2), &weight)) {
    return 0;
  }
  return weight;
}

}  // namespace

bool AcceptsGzip(std::string_view accept_encoding) {
  std::optional<bool> named;
  bool any = false;
  for (const absl::string_view item : absl::StrSplit(
           absl::string_view(accept_encoding.data(), accept_encoding.size()),
           ',')) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(item, absl::MaxSplits(';', 1));
    const absl::string_view coding = absl::StripAsciiWhitespace(parts.first);
    const bool taken = WeightOf(parts.second) > 0;
    if (absl::EqualsIgnoreCase(coding, "gzip")) named = taken;
    if (coding == "*") any = taken;
  }
  return named.value_or(any);
}

std::optional<std::string> Gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string compressed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int result = deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return compressed;
}

}  // namespace proxymeter::collector
