#include "cli/inject_command.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

class InjectCommandTest : public testing::Test {
 protected:
  // As if typed; the exit status, 2 when it was typed wrongly.
  int Run(std::vector<std::string> arguments, const std::string& input) {
    CLI::App app;
    InjectOptions options;
    AddInjectCommand(app, &options);
    arguments.insert(arguments.begin(), "inject");
    std::reverse(arguments.begin(), arguments.end());
    std::istringstream in(input);
    out_.str("");
    error_.str("");
    try {
      app.parse(arguments);
    } catch (const CLI::ParseError& error) {
      error_ << error.what();
      return 2;
    }
    return Inject(options, in, out_, error_);
  }

  const std::string pod_ =
      "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: c\n";
  std::ostringstream out_;
  std::ostringstream error_;
};

TEST_F(InjectCommandTest, PrintsTheManifestOrNothing) {
  EXPECT_EQ(
      Run({"-f", "-", "--image", "r.test:5000/proxymeter@sha256:ab"}, pod_), 0);
  EXPECT_THAT(out_.str(),
              HasSubstr("image: \"r.test:5000/proxymeter@sha256:ab\""));
  EXPECT_EQ(error_.str(), "");
  EXPECT_EQ(Run({"-f", "-"}, pod_ + "---\nkind: [\n"), 1);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(error_.str(), HasSubstr("standard input:8:1: YAML syntax"));
  EXPECT_EQ(Run({"-f", "/no/such/file"}, ""), 1);
  EXPECT_THAT(error_.str(), HasSubstr("/no/such/file"));
}

TEST_F(InjectCommandTest, WarnsWhenThereIsNothingToMeter) {
  EXPECT_EQ(Run({"-f", "-"}, "kind: Service\n"), 0);
  EXPECT_EQ(out_.str(), "kind: Service\n");
  EXPECT_THAT(error_.str(), HasSubstr("nothing in it makes pods"));
}

TEST_F(InjectCommandTest, RefusesWhatAManifestCannotHold) {
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--image", "a b"},
        {"--config-map", "A_B"},
        {"--vendor", "direct"},
        {"--user", "0"}}) {
    std::vector<std::string> arguments = {"-f", "-"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(Run(arguments, pod_), 2) << wrong[0];
  }
  EXPECT_EQ(Run({}, pod_), 2);
}

}  // namespace
}  // namespace proxymeter::cli
