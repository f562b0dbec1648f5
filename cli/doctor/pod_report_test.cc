#include "cli/doctor/pod_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

PodReport Example() {
  PodReport report;
  report.directory = "/run/pm";
  Talker talker;
  talker.pid = 4711;
  talker.name = "fet\tch";
  talker.executable = "/bin/fetch";
  talker.uid = 7;
  talker.vendors = {"acme", "beta"};
  talker.connections = 2;
  talker.sent = 10;
  talker.received = 1234567;
  talker.coverage = {Covered::kNo, "linking", "it is static", "use another"};
  report.talkers.push_back(talker);
  Talker user;
  user.uid = 8;
  user.vendors = {"acme"};
  user.connections = 1;
  user.coverage = {Covered::kUnknown, "process", "somebody's", ""};
  report.talkers.push_back(user);
  talker.coverage = {Covered::kYes, "", "", ""};
  talker.pid = 3;
  talker.name = "curl";
  report.talkers.push_back(talker);
  report.closed = 2;
  report.unresolved_hosts = {"gw.acme.test", "b.test"};
  return report;
}

TEST(PodReport, PeopleGetATable) {
  EXPECT_EQ(
      FormatText(Example()),
      "connections to vendors of the policy in /run/pm\n"
      "  covered   pid  program     vendor      connections  sent  received\n"
      "  no       4711  fet?ch      acme, beta            2    10   1234567\n"
      "      it is static -> use another\n"
      "  unknown     -  (user 8's)  acme                  1     -         -\n"
      "      somebody's\n"
      "  yes         3  curl        acme, beta            2    10   1234567\n"
      "  2 more, closed already, belong to no process\n"
      "  not resolved here, so not looked for: gw.acme.test, b.test\n"
      "Of 3: 1 not covered, 1 unknown.\n");
}

TEST(PodReport, ItSaysWhenAllIsWell) {
  PodReport report;
  report.directory = "/run/pm";
  EXPECT_EQ(FormatText(report),
            "connections to vendors of the policy in /run/pm\n"
            "Nobody has a connection to a vendor.\n");
  Talker talker;
  talker.coverage.covered = Covered::kYes;
  report.talkers = {talker};
  talker.coverage.covered = Covered::kLeftOut;
  report.talkers.push_back(talker);
  EXPECT_TRUE(report.AllCovered());
  EXPECT_THAT(FormatText(report), testing::EndsWith("\nAll are covered.\n"));
  EXPECT_THAT(FormatText(report), testing::HasSubstr("  left out "));
}

TEST(PodReport, ProgramsGetAllOfIt) {
  const auto json = nlohmann::json::parse(FormatJson(Example()));
  EXPECT_EQ(json["directory"], "/run/pm");
  EXPECT_EQ(json["all_covered"], false);
  EXPECT_EQ(json["closed_connections"], 2);
  EXPECT_EQ(json["unresolved_hosts"][1], "b.test");
  ASSERT_EQ(json["processes"].size(), 3u);
  EXPECT_EQ(json["processes"][0], nlohmann::json::parse(R"({
      "pid": 4711, "name": "fet\tch", "executable": "/bin/fetch", "uid": 7,
      "vendors": ["acme", "beta"], "connections": 2, "sent_bytes": 10,
      "received_bytes": 1234567, "covered": "no", "why": "linking",
      "reason": "it is static", "advice": "use another"})"));
  EXPECT_TRUE(json["processes"][1]["pid"].is_null());
  EXPECT_TRUE(json["processes"][1]["sent_bytes"].is_null());
  EXPECT_TRUE(json["processes"][1]["executable"].is_null());
  EXPECT_EQ(json["processes"][2]["covered"], "yes");
}

}  // namespace
}  // namespace proxymeter::cli
