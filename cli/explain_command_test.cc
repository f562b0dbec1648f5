#include "cli/explain_command.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/policy_command.h"
#include "cli/testing/process.h"
#include "collector/policy/policy_file.h"
#include "collector/reload/compiled_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kConfig[] =
    "version: 1\n"                                           // 1
    "vendors:\n"                                             // 2
    "  - name: acme\n"                                       // 3
    "    match:\n"                                           // 4
    "      - {host: gw.acme.test, port: 8080}\n"             // 5
    "      - host: gw.acme.test\n"                           // 6
    "      - host: '*.acme.test'\n"                          // 7
    "      - cidr: 203.0.113.0/24\n"                         // 8
    "  - name: beta\n"                                       // 9
    "    match:\n"                                           // 10
    "      - host: '*.eu.acme.test'\n"                       // 11
    "      - cidr: [203.0.0.0/16, '2001:db8::/32']\n"        // 12
    "      - {host: '*.acme.test', cidr: 203.0.113.0/28}\n"  // 13
    "      - host: 198.51.100.7\n"                           // 14
    "      - port: 7000-7999\n";                             // 15

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    std::ofstream(file_) << kConfig;
    options_.config = file_;
  }

  int Explain(const std::string& connection) {
    out_.str("");
    error_.str("");
    options_.connection = connection;
    return ExplainConnection(options_, out_, error_);
  }
  nlohmann::json Json(const std::string& connection) {
    options_.json = true;
    const int status = Explain(connection);
    options_.json = false;
    EXPECT_EQ(error_.str(), "");
    const auto array = nlohmann::json::parse(out_.str());
    EXPECT_EQ(array.size(), 1u);
    EXPECT_EQ(status == 0, !array[0]["rule"].is_null());
    return array[0];
  }
  std::string Rule(const std::string& where, int line) const {
    return where + " (" + file_ + ":" + std::to_string(line) + ")";
  }
  // Why the rule on that line is told not to decide.
  static std::string Why(const nlohmann::json& rules, int line) {
    for (const auto& rule : rules) {
      const std::string text = rule["rule"];
      if (text.ends_with(":" + std::to_string(line) + ")")) return rule["why"];
    }
    return "";
  }

  const std::string directory_ = MakeTempDirectory();
  const std::string file_ = directory_ + "/v.yaml";
  ExplainOptions options_;
  std::ostringstream out_;
  std::ostringstream error_;
};

TEST_F(ExplainTest, NamesTheWinnerAndWhyTheOthersLose) {
  const auto told = Json("gw.acme.test:8080");
  EXPECT_EQ(told["vendor"], "acme");
  EXPECT_EQ(told["rule"], Rule("vendors[0].match[0]", 5));
  EXPECT_EQ(told["holds"], "host gw.acme.test, port 8080");
  EXPECT_EQ(told["lost"].size(), 2u);
  EXPECT_EQ(Why(told["lost"], 6),
            "a rule with a port condition goes before one without");
  EXPECT_EQ(Why(told["lost"], 7), "an exact host goes before a host suffix");
  EXPECT_EQ(Why(told["unmet"], 13),
            "its cidr condition does not hold: no address is known, wanted is "
            "one in 203.0.113.0/28");
  EXPECT_EQ(told["unrelated"], 5);
}

TEST_F(ExplainTest, LongerWins) {
  auto told = Json("203.0.113.9:80");
  EXPECT_EQ(told["rule"], Rule("vendors[0].match[3]", 8));
  EXPECT_EQ(told["holds"], "network 203.0.113.0/24");
  EXPECT_EQ(Why(told["lost"], 12), "a longer prefix wins: /24 over /16");
  EXPECT_EQ(Why(told["unmet"], 13),
            "its host condition does not hold: 203.0.113.9 is not "
            "*.acme.test");
  told = Json("a.eu.acme.test");
  EXPECT_EQ(told["vendor"], "beta");
  EXPECT_EQ(Why(told["lost"], 7),
            "a longer suffix wins: *.eu.acme.test over *.acme.test");
}

TEST_F(ExplainTest, HostAndAddressTogether) {
  options_.address = "203.0.113.9";
  const auto told = Json("a.acme.test:7000");
  EXPECT_EQ(told["rule"], Rule("vendors[1].match[2]", 13));
  EXPECT_EQ(told["holds"], "host *.acme.test, network 203.0.113.0/28");
  EXPECT_EQ(told["address"], "203.0.113.9");
  EXPECT_EQ(Why(told["lost"], 7),
            "a rule with host and cidr goes before one with host alone");
  EXPECT_EQ(Why(told["lost"], 8), "a host suffix goes before a network");
  EXPECT_EQ(Why(told["lost"], 15), "a host suffix goes before a port alone");
  options_.address = "here";
  EXPECT_EQ(Explain("a.acme.test"), 2);
  EXPECT_THAT(error_.str(), HasSubstr("'here' is not an address"));
}

TEST_F(ExplainTest, OfEqualsTheEarlierWins) {
  std::ofstream(file_) << "version: 1\nvendors:\n"
                          "  - name: acme\n    match:\n"
                          "      - {cidr: 10.0.0.0/8, port: 80-90}\n"
                          "      - {cidr: 10.0.0.0/8, port: 85-99}\n";
  const auto told = Json("10.1.2.3:87");
  EXPECT_EQ(told["rule"], Rule("vendors[0].match[0]", 5));
  EXPECT_EQ(Why(told["lost"], 6), "the winner stands earlier in the file");
  EXPECT_EQ(Why(Json("10.1.2.3:99")["unmet"], 5),
            "its port condition does not hold: 99 is not 80-90");
  EXPECT_THAT(Why(Json("10.1.2.3")["unmet"], 5),
              HasSubstr("no port is known, wanted is 80-90"));
}

TEST_F(ExplainTest, AnAddressAsHostIsANetworkOfOne) {
  const auto told = Json("198.51.100.7:7001");
  EXPECT_EQ(told["holds"], "address 198.51.100.7");
  EXPECT_EQ(Why(told["lost"], 15), "a network goes before a port alone");
}

TEST_F(ExplainTest, Ipv6StandsInBrackets) {
  const auto told = Json("[2001:db8::5]:80");
  EXPECT_EQ(told["holds"], "network 2001:db8::/32");
  EXPECT_EQ(told["address"], "2001:db8::5");
  EXPECT_EQ(told["port"], 80);
}

TEST_F(ExplainTest, WithoutARuleItSaysWhatBecomesOfIt) {
  EXPECT_THAT(Json("9.9.9.9:80")["otherwise"].get<std::string>(),
              StartsWith("'direct', or"));
  EXPECT_THAT(Json("10.0.0.1:80")["otherwise"].get<std::string>(),
              StartsWith("not metered: the address is inside"));
  EXPECT_THAT(Json("elsewhere.test:80")["otherwise"].get<std::string>(),
              HasSubstr("when its address is outside"));
  EXPECT_EQ(Explain("9.9.9.9:80"), 1);
  EXPECT_THAT(out_.str(), HasSubstr("  no rule matches: 'direct'"));
}

TEST_F(ExplainTest, TextNamesTheFirstTwentyUnlessAllAreWanted) {
  std::string config =
      "version: 1\nvendors:\n  - name: a\n    match:\n"
      "      - {host: gw.a.test}\n";
  for (int i = 1; i <= 30; ++i) {
    config += "      - {host: gw.a.test, port: " + std::to_string(i) + "}\n";
  }
  std::ofstream(file_) << config;
  EXPECT_EQ(Explain("gw.a.test:99"), 0);
  EXPECT_EQ(error_.str(), "");
  EXPECT_THAT(out_.str(), StartsWith("host gw.a.test, address not known, "
                                     "port 99\n  vendor  a\n  rule    " +
                                     Rule("vendors[0].match[0]", 5) +
                                     "\n  holds   host gw.a.test\n"));
  EXPECT_THAT(out_.str(), HasSubstr("99 is not 20\n    and 10 more (--all)"));
  options_.all = true;
  EXPECT_EQ(Explain("gw.a.test:99"), 0);
  EXPECT_THAT(out_.str(), HasSubstr("99 is not 30\n"));
}

TEST_F(ExplainTest, ThePolicyInForceIsExplainedByItsConfiguration) {
  options_.config = "";
  options_.directory = directory_ + "/run";
  EXPECT_EQ(Explain("gw.acme.test"), 1);
  EXPECT_THAT(error_.str(), HasSubstr("/run/policy: cannot be read"));
  std::filesystem::create_directory(options_.directory);
  ASSERT_TRUE(collector::WritePolicyFile(
                  options_.directory, collector::CompileConfig(file_)->policy)
                  .ok());
  EXPECT_EQ(Json("gw.acme.test:8080")["lost"].size(), 2u);
  // Of a file that says something else by now, only the decision is known.
  std::ofstream(file_) << "version: 1\nvendors: []\n";
  EXPECT_EQ(Explain("gw.acme.test:8080"), 0);
  EXPECT_THAT(error_.str(), HasSubstr("it has changed since"));
  EXPECT_THAT(out_.str(), HasSubstr("  vendor  acme\n  rule    " +
                                    Rule("vendors[0].match[0]", 5)));
  EXPECT_THAT(out_.str(), Not(HasSubstr("lose")));
  std::ofstream(file_) << "version: 2\n";
  EXPECT_EQ(Explain("gw.acme.test:8080"), 0);
  EXPECT_THAT(error_.str(), HasSubstr(file_ + ":1:10: version"));
}

TEST_F(ExplainTest, MistakesAreToldApart) {
  EXPECT_EQ(Explain("gw.acme.test:x"), 2);
  EXPECT_THAT(error_.str(), StartsWith("proxymeter: 'x' is not a port"));
  std::ofstream(file_) << "version: 2\n";
  EXPECT_EQ(Explain("gw.acme.test"), 1);
  EXPECT_THAT(error_.str(), HasSubstr(file_ + ":1:10"));
}

TEST_F(ExplainTest, ResolvingExplainsEveryAddress) {
  options_.resolve = true;
  EXPECT_EQ(Explain("localhost:7000"), 0);
  EXPECT_THAT(out_.str(), HasSubstr("host localhost, address 127.0.0.1"));
}

}  // namespace
}  // namespace proxymeter::cli
