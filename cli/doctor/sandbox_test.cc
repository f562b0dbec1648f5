#include "cli/doctor/sandbox.h"

#include <filesystem>

#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

TEST(Sandbox, ChromiumIsKnownByItsHelper) {
  const std::string folder = MakeTempDirectory();
  const std::string browser = WriteProgram(folder + "/browser", "x");
  EXPECT_EQ(ExamineSandboxOfFile(browser).verdict, Verdict::kOk);
  WriteProgram(folder + "/chrome-sandbox", "x");
  EXPECT_EQ(ExamineSandboxOfFile(browser).verdict, Verdict::kLimited);
  const std::string link = MakeTempDirectory() + "/browser";
  std::filesystem::create_symlink(browser, link);
  EXPECT_EQ(ExamineSandboxOfFile(link).verdict, Verdict::kLimited);
  EXPECT_THAT(ExamineSandboxOfFile(link).advice,
              HasSubstr("inferred requests"));
}

TEST(Sandbox, FiltersBeyondOurOwnAreALimit) {
  ProcessView process, own;
  EXPECT_EQ(ExamineSandboxOfProcess(process, own).verdict, Verdict::kOk);
  process.seccomp = 2;
  process.seccomp_filters = 1;
  EXPECT_EQ(ExamineSandboxOfProcess(process, own).verdict, Verdict::kLimited);
  own = process;
  EXPECT_EQ(ExamineSandboxOfProcess(process, own).verdict, Verdict::kOk);
  process.seccomp_filters = 2;
  EXPECT_EQ(ExamineSandboxOfProcess(process, own).verdict, Verdict::kLimited);
  process.seccomp = 1;
  EXPECT_THAT(ExamineSandboxOfProcess(process, own).found,
              HasSubstr("strict mode"));
}

TEST(Sandbox, NoNewPrivilegesIsExplained) {
  ProcessView process;
  process.no_new_privileges = true;
  EXPECT_THAT(ExamineSandboxOfProcess(process, ProcessView()).found,
              HasSubstr("keep the preload"));
}

}  // namespace
}  // namespace proxymeter::cli
