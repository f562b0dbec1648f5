// The shim's parsers: whatever the bytes and however a program happens to cut
// them, the same events after the same bytes.
#ifndef PROXYMETER_TESTS_FUZZ_PARSER_H_
#define PROXYMETER_TESTS_FUZZ_PARSER_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "shim/protocol/observers.h"
#include "shim/protocol/parser_testing.h"
#include "tests/fuzz/fuzz_target.h"

namespace proxymeter::fuzz {

/// The first two bytes say how to cut the rest; two ones, byte by byte.
template <typename Parser>
void FeedInPieces(const std::uint8_t* data, std::size_t size,
                  const Parser& parser) {
  // The observers speak GoogleTest: let it end the process.
  GTEST_FLAG_SET(break_on_failure, true);
  if (size < 2) return;
  const std::string_view text = AsText(data + 2, size - 2);
  const auto whole =
      protocol::Feed(protocol::Cut(text, text.size(), 1), parser);
  EXPECT_EQ(protocol::Feed(protocol::Cut(text, data[0], data[1]), parser),
            whole);
}

}  // namespace proxymeter::fuzz

#endif  // PROXYMETER_TESTS_FUZZ_PARSER_H_
