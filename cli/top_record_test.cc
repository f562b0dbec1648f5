#include "cli/top_record.h"

#include <algorithm>

#include "cli/testing/snapshots.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

View Sample() {
  auto before = SnapshotAt(9);
  auto now = SnapshotAt(10);
  AddTraffic(now, "acme", "a\tb", 3, 18446744073709551615u, 40);
  v1::TunnelTotal* tunnel = now.add_tunnels();
  tunnel->set_vendor("acme");
  tunnel->set_protocol(v1::PROTOCOL_CONNECT);
  tunnel->set_code(200);
  tunnel->set_replies(2);
  AddPhase(now, "acme", "connect", {2})->set_microseconds(1'500);
  AddPhase(now, "acme", "request",
           {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  AddError(now, "acme", "quota", 6);
  AddTls(now, "acme", "1.2", "h2", v1::VISIBILITY_PLAINTEXT, 7);
  AddGrpc(now, "acme", "NOT_FOUND", 8);
  AddKernel(now, "acme", 10'000'000, 10'000'000, 9'999'999, 10'000'000)
      ->set_retransmitted_bytes(9);
  AddUnmetered(now, "acme", "path_not_seen", 1, 0, 0);
  return MakeView(now, &before, {});
}

TEST(TopRecord, LinesHaveRawFiguresUnderNames) {
  const std::string text = FormatLines(Sample());
  EXPECT_THAT(text,
              HasSubstr("#traffic\tvendor\tdestination\tprotocol\tvisibility\t"
                        "requests\tresponses_2xx\tresponses_3xx\tresponses_4xx"
                        "\tresponses_5xx\tresponses_other\tsent_bytes\t"
                        "received_bytes\trequests_per_second\t"
                        "sent_bytes_per_second\treceived_bytes_per_second\n"
                        "traffic\tacme\ta?b\thttps/1.1\tplaintext\t3\t3\t0\t0\t"
                        "0\t0\t18446744073709551615\t40\t3.000\t"));
  EXPECT_THAT(text, HasSubstr("tunnel\tacme\tconnect\t200\t2\n"));
  EXPECT_THAT(text, HasSubstr("#phase\tvendor\tphase\tcount\tseconds\t"
                              "p50_seconds\tp95_seconds\tp99_seconds\n"
                              "phase\tacme\tconnect\t2\t0.002\t0.001\t0.001"
                              "\t0.001\nphase\tacme\trequest\t1\t0.000\t-"
                              "\t-\t-\n"));
  EXPECT_THAT(text, HasSubstr("\nproxy_error\tacme\tquota\t6\n"));
  EXPECT_THAT(text, HasSubstr("\ntls_session\tacme\t1.2\th2\tplaintext\t7\n"));
  EXPECT_THAT(text, HasSubstr("\ngrpc\tacme\tNOT_FOUND\t8\n"));
  EXPECT_THAT(text, HasSubstr("\tcoverage_ratio\nvendor\tacme\t"));
  EXPECT_THAT(text, HasSubstr("\t0.99999995\n#tunnel"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "#kernel\tvendor\tsent_bytes\treceived_bytes\tcovered_sent_bytes\t"
          "covered_received_bytes\tcoverage_ratio\tretransmitted_bytes\t"
          "unsent_bytes\tconnections_ok\tconnections_failed\trtt_count\t"
          "rtt_seconds\trtt_p50_seconds\trtt_p95_seconds\t"
          "rtt_p99_seconds\nkernel\tacme\t10000000\t10000000\t9999999\t"
          "10000000\t0.99999995\t9\t0\t0\t0\t0\t0.000\t-\t-\t-\n"));
  EXPECT_THAT(text, HasSubstr("\nunmetered\tacme\tpath_not_seen\t1\t0\t0\n"));
  EXPECT_THAT(text, HasSubstr("\t2024-01-01T00:00:10Z\t"));
  EXPECT_TRUE(text.ends_with("\n\n"));
}

TEST(TopRecord, EveryLineHasTheCellsThatItsTitleNames) {
  const std::string text = FormatLines(Sample());
  std::string line;
  std::ptrdiff_t expected = 0;
  for (std::istringstream in(text); std::getline(in, line);) {
    const auto tabs = std::count(line.begin(), line.end(), '\t');
    if (line.starts_with('#')) {
      expected = tabs;
    } else if (!line.empty()) {
      EXPECT_EQ(tabs, expected) << line;
    }
  }
  EXPECT_GT(expected, 0);
}

TEST(TopRecord, UnknownRatesAreDashesAndNulls) {
  auto now = SnapshotAt(1);
  AddTraffic(now, "acme", "x", 1, 2, 3);
  const View view = MakeView(now, nullptr, {});
  EXPECT_THAT(FormatLines(view), HasSubstr("\t2\t3\t-\t-\t-\n"));
  const auto json = nlohmann::json::parse(FormatJson(view));
  EXPECT_TRUE(json["total"]["requests_per_second"].is_null());
  // Nor is coverage, of nothing that the kernel witnessed.
  EXPECT_TRUE(json["vendors"][0]["coverage_ratio"].is_null());
  EXPECT_TRUE(json["kernel"].empty());
}

TEST(TopRecord, JsonIsOneLineWithExactFigures) {
  const std::string text = FormatJson(Sample());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["traffic"][0]["destination"], "a\tb");
  EXPECT_EQ(json["traffic"][0]["sent_bytes"], 18446744073709551615u);
  EXPECT_EQ(json["traffic"][0]["requests_per_second"], 3.0);
  EXPECT_EQ(json["vendors"][0]["tunnels_opened"], 2);
  EXPECT_EQ(json["tunnels"][0]["code"], 200);
  EXPECT_EQ(json["phases"][0]["p50_seconds"], 0.0005);
  EXPECT_TRUE(json["phases"][1]["p50_seconds"].is_null());
  EXPECT_EQ(json["proxy_errors"][0]["reason"], "quota");
  EXPECT_EQ(json["tls_sessions"][0]["alpn"], "h2");
  EXPECT_EQ(json["grpc"][0]["responses"], 8);
  EXPECT_EQ(json["vendors"][0]["coverage_ratio"], 0.99999995);
  EXPECT_EQ(json["kernel"][0]["covered_sent_bytes"], 9'999'999);
  EXPECT_EQ(json["unmetered"][0]["reason"], "path_not_seen");
  EXPECT_EQ(json["total"]["requests"], 3);
  EXPECT_EQ(json["sessions"], 2);
}

}  // namespace
}  // namespace proxymeter::cli
