#include "shim/protocol/proxy_credentials.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "shim/protocol/http1_request.h"
#include "shim/protocol/http2_fields.h"
#include "shim/protocol/socks.h"

namespace proxymeter::protocol {
namespace {

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct Said {
  std::string user;
  std::string password;
  std::string vendor;

  friend bool operator==(const Said&, const Said&) = default;
};

Said Of(const ProxyCredentials& credentials) {
  return {std::string(credentials.user()), std::string(credentials.password()),
          std::string(credentials.vendor())};
}

// In pieces of every size.
void ExpectOfHead(std::string_view fields, const Said& expected) {
  const std::string head =
      "CONNECT a.test:443 HTTP/1.1\r\n" + std::string(fields) + "\r\n";
  for (std::size_t piece = 1; piece <= head.size(); ++piece) {
    Http1RequestParser parser;
    parser.Reset();
    ProxyCredentials credentials;
    Http1Event event = Http1Event::kNone;
    for (std::size_t at = 0; at < head.size(); at += piece) {
      event = parser
                  .Consume(AsBytes(head).subspan(
                               at, std::min(piece, head.size() - at)),
                           &credentials)
                  .event;
    }
    ASSERT_EQ(event, Http1Event::kHead);
    ASSERT_EQ(Of(credentials), expected) << fields << " by " << piece;
  }
}

TEST(ProxyCredentials, AreReadFromBasic) {
  // user:pass:word
  ExpectOfHead("Proxy-Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n",
               {"user", "pass:word", ""});
  ExpectOfHead("proxy-authorization:  bASIC \t dXNlcjpwYXNzOndvcmQ=  \r\n",
               {"user", "pass:word", ""});
  // Without a colon it is all user name: what a vendor's key looks like.
  ExpectOfHead("Proxy-Authorization: Basic a2V5\r\n", {"key", "", ""});
  ExpectOfHead("Proxy-Authorization: Basic a2V5Og==\r\n", {"key", "", ""});
}

TEST(ProxyCredentials, OfSeveralTheFirstCounts) {
  ExpectOfHead(
      "Proxy-Authorization: Basic a2V5\r\nProxy-Authorization: Basic "
      "dXNlcg==\r\n",
      {"key", "", ""});
}

TEST(ProxyCredentials, OtherSchemesAndOtherFieldsNameNobody) {
  for (const char* field :
       {"Proxy-Authorization: Bearer dXNlcjpwYXNz", "Proxy-Authorization:",
        "Proxy-Authorization: Basic", "Proxy-Authorization: Basically dXNl",
        "Proxy-Authorization: Basic =", "Authorization: Basic dXNlcjpwYXNz",
        "Proxy-Authorization2: Basic dXNlcjpwYXNz"}) {
    ExpectOfHead(std::string(field) + "\r\n", {});
  }
}

TEST(ProxyCredentials, VendorIsReadInLowerCase) {
  ExpectOfHead("X-Proxy-Vendor:  Acme-1 \r\n", {"", "", "acme-1"});
  ExpectOfHead("X-Proxy-Vendor: " + std::string(64, 'a') + "\r\n", {});
  ExpectOfHead("X-Proxy-Vendor: " + std::string(63, 'a') + "\r\n",
               {"", "", std::string(63, 'a')});
}

TEST(ProxyCredentials, TooLongIsNone) {
  ProxyCredentials credentials;
  for (int i = 0; i < 255; ++i) credentials.AppendUser('u');
  EXPECT_EQ(credentials.user().size(), 255u);
  credentials.AppendUser('u');
  credentials.AppendUser('u');
  EXPECT_EQ(credentials.user(), "");
}

TEST(ProxyCredentials, AreReadFromSocks) {
  using namespace std::string_literals;
  const struct {
    std::string sent;
    Said expected;
  } kCases[] = {
      {"\5\1\2\1\4user\6secret\5\1\0\1\1\2\3\4\0\120"s, {"user", "secret", ""}},
      {"\4\1\0\120\1\2\3\4user\0"s, {"user", "", ""}},
      {"\5\1\0\5\1\0\1\1\2\3\4\0\120"s, {}},
  };
  for (const auto& each : kCases) {
    SocksClientParser parser;
    parser.Reset();
    ProxyCredentials credentials;
    for (const char c : each.sent) {
      parser.Consume(AsBytes({&c, 1}), &credentials);
    }
    EXPECT_EQ(Of(credentials), each.expected);
  }
}

TEST(ProxyCredentials, AreReadFromHttp2) {
  Http2Fields fields;
  fields.Clear();
  fields.Take(":method", "CONNECT");
  fields.Take("proxy-authorization", "Basic dXNlcjpwYXNz");
  fields.Take("x-proxy-vendor", "acme");
  EXPECT_EQ(Of(fields.credentials()), (Said{"user", "pass", "acme"}));
  fields.WipeCredentials();
  EXPECT_EQ(Of(fields.credentials()), Said{});
}

TEST(ProxyCredentials, LeaveNothingBehindWhenWiped) {
  ProxyCredentials credentials;
  ASSERT_TRUE(credentials.BeginAuthorization());
  for (const char c : std::string_view("Basic dXNlcjpzZWNyZXQ=")) {
    credentials.AppendAuthorization(static_cast<std::uint8_t>(c));
  }
  ASSERT_EQ(Of(credentials), (Said{"user", "secret", ""}));
  credentials.Wipe();
  const char* const bytes = reinterpret_cast<const char*>(&credentials);
  for (std::size_t i = 0; i < sizeof(credentials); ++i) {
    ASSERT_EQ(bytes[i], 0) << i;
  }
}

}  // namespace
}  // namespace proxymeter::protocol
