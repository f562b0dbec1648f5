#include "collector/exposition/listen_address.h"

#include <gtest/gtest.h>

namespace proxymeter::collector {
namespace {

TEST(ParseListenAddress, TakesWhatUsersWrite) {
  const auto parsed = [](std::string_view text) {
    const auto address = ParseListenAddress(text);
    return address.ok() ? address->host + "|" + std::to_string(address->port)
                        : std::string(address.status().message());
  };
  EXPECT_EQ(parsed("127.0.0.1:9099"), "127.0.0.1|9099");
  EXPECT_EQ(parsed("localhost:0"), "localhost|0");
  EXPECT_EQ(parsed("[::1]:65535"), "::1|65535");
  EXPECT_EQ(parsed("[::]:1"), "::|1");
  EXPECT_EQ(parsed(":9099"), "::|9099");
}

TEST(ParseListenAddress, RefusesTheRest) {
  for (const char* text : {"", "9099", "localhost", "localhost:", "localhost:x",
                           "localhost:-1", "localhost:65536", "localhost:80x",
                           "::1:80", "[::1]", "[]:80", "[::1:80", "a]:80"}) {
    EXPECT_FALSE(ParseListenAddress(text).ok()) << text;
  }
}

TEST(ListenAddress, PutsBracketsAroundIpv6) {
  EXPECT_EQ((ListenAddress{"::1", 80}).ToString(), "[::1]:80");
  EXPECT_EQ((ListenAddress{"127.0.0.1", 80}).ToString(), "127.0.0.1:80");
}

}  // namespace
}  // namespace proxymeter::collector
