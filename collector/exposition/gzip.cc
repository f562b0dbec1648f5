#include "collector/exposition/gzip.h"

#include <libdeflate.h>

#include <memory>
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
constexpr int kLevel = 1;

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

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
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (compressor == nullptr) return std::nullopt;
  // Of the most that it can be, only what it comes to is touched.
  const std::size_t most =
      libdeflate_gzip_compress_bound(compressor.get(), text.size());
  const auto compressed = std::make_unique_for_overwrite<char[]>(most);
  const std::size_t size = libdeflate_gzip_compress(
      compressor.get(), text.data(), text.size(), compressed.get(), most);
  if (size == 0) return std::nullopt;
  return std::string(compressed.get(), size);
}

}  // namespace proxymeter::collector
