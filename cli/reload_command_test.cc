#include "cli/reload_command.h"

#include <sstream>

#include "cli/testing/fake_collector.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

v1::ReloadResponse Response(v1::ReloadResult result, const std::string& error) {
  v1::ReloadResponse response;
  response.set_result(result);
  response.set_error(error);
  v1::PolicyInForce& in_force = *response.mutable_in_force();
  in_force.set_config_file("/etc/vendors.yaml");
  in_force.set_generation(3);
  in_force.set_config_sha256("0f0f");
  in_force.set_policy_checksum(0xfedcba9876543210);
  in_force.set_policy_bytes(1184);
  in_force.set_vendors(4);
  in_force.set_rules(12);
  in_force.set_since_unix_ns(1'709'251'199'000'000'000);
  return response;
}

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() { options_.directory = directory_; }

  int Reload(const v1::ReloadResponse& response) {
    FakeCollector collector(directory_, {}, FakeCollector::AtEnd::kStop);
    collector.SetReload(response);
    return Ask();
  }
  int Ask() {
    out_.str("");
    error_.str("");
    return cli::Reload(options_, out_, error_);
  }

  const std::string directory_ = MakeTempDirectory();
  ReloadOptions options_;
  std::ostringstream out_;
  std::ostringstream error_;
};

TEST_F(ReloadTest, SaysWhatIsInForce) {
  EXPECT_EQ(Reload(Response(v1::RELOAD_RESULT_OK, "")), 0);
  EXPECT_EQ(out_.str(),
            "/etc/vendors.yaml is in force: generation 3, vendors: 4, rules: "
            "12\nconfiguration  sha256 0f0f\npolicy         fedcba9876543210, "
            "1184 bytes, since 2024-02-29T23:59:59Z\n");
  EXPECT_EQ(error_.str(), "");
  EXPECT_EQ(Reload(Response(v1::RELOAD_RESULT_UNCHANGED, "")), 0);
  EXPECT_THAT(out_.str(),
              StartsWith("/etc/vendors.yaml was in force already: "));
}

TEST_F(ReloadTest, AFailureIsToldWhole) {
  EXPECT_EQ(Reload(Response(v1::RELOAD_RESULT_FAILED, "vendors.yaml:3:5: no")),
            1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(error_.str(),
            "proxymeter: vendors.yaml:3:5: no\nproxymeter: what was in force "
            "stays: generation 3, vendors: 4, rules: 12, since "
            "2024-02-29T23:59:59Z\n");
}

TEST_F(ReloadTest, JsonIsOneObjectAlsoOfAFailure) {
  options_.json = true;
  EXPECT_EQ(Reload(Response(v1::RELOAD_RESULT_FAILED, "why")), 1);
  const auto record = nlohmann::json::parse(out_.str());
  EXPECT_EQ(record["result"], "failed");
  EXPECT_EQ(record["in_force"]["generation"], 3);
  EXPECT_EQ(record["in_force"]["policy_checksum"], "fedcba9876543210");
  EXPECT_EQ(record["in_force"]["since_unix_ns"], 1'709'251'199'000'000'000);
  EXPECT_EQ(Reload(Response(v1::RELOAD_RESULT_OK, "")), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["result"], "ok");
}

TEST_F(ReloadTest, WithoutConfigurationThereIsNothingToSay) {
  v1::ReloadResponse response = Response(v1::RELOAD_RESULT_UNCHANGED, "");
  response.mutable_in_force()->clear_config_file();
  EXPECT_EQ(Reload(response), 0);
  EXPECT_THAT(out_.str(), HasSubstr("no configuration"));
}

TEST_F(ReloadTest, WithoutCollectorItFails) {
  EXPECT_EQ(Ask(), 1);
  EXPECT_THAT(error_.str(), StartsWith("proxymeter: no collector answers at "));
  // One of a version that has no such call.
  FakeCollector collector(directory_, {}, FakeCollector::AtEnd::kStop);
  EXPECT_EQ(Ask(), 1);
  EXPECT_THAT(error_.str(), HasSubstr("no such call"));
}

}  // namespace
}  // namespace proxymeter::cli
