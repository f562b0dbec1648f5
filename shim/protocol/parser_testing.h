// Feeding a parser the same bytes in different pieces: what every parser test
// does. Only tests include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_PARSER_TESTING_H_
#define PROXYMETER_SHIM_PROTOCOL_PARSER_TESTING_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// What one call of a parser did. An empty event is none; a last event is one
/// after which the parser consumes nothing. Where a vague one happened depends
/// on how the bytes are cut.
struct Observed {
  std::size_t consumed;
  std::string event;
  bool last = false;
  bool vague = false;
};

/// An event and the bytes consumed since the one before; of a parser that tells
/// how many it consumes. The bytes after the last event come with an empty one.
struct Seen {
  std::string event;
  std::string bytes;

  bool operator==(const Seen&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << '"' << seen.event << "\" after " << seen.bytes.size() << ": "
             << testing::PrintToString(seen.bytes);
}

/// Every piece is an allocation of its own, so that AddressSanitizer notices a
/// byte read beyond it.
using Pieces = std::vector<std::vector<std::uint8_t>>;

inline Pieces Cut(std::string_view input, std::size_t first,
                  std::size_t others) {
  Pieces pieces;
  std::size_t size = first;
  for (std::size_t at = 0; at < input.size(); size = others) {
    size = std::min(std::max<std::size_t>(size, 1), input.size() - at);
    pieces.emplace_back(input.begin() + at, input.begin() + at + size);
    at += size;
  }
  if (pieces.empty()) pieces.emplace_back();
  return pieces;
}

template <typename Parser>
std::vector<Seen> Feed(const Pieces& pieces, Parser parser) {
  std::vector<Seen> seen;
  std::string bytes;
  for (const auto& piece : pieces) {
    Bytes rest(piece.data(), piece.size());
    while (true) {
      const Observed step = parser.Consume(rest);
      if (step.consumed > rest.size()) {
        ADD_FAILURE() << "consumed more than there is";
        return seen;
      }
      const auto taken = rest.first(step.consumed);
      bytes.append(taken.begin(), taken.end());
      if constexpr (requires { Parser::kCountsNothing; }) bytes.clear();
      if (step.vague) bytes.clear();
      rest = rest.subspan(step.consumed);
      if (step.event.empty()) break;
      seen.push_back({step.event, bytes});
      bytes.clear();
      if (!step.last) continue;
      const Observed again = parser.Consume(rest);
      EXPECT_EQ(again.consumed, 0u);
      EXPECT_EQ(again.event, step.event);
      return seen;
    }
    EXPECT_TRUE(rest.empty()) << "stalled after " << bytes;
  }
  if (!bytes.empty()) seen.push_back({"", bytes});
  return seen;
}

/// Feeds the input whole, in two pieces cut everywhere, and byte by byte, and
/// expects the same of each; returns what was seen.
template <typename Parser>
std::vector<Seen> FeedEveryWay(std::string_view input, Parser parser) {
  auto whole = Feed(Cut(input, input.size(), 1), parser);
  for (std::size_t first = 1; first < input.size(); ++first) {
    EXPECT_EQ(Feed(Cut(input, first, input.size()), parser), whole)
        << "cut at " << first;
  }
  EXPECT_EQ(Feed(Cut(input, 1, 1), parser), whole) << "byte by byte";
  return whole;
}

inline std::vector<std::string> Events(const std::vector<Seen>& seen) {
  std::vector<std::string> events;
  for (const Seen& one : seen) {
    if (!one.event.empty()) events.push_back(one.event);
  }
  return events;
}

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_PARSER_TESTING_H_
