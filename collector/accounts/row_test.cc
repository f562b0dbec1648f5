#include "collector/accounts/row.h"

#include <gtest/gtest.h>

#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

RowValue TunnelRow(Protocol protocol, std::uint16_t code) {
  return {.key = {.kind = RowKind::kTunnel,
                  .vendor = "acme",
                  .protocol = protocol,
                  .code = code}};
}

RowValue CallerRow(const std::string& caller, Unwinder unwinder) {
  return {.key = {.kind = RowKind::kCaller,
                  .vendor = "acme",
                  .destination = caller,
                  .code = static_cast<std::uint16_t>(unwinder)}};
}

TEST(IsValidRow, TakesEveryKind) {
  EXPECT_TRUE(IsValidRow(TrafficRow("acme", "example.com", 1, 2, 3)));
  EXPECT_TRUE(IsValidRow(TrafficRow("acme", "_unknown", 1, 2, 3)));
  EXPECT_TRUE(IsValidRow(TrafficRow("direct", "[2001:db8::1]", 1, 2, 3)));
  EXPECT_TRUE(IsValidRow(VendorRow("acme", 1, 2, 3)));
  EXPECT_TRUE(IsValidRow(TunnelRow(Protocol::kConnect, 407)));
  EXPECT_TRUE(IsValidRow(TunnelRow(Protocol::kSocks5, 0)));
  EXPECT_TRUE(IsValidRow({.key = {.kind = RowKind::kShim}}));
  EXPECT_TRUE(IsValidRow(CallerRow("libcurl.so.4", Unwinder::kLibgcc)));
  EXPECT_TRUE(IsValidRow(CallerRow("_unknown", Unwinder::kNone)));
}

TEST(IsValidRow, RefusesTextThatDoesNotFitTheKind) {
  EXPECT_FALSE(IsValidRow(TrafficRow("", "example.com", 1, 2, 3)));
  EXPECT_FALSE(IsValidRow(TrafficRow("acme", "", 1, 2, 3)));
  EXPECT_FALSE(IsValidRow(VendorRow("", 1, 2, 3)));
  RowValue vendor = VendorRow("acme", 1, 2, 3);
  vendor.key.destination = "example.com";
  EXPECT_FALSE(IsValidRow(vendor));
  RowValue tunnel = TunnelRow(Protocol::kConnect, 200);
  tunnel.key.vendor.clear();
  EXPECT_FALSE(IsValidRow(tunnel));
  EXPECT_FALSE(IsValidRow({.key = {.kind = RowKind::kShim, .vendor = "acme"}}));
}

TEST(IsValidRow, RefusesUnprintableText) {
  for (const char* bad : {"a\nb", "a\"b", "a'b", "a\\b", "a\x7f", "h\xc3\xb6st",
                          "tab\t", "\x01"}) {
    EXPECT_FALSE(IsValidRow(TrafficRow("acme", bad, 1, 2, 3))) << bad;
    EXPECT_FALSE(IsValidRow(TrafficRow(bad, "example.com", 1, 2, 3))) << bad;
  }
}

TEST(IsValidRow, RefusesTextBeyondItsLength) {
  const auto valid = [](std::size_t vendor, std::size_t host) {
    return IsValidRow(
        TrafficRow(std::string(vendor, 'v'), std::string(host, 'h'), 1, 2, 3));
  };
  EXPECT_TRUE(valid(kMaxVendorLength, kMaxHostLength));
  EXPECT_FALSE(valid(kMaxVendorLength + 1, kMaxHostLength));
  EXPECT_FALSE(valid(kMaxVendorLength, kMaxHostLength + 1));
}

TEST(IsValidRow, CallersHaveANameAndAKnownUnwinder) {
  EXPECT_FALSE(IsValidRow(CallerRow("", Unwinder::kLibgcc)));
  EXPECT_FALSE(
      IsValidRow(CallerRow("curl", static_cast<Unwinder>(kLastUnwinder + 1))));
  RowValue row = CallerRow("curl", Unwinder::kLibunwind);
  row.counters[kCallerCounters - 1] = 1;
  EXPECT_TRUE(IsValidRow(row));
  row.counters[kCallerCounters] = 1;
  EXPECT_FALSE(IsValidRow(row));
}

TEST(IsValidRow, RefusesUnknownNumbers) {
  RowValue row = TrafficRow("acme", "example.com", 1, 2, 3);
  row.key.protocol = static_cast<Protocol>(kLastProtocol + 1);
  EXPECT_FALSE(IsValidRow(row));
  row = TrafficRow("acme", "example.com", 1, 2, 3);
  row.key.visibility = static_cast<Visibility>(kLastVisibility + 1);
  EXPECT_FALSE(IsValidRow(row));
  row = TrafficRow("acme", "example.com", 1, 2, 3);
  row.key.kind = RowKind::kNone;
  EXPECT_FALSE(IsValidRow(row));
  row.key.kind = static_cast<RowKind>(kLastRowKind + 1);
  EXPECT_FALSE(IsValidRow(row));
}

TEST(IsValidRow, OnlyTunnelsHaveACodeAndATunnelProtocol) {
  RowValue row = TrafficRow("acme", "example.com", 1, 2, 3);
  row.key.code = 200;
  EXPECT_FALSE(IsValidRow(row));
  EXPECT_FALSE(IsValidRow(TunnelRow(Protocol::kHttp1, 200)));
}

TEST(IsValidRow, RefusesCountersThatTheKindHasNot) {
  RowValue row = TrafficRow("acme", "example.com", 1, 2, 3);
  row.counters[kTrafficCounters] = 1;
  EXPECT_FALSE(IsValidRow(row));
}

}  // namespace
}  // namespace proxymeter::collector
