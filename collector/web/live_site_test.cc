#include "collector/web/live_site.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "collector/exposition/http_server.h"
#include "collector/testing/journal_fixture.h"
#include "collector/web/page_files.h"

namespace proxymeter::collector {
namespace {

using nlohmann::json;

std::string SomeMetrics() { return "x_total 0\n"; }

constexpr char kHostile[] = "<img src=x onerror=alert(1)>";

class LiveSiteTest : public testing::Test {
 protected:
  void SetUp() override {
    auto server = HttpServer::Start({"127.0.0.1", 0}, SomeMetrics,
                                    [this](const HttpQuestion& question) {
                                      return site_.Answer(question);
                                    });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto address = ParseListenAddress(server_->address());
    client_ = std::make_unique<httplib::Client>(address->host, address->port);
  }

  httplib::Result Get(const std::string& path) { return client_->Get(path); }

  // Parses into the message, so that no field is there that it does not know.
  template <typename Message>
  Message GetMessage(const std::string& path) {
    const auto response = Get(path);
    Message message;
    EXPECT_TRUE(response);
    if (!response) return message;
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->get_header_value("Content-Type"), "application/json");
    EXPECT_EQ(response->get_header_value("Cache-Control"), "no-store");
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(response->body, &message)
            .ok())
        << response->body;
    return message;
  }

  static Metrics::View View() {
    Metrics::View view;
    view.accounts.rows = {
        TrafficRow("a", kHostile, 1, std::uint64_t{1} << 63, 3)};
    return view;
  }

  LiveSite site_{{.view = View, .sums = [] { return VendorSums{}; }}, {}};
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(LiveSiteTest, AnswersInTheJsonOfTheMessages) {
  const auto vendors = GetMessage<v1::VendorsResponse>("/api/v1/vendors");
  ASSERT_EQ(vendors.vendors_size(), 1);
  EXPECT_EQ(vendors.vendors(0).counters().received_bytes(),
            std::uint64_t{1} << 63);
  const auto destinations = GetMessage<v1::DestinationsResponse>(
      "/api/v1/destinations?search=%3CIMG&limit=1&sort=vendor&order=desc");
  ASSERT_EQ(destinations.destinations_size(), 1);
  EXPECT_EQ(destinations.destinations(0).destination(), kHostile);
  EXPECT_GT(GetMessage<v1::StatusResponse>("/api/v1/status").unix_ns(), 0u);
  EXPECT_EQ(GetMessage<v1::HistoryResponse>("/api/v1/history?after=1.5")
                .interval_seconds(),
            5u);
}

TEST_F(LiveSiteTest, JsonIsAsDocumented) {
  const json vendors = json::parse(Get("/api/v1/vendors")->body);
  const json& vendor = vendors["vendors"][0];
  // Names as in the proto; 64 bits do not fit into a number of JavaScript; what
  // is zero is there, what is not known is not.
  EXPECT_EQ(vendor["counters"]["received_bytes"], "9223372036854775808");
  EXPECT_EQ(vendor["counters"]["responses_5xx"], "0");
  EXPECT_EQ(vendor["proxy_errors"], "0");
  EXPECT_TRUE(vendor["costs"].is_array());
  EXPECT_FALSE(vendor.contains("rates"));
  EXPECT_FALSE(vendors.contains("rate_seconds"));
  const json row =
      json::parse(Get("/api/v1/destinations")->body)["destinations"][0];
  EXPECT_EQ(row["parts"][0]["protocol"], "http/1.1");
  EXPECT_EQ(row["parts"][0]["visibility"], "plaintext");
}

TEST_F(LiveSiteTest, NamesTheParameterThatIsWrong) {
  const auto parameter = [this](const std::string& path, int status) {
    const auto response = Get(path);
    EXPECT_EQ(response->status, status) << path;
    EXPECT_EQ(response->get_header_value("Content-Type"), "application/json");
    v1::ErrorResponse error;
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(response->body, &error)
            .ok())
        << response->body;
    EXPECT_FALSE(error.message().empty());
    return error.parameter();
  };
  EXPECT_EQ(parameter("/api/v1/vendors?vendor=a", 400), "vendor");
  EXPECT_EQ(parameter("/api/v1/status?x", 400), "x");
  EXPECT_EQ(parameter("/api/v1/history?after=yesterday", 400), "after");
  for (const char* bad : {"sort=size", "order=up", "limit=0", "limit=1001",
                          "offset=-1", "offset=10000001", "limt=5"}) {
    const std::string query = bad;
    EXPECT_EQ(parameter("/api/v1/destinations?" + query, 400),
              query.substr(0, query.find('=')));
  }
  EXPECT_EQ(parameter("/api/v1/vendor", 404), "");
  EXPECT_EQ(parameter("/api/", 404), "");
}

TEST_F(LiveSiteTest, NoConnectionOutlivesItsAnswer) {
  for (const char* path : {"/", "/metrics", "/api/v1/status", "/nothing"}) {
    const auto response = Get(path);
    ASSERT_TRUE(response) << path;
    EXPECT_EQ(response->get_header_value("Connection"), "close") << path;
    EXPECT_EQ(response->get_header_value("X-Content-Type-Options"), "nosniff")
        << path;
  }
}

TEST_F(LiveSiteTest, ServesThePage) {
  std::size_t bytes = 0;
  for (const PageFile& file : PageFiles()) {
    const auto response = Get(std::string(file.path));
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, file.text);
    EXPECT_EQ(response->get_header_value("Content-Type"), file.content_type);
    const std::string policy =
        response->get_header_value("Content-Security-Policy");
    EXPECT_EQ(policy.find("default-src 'none'; script-src 'self';"), 0u);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    bytes += file.text.size();
  }
  EXPECT_EQ(PageFiles()[0].path, "/");
  EXPECT_GT(bytes, 0u);
  EXPECT_LT(bytes, 200'000u);
  EXPECT_EQ(Get("/page")->status, 404);
  EXPECT_EQ(Get("/../page.js")->status, 404);
}

TEST_F(LiveSiteTest, CompressesForWhoTakesIt) {
  client_->set_decompress(false);
  for (const char* path : {"/", "/api/v1/vendors"}) {
    const auto response = client_->Get(path, {{"Accept-Encoding", "gzip"}});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->get_header_value("Content-Encoding"), "gzip");
    EXPECT_EQ(response->body.substr(0, 2), "\x1f\x8b");
  }
}

}  // namespace
}  // namespace proxymeter::collector
