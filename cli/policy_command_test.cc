#include "cli/policy_command.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr char kConfig[] =
    "version: 1\n"
    "vendors:\n"
    "  - name: acme\n"
    "    match:\n"
    "      - {host: [gw.acme.test, '*.acme.test'], port: [80, 7000-7999]}\n"
    "      - cidr: 203.0.113.0/24\n"
    "  - name: beta\n"
    "    match: [{port: 24000}]\n";

class PolicyTest : public testing::Test {
 protected:
  // As if typed; the exit status.
  int Run(std::vector<std::string> arguments) {
    CLI::App app;
    PolicyOptions options;
    AddPolicyCommand(app, &options);
    arguments.insert(arguments.begin(), "policy");
    std::reverse(arguments.begin(), arguments.end());
    out_.str("");
    error_.str("");
    app.parse(arguments);
    return Policy(options, out_, error_);
  }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }

  const std::string directory_ = MakeTempDirectory();
  const std::string good_ = Write("good.yaml", kConfig);
  const std::string bad_ =
      Write("bad.yaml", "version: 1\nvendors:\n  - nam: a\n");
  std::ostringstream out_;
  std::ostringstream error_;
};

TEST_F(PolicyTest, CheckSaysWhatIsRightAndWhatIsNot) {
  EXPECT_EQ(Run({"check", good_}), 0);
  EXPECT_THAT(out_.str(),
              MatchesRegex(good_ + ": ok, vendors: 2, rules: 3, policy: [0-9]+ "
                                   "bytes\n"));
  EXPECT_EQ(error_.str(), "");
  // The rest is looked at all the same.
  EXPECT_EQ(Run({"check", bad_, directory_ + "/none", good_}), 1);
  EXPECT_THAT(out_.str(), StartsWith(good_ + ": ok"));
  EXPECT_THAT(error_.str(),
              StartsWith("proxymeter: " + bad_ +
                         ":3:5: vendors[0].nam: unknown key (did you mean "
                         "'name'?)\nproxymeter: " +
                         directory_ + "/none: cannot be read"));
}

TEST_F(PolicyTest, CompileWritesWhatDumpShows) {
  const std::string policy = directory_ + "/policy";
  EXPECT_EQ(Run({"compile", good_, "-o", policy}), 0) << error_.str();
  const auto bytes = std::filesystem::file_size(policy);
  EXPECT_THAT(out_.str(), HasSubstr("policy: " + std::to_string(bytes)));
  EXPECT_EQ(Run({"dump", policy}), 0) << error_.str();
  EXPECT_THAT(out_.str(), StartsWith("policy of version "));
  EXPECT_THAT(out_.str(), HasSubstr(std::to_string(bytes) + " bytes"));
  EXPECT_THAT(
      out_.str(),
      HasSubstr("vendors[0].match[0] (" + good_ +
                ":5)  host *.acme.test or gw.acme.test, port 80,7000-7999\n"));
  EXPECT_THAT(out_.str(), HasSubstr("port 24000\n"));
  EXPECT_EQ(Run({"dump", "--json", policy}), 0) << error_.str();
  const auto record = nlohmann::json::parse(out_.str());
  EXPECT_EQ(record["bytes"], bytes);
  EXPECT_EQ(record["vendors"][1]["name"], "beta");
  EXPECT_EQ(record["vendors"][0]["rules"], 2);
  EXPECT_EQ(record["rules"][0]["hosts"][1], "gw.acme.test");
  EXPECT_EQ(record["rules"][2]["ports"], "24000");
  EXPECT_EQ(record["checksum"].get<std::string>().size(), 16u);
}

TEST_F(PolicyTest, TheSameConfigurationGivesTheSameBytes) {
  const std::string one = directory_ + "/one";
  const std::string two = directory_ + "/two";
  ASSERT_EQ(Run({"compile", good_, "--output", one}), 0);
  ASSERT_EQ(Run({"compile", good_, "-o", two}), 0);
  EXPECT_EQ(ReadWhole(one), ReadWhole(two));
}

TEST_F(PolicyTest, CompileLeavesWhatIsThereWhenItFails) {
  const std::string policy = Write("policy", "old");
  EXPECT_EQ(Run({"compile", bad_, "-o", policy}), 1);
  EXPECT_THAT(error_.str(), HasSubstr(bad_ + ":3:5"));
  EXPECT_EQ(ReadWhole(policy), "old");
  EXPECT_EQ(Run({"compile", good_, "-o", directory_ + "/no/policy"}), 1);
  EXPECT_THAT(error_.str(), HasSubstr("/no/policy: cannot create"));
}

TEST_F(PolicyTest, DumpTellsWhatIsNoPolicy) {
  EXPECT_EQ(Run({"dump", good_}), 1);
  EXPECT_EQ(error_.str(), "proxymeter: " + good_ + ": not a policy file\n");
  EXPECT_EQ(Run({"dump", directory_ + "/none"}), 1);
  EXPECT_THAT(error_.str(), HasSubstr("/none: cannot be read"));
}

TEST_F(PolicyTest, MissingWordsAreUsageErrors) {
  EXPECT_THROW(Run({}), CLI::ParseError);
  EXPECT_THROW(Run({"check"}), CLI::ParseError);
  EXPECT_THROW(Run({"compile", good_}), CLI::ParseError);
  EXPECT_THROW(Run({"dump"}), CLI::ParseError);
}

}  // namespace
}  // namespace proxymeter::cli
