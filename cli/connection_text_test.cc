#include "cli/connection_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Case {
  std::string text;
  std::string host;
  bool address;
  int port;
  std::string user;
};

TEST(ConnectionText, ReadsWhatPeopleWrite) {
  for (const Case& each : {
           Case{"gw.acme.test", "gw.acme.test", false, 0, ""},
           Case{"GW.acme.test.:8080", "gw.acme.test", false, 8080, ""},
           Case{"203.0.113.9", "", true, 0, ""},
           Case{"203.0.113.9:65535", "", true, 65535, ""},
           Case{"2001:db8::1", "", true, 0, ""},
           Case{"[2001:db8::1]", "", true, 0, ""},
           Case{"[2001:db8::1]:80", "", true, 80, ""},
           Case{"me@gw.acme.test:80", "gw.acme.test", false, 80, "me"},
           Case{"me:secret@gw.acme.test", "gw.acme.test", false, 0, "me"},
           Case{"me@home:p@ss@[::1]:1", "", true, 1, "me@home"},
           Case{"http://a%2Db:p@gw.acme.test", "gw.acme.test", false, 80,
                "a-b"},
           Case{"a%2Db@gw.acme.test", "gw.acme.test", false, 0, "a%2Db"},
           Case{"socks5h://gw.acme.test/", "gw.acme.test", false, 1080, ""},
           Case{"HTTPS://gw.acme.test:1/x", "gw.acme.test", false, 1, ""},
       }) {
    const auto read = ParseConnection(each.text);
    ASSERT_TRUE(read.ok()) << each.text << read.status();
    EXPECT_EQ(read->host, each.host) << each.text;
    EXPECT_EQ(read->address.has_value(), each.address) << each.text;
    EXPECT_EQ(read->port, each.port) << each.text;
    EXPECT_EQ(read->user, each.user) << each.text;
  }
  EXPECT_EQ(ParseConnection("203.0.113.9")->address,
            MappedIpv4(203, 0, 113, 9));
}

TEST(ConnectionText, SaysWhatIsWrong) {
  for (const auto& [text, what] :
       std::vector<std::pair<std::string, std::string>>{
           {"", "'' is neither host nor address"},
           {"gw.acme.test:", "'' is not a port"},
           {"gw.acme.test:0", "'0' is not a port"},
           {"gw.acme.test:65536", "'65536' is not a port"},
           {"gw.acme.test:x", "'x' is not a port"},
           {"[::1", "']' is missing"},
           {"[::1]80", "behind ']'"},
           {"*.acme.test", "neither host nor address"},
           {"ftp://gw.acme.test", "'ftp' is no scheme of proxies"},
           {"me:secret@", "'' is neither host nor address"}}) {
    const auto read = ParseConnection(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(what));
    EXPECT_THAT(std::string(read.status().message()), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace proxymeter::cli
