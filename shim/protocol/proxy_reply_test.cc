#include "shim/protocol/proxy_reply.h"

#include <gtest/gtest.h>

#include <string>

#include "shim/protocol/http1_response.h"
#include "shim/protocol/parser_testing.h"
#include "shim/protocol/socks.h"

namespace proxymeter::protocol {
namespace {

// What a whole head says, read by the parser that reads them in life, in pieces
// of one byte.
std::string Reason(ReplyTo to, const std::string& head) {
  Http1ResponseParser parser;
  parser.Reset();
  const std::string text = "HTTP/1.1 " + head + "\r\n\r\n";
  const Method method =
      to == ReplyTo::kConnect ? Method::kConnect : Method::kOther;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto* byte = reinterpret_cast<const std::uint8_t*>(&text[i]);
    if (parser.Consume({byte, 1}, method).event != Http1Event::kHead) continue;
    EXPECT_EQ(i, text.size() - 1);
    const auto error = ErrorOfReply(to, parser.status(), parser.words());
    return error ? std::string(Name(*error)) : "none";
  }
  return "no head";
}

TEST(ProxyReply, ASuccessIsNoError) {
  for (const ReplyTo to :
       {ReplyTo::kConnect, ReplyTo::kRequest, ReplyTo::kInside}) {
    EXPECT_EQ(Reason(to, "200 OK"), "none");
    EXPECT_EQ(Reason(to, "204 Authentication is fine"), "none");
  }
  EXPECT_EQ(Reason(ReplyTo::kRequest,
                   "200 OK\r\nProxy-Status: cache.example; fwd=stale"),
            "none");
}

TEST(ProxyReply, EveryRefusedConnectIsTheProxys) {
  const std::pair<const char*, const char*> cases[] = {
      {"302 Found", "other"},
      {"400 Bad Request", "bad_request"},
      {"401 ", "authentication"},
      {"402 Payment Required", "quota"},
      {"403 Forbidden", "denied"},
      {"404 Not Found", "destination_unavailable"},
      {"407 Proxy Authentication Required", "authentication"},
      {"418 ", "bad_request"},
      {"429 Too Many Requests", "rate_limited"},
      {"500 Internal Server Error", "internal"},
      {"501 Not Implemented", "unsupported"},
      {"502 Bad Gateway", "bad_gateway"},
      {"503 Service Unavailable", "unavailable"},
      {"504 Gateway Timeout", "destination_timed_out"},
      {"521 ", "destination_refused"},
      {"522 ", "destination_timed_out"},
      {"523 ", "destination_unavailable"},
      {"525 SSL Handshake Failed", "destination_tls"},
      {"599 ", "internal"},
  };
  for (const auto& [head, reason] : cases) {
    EXPECT_EQ(Reason(ReplyTo::kConnect, head), reason) << head;
  }
}

TEST(ProxyReply, AQuotaIsToldFromAPassword) {
  for (const char* head : {"407 TRAFFIC_EXHAUSTED",
                           "407 Proxy Authentication Required\r\n"
                           "X-Error-Description: Traffic limit reached",
                           "407 x\r\nx-brd-err-msg:  Account is suspended",
                           "407 x\r\nX-Luminati-Error: no balance left"}) {
    EXPECT_EQ(Reason(ReplyTo::kConnect, head), "quota") << head;
    EXPECT_EQ(Reason(ReplyTo::kRequest, head), "quota") << head;
  }
  EXPECT_EQ(Reason(ReplyTo::kConnect,
                   "407 x\r\nx-brd-err-code: client_10000\r\n"
                   "x-brd-err-msg: Wrong password"),
            "authentication");
}

TEST(ProxyReply, ADestinationsOwnErrorsAreNotTheProxys) {
  for (const char* head : {"403 Forbidden", "404 Not Found", "429 Too Many",
                           "500 Oops", "502 Bad Gateway", "503 Later"}) {
    EXPECT_EQ(Reason(ReplyTo::kRequest, head), "none") << head;
    EXPECT_EQ(Reason(ReplyTo::kInside, head), "none") << head;
  }
  // Nobody but a proxy may send it, but inside a tunnel that is another one.
  EXPECT_EQ(Reason(ReplyTo::kRequest, "407 x"), "authentication");
  EXPECT_EQ(Reason(ReplyTo::kInside, "407 x"), "none");
  // A content delivery network of the destination's.
  EXPECT_EQ(Reason(ReplyTo::kInside,
                   "502 x\r\nProxy-Status: cdn.example; error=dns_timeout"),
            "none");
}

TEST(ProxyReply, VendorsThatEndTlsSpeakInside) {
  EXPECT_EQ(Reason(ReplyTo::kInside, "502 x\r\nx-brd-error: No peer available"),
            "unavailable");
  EXPECT_EQ(
      Reason(ReplyTo::kInside, "429 x\r\nx-brd-error-code: sr_rate_limit"),
      "rate_limited");
  EXPECT_EQ(Reason(ReplyTo::kRequest, "200 x\r\nx-brd-err-code: target_40011"),
            "destination_unavailable");
}

TEST(ProxyReply, SquidSaysWhatItMet) {
  const std::pair<const char*, const char*> cases[] = {
      {"ERR_DNS_FAIL 0", "dns"},
      {"ERR_CONNECT_FAIL 111", "destination_unavailable"},
      {"ERR_ACCESS_DENIED 0", "denied"},
      {"ERR_CACHE_ACCESS_DENIED 0", "authentication"},
      {"ERR_READ_TIMEOUT 0", "destination_timed_out"},
      {"ERR_ZERO_SIZE_OBJECT 0", "destination_closed"},
      {"ERR_TOO_BIG 0", "unavailable"},
  };
  for (const auto& [value, reason] : cases) {
    const std::string head = std::string("503 x\r\nX-Squid-Error: ") + value;
    EXPECT_EQ(Reason(ReplyTo::kConnect, head), reason) << value;
    EXPECT_EQ(Reason(ReplyTo::kRequest, head), reason) << value;
  }
}

TEST(ProxyReply, ProxyStatusNamesTheError) {
  const std::pair<const char*, const char*> cases[] = {
      {"p; error=dns_timeout", "dns"},
      {"p; received-status=400; error=destination_ip_unroutable; details=\"x\"",
       "destination_unavailable"},
      {"p;error=connection_refused", "destination_refused"},
      {"p; error=http_request_denied", "denied"},
      {"p; error=tls_certificate_error", "destination_tls"},
      {"p; error=proxy_loop_detected", "internal"},
      // The last member is the nearest proxy.
      {"cdn; error=dns_error, vendor; error=connection_timeout",
       "destination_timed_out"},
      {"cdn; error=dns_error, vendor; next-hop=x", "dns"},
      // Not in a string.
      {"p; error=dns_error; details=\"x; error=connection_refused\"", "dns"},
      {"p; details=\"\\\"; error=dns_error\"; error=proxy_internal_error",
       "internal"},
      // A string that was cut off ends with its line.
      {"p; details=\"x\r\nProxy-Status: q; error=dns_error", "dns"},
      // Not the parameter, though it ends like it.
      {"p; myerror=dns_error; error=proxy_internal_error", "internal"},
      {"p; error=dns_error; x-error=connection_refused", "dns"},
  };
  for (const auto& [value, reason] : cases) {
    const std::string head = std::string("502 x\r\nProxy-Status: ") + value;
    EXPECT_EQ(Reason(ReplyTo::kConnect, head), reason) << value;
    EXPECT_EQ(Reason(ReplyTo::kRequest, head), reason) << value;
  }
  EXPECT_EQ(Reason(ReplyTo::kConnect,
                   "502 x\r\nproxy-status: p; error=of_the_future"),
            "bad_gateway");
}

TEST(ProxyReply, EveryErrorTypeIsKnown) {
  // RFC 9209, 2.3.1 to 2.3.32.
  const std::pair<const char*, const char*> types[] = {
      {"dns_timeout", "dns"},
      {"dns_error", "dns"},
      {"destination_not_found", "dns"},
      {"destination_unavailable", "destination_unavailable"},
      {"destination_ip_prohibited", "denied"},
      {"destination_ip_unroutable", "destination_unavailable"},
      {"connection_refused", "destination_refused"},
      {"connection_terminated", "destination_closed"},
      {"connection_timeout", "destination_timed_out"},
      {"connection_read_timeout", "destination_timed_out"},
      {"connection_write_timeout", "destination_timed_out"},
      {"connection_limit_reached", "rate_limited"},
      {"tls_protocol_error", "destination_tls"},
      {"tls_certificate_error", "destination_tls"},
      {"tls_alert_received", "destination_tls"},
      {"http_request_error", "bad_request"},
      {"http_request_denied", "denied"},
      {"http_response_incomplete", "destination_closed"},
      {"http_response_header_section_size", "destination_response"},
      {"http_response_header_size", "destination_response"},
      {"http_response_body_size", "destination_response"},
      {"http_response_trailer_section_size", "destination_response"},
      {"http_response_trailer_size", "destination_response"},
      {"http_response_transfer_coding", "destination_response"},
      {"http_response_content_coding", "destination_response"},
      {"http_response_timeout", "destination_timed_out"},
      {"http_upgrade_failed", "destination_response"},
      {"http_protocol_error", "destination_response"},
      {"proxy_internal_response", "internal"},
      {"proxy_internal_error", "internal"},
      {"proxy_configuration_error", "internal"},
      {"proxy_loop_detected", "internal"},
  };
  EXPECT_EQ(std::size(types), 32u);
  for (const auto& [type, reason] : types) {
    EXPECT_EQ(Reason(ReplyTo::kConnect,
                     std::string("502 x\r\nProxy-Status: p; error=") + type),
              reason)
        << type;
  }
}

TEST(ProxyReply, WordsAreCutOffNotOverrun) {
  const std::string filler(4000, 'x');
  EXPECT_EQ(
      Reason(ReplyTo::kConnect, "502 " + filler + "\r\nx-brd-error: " + filler),
      "bad_gateway");
  EXPECT_EQ(
      Reason(ReplyTo::kConnect, "502 x\r\nProxy-Status: p; error=" + filler),
      "bad_gateway");
}

TEST(ProxyReply, WordsOfOneResponseAreNotTheNexts) {
  Http1ResponseParser parser;
  parser.Reset();
  const std::string first =
      "HTTP/1.1 502 x\r\nx-brd-error: quota\r\nContent-Length: 0\r\n\r\n";
  const std::string second = "HTTP/1.1 502\r\nContent-Length: 0\r\n\r\n";
  Bytes data(reinterpret_cast<const std::uint8_t*>(first.data()), first.size());
  auto step = parser.Consume(data, Method::kOther);
  ASSERT_EQ(step.event, Http1Event::kHead);
  EXPECT_TRUE(parser.words().has(ProxyWords::Source::kVendor));
  ASSERT_EQ(parser.Consume({}, Method::kOther).event, Http1Event::kMessageEnd);
  data = {reinterpret_cast<const std::uint8_t*>(second.data()), second.size()};
  ASSERT_EQ(parser.Consume(data, Method::kOther).event, Http1Event::kHead);
  EXPECT_FALSE(parser.words().has(ProxyWords::Source::kVendor));
  EXPECT_EQ(parser.words().text(), "");
}

TEST(ProxyReply, EverySocksCodeHasItsReason) {
  const auto name = [](int version, std::uint8_t code) {
    const auto error = ErrorOfSocksReply(version, code);
    return error ? std::string(Name(*error)) : "none";
  };
  EXPECT_EQ(name(4, 90), "none");
  EXPECT_EQ(name(4, 91), "denied");
  EXPECT_EQ(name(4, 92), "authentication");
  EXPECT_EQ(name(4, 93), "authentication");
  const char* reasons[] = {"none",
                           "internal",
                           "denied",
                           "destination_unavailable",
                           "destination_unavailable",
                           "destination_refused",
                           "destination_timed_out",
                           "unsupported",
                           "unsupported",
                           "other"};
  for (std::uint8_t code = 0; code < std::size(reasons); ++code) {
    EXPECT_EQ(name(5, code), reasons[code]) << int{code};
  }
  EXPECT_EQ(name(5, SocksServerParser::kNoMethod), "authentication");
  EXPECT_EQ(name(5, SocksServerParser::kBadPassword), "authentication");
}

}  // namespace
}  // namespace proxymeter::protocol
