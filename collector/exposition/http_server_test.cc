#include "collector/exposition/http_server.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <cstdio>
#include <memory>

#include "collector/exposition/metrics.h"
#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

// They stay the same from one scrape to the next.
std::string FixedMetrics() {
  std::string text = "# HELP x_total Help.\n# TYPE x_total counter\n";
  for (int i = 0; i < 200; ++i) {
    text += "x_total{n=\"" + std::to_string(i) + "\"} 0\n";
  }
  return text;
}

class HttpServerTest : public testing::Test {
 protected:
  void Start(const HttpServer::MetricsText& metrics,
             const std::string& host = "127.0.0.1") {
    auto server = HttpServer::Start({host, 0}, metrics);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto address = ParseListenAddress(server_->address());
    ASSERT_TRUE(address.ok());
    client_ = std::make_unique<httplib::Client>(address->host, address->port);
  }

  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(HttpServerTest, ServesTheTextFormat) {
  Start(FixedMetrics);
  const auto response = client_->Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->get_header_value("Content-Type"),
            "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response->get_header_value("Content-Encoding"), "");
  EXPECT_EQ(response->body, FixedMetrics());
}

TEST_F(HttpServerTest, CompressesOnRequest) {
  Start(FixedMetrics);
  client_->set_decompress(false);
  const auto response =
      client_->Get("/metrics", {{"Accept-Encoding", "br, gzip"}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->get_header_value("Content-Encoding"), "gzip");
  const std::string plain = FixedMetrics();
  EXPECT_LT(response->body.size(), plain.size() / 2);

  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);  // 16: a gzip header
  std::string inflated(plain.size() + 1, '\0');
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(response->body.data()));
  stream.avail_in = static_cast<uInt>(response->body.size());
  stream.next_out = reinterpret_cast<Bytef*>(inflated.data());
  stream.avail_out = static_cast<uInt>(inflated.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflated.resize(stream.total_out);
  inflateEnd(&stream);
  EXPECT_EQ(inflated, plain);
}

TEST_F(HttpServerTest, AnswersProbesAndTellsItsPages) {
  Start(FixedMetrics);
  for (const char* path : {"/healthz", "/readyz"}) {
    const auto response = client_->Get(path);
    ASSERT_TRUE(response) << path;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "ok\n");
  }
  const auto index = client_->Get("/");
  ASSERT_TRUE(index);
  EXPECT_NE(index->body.find("/metrics"), std::string::npos);
  const auto missing = client_->Get("/metricsx");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  const auto posted = client_->Post("/metrics", "x", "text/plain");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 404);
}

TEST_F(HttpServerTest, RefusesAPortInUse) {
  Start(FixedMetrics);
  const auto second =
      HttpServer::Start(*ParseListenAddress(server_->address()), FixedMetrics);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(std::string(second.status().message()).find(server_->address()),
            std::string::npos);
}

TEST_F(HttpServerTest, ListensOnIpv6) {
  Start(FixedMetrics, "::1");
  EXPECT_EQ(server_->address().rfind("[::1]:", 0), 0u);
  const auto response = client_->Get("/healthz");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
}

TEST_F(HttpServerTest, PromtoolFindsNoFault) {
  Sessions sessions;
  DecodedFrame frame;
  frame.session = TestSession(1);
  RowValue tunnel{.key = {.kind = RowKind::kTunnel,
                          .vendor = "acme",
                          .protocol = Protocol::kSocks5}};
  tunnel.counters[kTunnelReplies] = 1;
  frame.rows = {{0, TrafficRow("acme", "a.example", 10, 20, 1)},
                {1, VendorRow("acme", 2, 50, 8)},
                {2, tunnel},
                {3, {.key = {.kind = RowKind::kShim}}}};
  ASSERT_EQ(sessions.ApplyFrame(frame), std::nullopt);
  RowValue unheard = TrafficRow("acme", "_unknown", 1, 2, 0);
  unheard.key.visibility = Visibility::kKernel;
  RowValue times{.key = {.kind = kKernelRttRow, .vendor = "acme"}};
  times.counters[kPhaseBuckets] = 1;
  sessions.AddWitnessed(
      {unheard,
       times,
       {.key = {.kind = kKernelRow, .vendor = "acme"}, .counters = {5, 6}},
       {.key = {.kind = kUnmeteredRow, .vendor = "acme"}, .counters = {1, 2}}});
  const Metrics metrics(
      [&] {
        return Metrics::View{.accounts = sessions.Snapshot(), .health = {}};
      },
      {"p", "n"});
  Start([&metrics] { return metrics.Text(); });
  const auto response = client_->Get("/metrics");
  ASSERT_TRUE(response);
  EXPECT_NE(response->body.find("proxymeter_coverage_ratio{"),
            std::string::npos);
  EXPECT_NE(response->body.find("proxymeter_kernel_rtt_seconds_bucket{"),
            std::string::npos);
  const auto promtool = [](const std::string& text) {
    FILE* pipe = popen(PROXYMETER_PROMTOOL " check metrics 2>&1", "w");
    if (pipe == nullptr) return -1;
    fwrite(text.data(), 1, text.size(), pipe);
    return pclose(pipe);
  };
  EXPECT_EQ(promtool(response->body), 0) << response->body;
  // It does look: a counter without _total is a fault.
  EXPECT_NE(promtool("# HELP x y\n# TYPE x counter\nx 1\n"), 0);
}

}  // namespace
}  // namespace proxymeter::collector
