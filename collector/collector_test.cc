#include "collector/collector.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_format.h"
#include "collector/exposition/listen_address.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_crawler.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"
#include "proxymeter/limits.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::collector {
namespace {

using testing::HasSubstr;

class CollectorTest : public testing::Test {
 protected:
  CollectorOptions Options() const {
    return {.directory = temp_.path() + "/run",
            .config_file = "",
            .metrics_listen = "127.0.0.1:0",
            .grpc_listen = "127.0.0.1:0",
            // It would ask name servers for the vendors' proxies.
            .audit = false};
  }
  std::string WriteConfig(const std::string& yaml) const {
    const std::string path = temp_.path() + "/vendors.yaml";
    std::ofstream(path) << yaml;
    return path;
  }
  std::string PolicyBytes() const {
    std::ifstream file(temp_.path() + "/run/" + kPolicyName, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string Metrics(const Collector& collector) {
    const auto address = ParseListenAddress(collector.metrics_address());
    httplib::Client client(address->host, address->port);
    const auto response = client.Get("/metrics");
    return response ? response->body : "";
  }

  static v1::ReloadResponse Reload(const Collector& collector) {
    grpc::ClientContext context;
    v1::ReloadResponse response;
    const grpc::Status status =
        v1::Collector::NewStub(
            grpc::CreateChannel(collector.grpc_address(),
                                grpc::InsecureChannelCredentials()))
            ->Reload(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  static constexpr char kOtherVendor[] =
      "version: 1\nvendors:\n"
      "  - name: beta\n"
      "    match:\n"
      "      - host: proxy.beta.example\n";
  static constexpr char kOneVendor[] =
      "version: 1\nvendors:\n"
      "  - name: acme\n"
      "    match:\n"
      "      - host: proxy.acme.example\n";

  const TestDirectory temp_;
};

TEST_F(CollectorTest, AFrameComesOutEverywhere) {
  Collector collector(Options());
  ASSERT_TRUE(collector.Start().ok());
  EXPECT_FALSE(PolicyBytes().empty());
  ASSERT_TRUE(SendFrames(
      temp_.path() + "/run",
      {EncodeFrame(TestSession(1), TrafficRow("acme", "a.example", 10, 20, 1),
                   false)}));
  EXPECT_TRUE(WaitFor([&] {
    return Metrics(collector).find(
               "proxymeter_sent_bytes_total{proxy_vendor=\"acme\","
               "destination_host=\"a.example\"} 10\n") != std::string::npos;
  }));
  grpc::ClientContext context;
  v1::SnapshotResponse snapshot;
  ASSERT_TRUE(v1::Collector::NewStub(
                  grpc::CreateChannel(collector.grpc_address(),
                                      grpc::InsecureChannelCredentials()))
                  ->Snapshot(&context, {}, &snapshot)
                  .ok());
  ASSERT_EQ(snapshot.traffic_size(), 1);
  EXPECT_EQ(snapshot.traffic(0).counters().sent_bytes(), 10u);
  collector.Stop();
  EXPECT_FALSE(std::filesystem::exists(temp_.path() + "/run/" + kSocketName));
}

TEST_F(CollectorTest, TrafficCostsWhatTheConfigurationSays) {
  CollectorOptions options = Options();
  options.config_file = WriteConfig(std::string(kOneVendor) +
                                    "    price: {currency: USD, per_gb: 2.5, "
                                    "per_request: 0.001}\n");
  Collector collector(options);
  ASSERT_TRUE(collector.Start().ok());
  ASSERT_TRUE(SendFrames(
      temp_.path() + "/run",
      {EncodeFrame(TestSession(1),
                   TrafficRow("acme", "a.example", 400'000'000, 0, 3),
                   false)}));
  EXPECT_TRUE(WaitFor([&] {
    const std::string metrics = Metrics(collector);
    return metrics.find(
               "proxymeter_cost_total{proxy_vendor=\"acme\","
               "currency=\"USD\"} 1.003\n") != metrics.npos &&
           metrics.find(
               "proxymeter_destination_cost_total{proxy_vendor="
               "\"acme\",destination_host=\"a.example\","
               "currency=\"USD\"} 1.003\n") != metrics.npos;
  })) << Metrics(collector);
}

TEST_F(CollectorTest, TextThatIsNotUtf8FillsNoLog) {
  constexpr int kFrames = 100;
  const std::string good = EncodeFrame(
      TestSession(1), TrafficRow("acme", "a.example", 10, 20, 1), false);
  std::string bad = good;
  bad.replace(bad.find("a.example"), 2, "\xff\xfe");
  testing::internal::CaptureStderr();
  Collector collector(Options());
  ASSERT_TRUE(collector.Start().ok());
  for (int i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(SendFrames(temp_.path() + "/run", {bad}));
  }
  ASSERT_TRUE(SendFrames(temp_.path() + "/run", {good}));
  const std::string refused =
      "proxymeter_rejected_total{reason=\"malformed_frame\"} " +
      std::to_string(kFrames) + "\n";
  EXPECT_TRUE(WaitFor(
      [&] { return Metrics(collector).find(refused) != std::string::npos; }));
  EXPECT_TRUE(WaitFor([&] {
    return Metrics(collector).find("destination_host=\"a.example\"} 10\n") !=
           std::string::npos;
  }));
  collector.Stop();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(CollectorTest, ThePodIsALabel) {
  setenv("POD_NAME", "crawler-7", 1);
  setenv("POD_NAMESPACE", "crawl", 1);
  Collector collector(Options());
  const absl::Status started = collector.Start();
  unsetenv("POD_NAME");
  unsetenv("POD_NAMESPACE");
  ASSERT_TRUE(started.ok()) << started;
  ASSERT_TRUE(SendFrames(
      temp_.path() + "/run",
      {EncodeFrame(TestSession(1), TrafficRow("acme", "a.example", 10, 20, 1),
                   false)}));
  EXPECT_TRUE(WaitFor([&] {
    return Metrics(collector).find(
               "pod_name=\"crawler-7\",pod_namespace=\"crawl\"} 10\n") !=
           std::string::npos;
  }));
}

TEST_F(CollectorTest, ASecondOneInTheDirectoryIsRefused) {
  Collector first(Options());
  ASSERT_TRUE(first.Start().ok());
  Collector second(Options());
  const absl::Status status = second.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("another collector"));
  // The first has lost nothing by the attempt.
  EXPECT_TRUE(SendFrames(
      temp_.path() + "/run",
      {EncodeFrame(TestSession(1), TrafficRow("acme", "a.example", 10, 20, 1),
                   false)}));
}

TEST_F(CollectorTest, AMistakeInTheConfigurationTouchesNothing) {
  CollectorOptions options = Options();
  options.config_file = WriteConfig("version: 1\nvendors:\n  - nam: acme\n");
  Collector collector(options);
  const absl::Status status = collector.Start();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("vendors.yaml:3"));
  EXPECT_FALSE(std::filesystem::exists(options.directory));
}

TEST_F(CollectorTest, RefusesBadAddresses) {
  CollectorOptions options = Options();
  options.metrics_listen = "9099";
  EXPECT_EQ(Collector(options).Start().code(),
            absl::StatusCode::kInvalidArgument);
  options = Options();
  options.grpc_listen = "localhost:70000";
  EXPECT_EQ(Collector(options).Start().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CollectorTest, ReloadReplacesThePolicyOrKeepsIt) {
  CollectorOptions options = Options();
  options.config_file = WriteConfig(kOtherVendor);
  Collector collector(options);
  ASSERT_TRUE(collector.Start().ok());
  const std::string before = PolicyBytes();
  WriteConfig(kOneVendor);
  v1::ReloadResponse reloaded = Reload(collector);
  EXPECT_EQ(reloaded.error(), "");
  EXPECT_EQ(reloaded.in_force().generation(), 2u);
  EXPECT_EQ(reloaded.in_force().config_file(), options.config_file);
  const std::string after = PolicyBytes();
  EXPECT_NE(after, before);
  EXPECT_THAT(after, HasSubstr("acme"));
  WriteConfig("version: 1\nvendors: 7\n");
  reloaded = Reload(collector);
  EXPECT_EQ(reloaded.result(), v1::RELOAD_RESULT_FAILED);
  EXPECT_THAT(reloaded.error(), HasSubstr("vendors.yaml:2"));
  EXPECT_EQ(reloaded.in_force().generation(), 2u);
  EXPECT_EQ(PolicyBytes(), after);
  const std::string metrics = Metrics(collector);
  EXPECT_THAT(metrics, HasSubstr("proxymeter_policy_failed 1\n"));
  EXPECT_THAT(metrics, HasSubstr("proxymeter_policy_generation 2\n"));
  EXPECT_THAT(metrics, HasSubstr("proxymeter_policy_vendors 1\n"));
  EXPECT_THAT(metrics, HasSubstr("proxymeter_policy_reloads_total{result="
                                 "\"ok\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr(absl::StrFormat(
                           "proxymeter_policy_info{checksum=\"%016x\"} 1",
                           reloaded.in_force().policy_checksum())));
}

}  // namespace
}  // namespace proxymeter::collector
