#include "cli/doctor/loading.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Optional;

constexpr char kDynamicProgram[] = "/bin/true";

std::optional<std::string> Reason(const std::string& path) {
  const auto image = FindImage(path, nullptr);
  EXPECT_TRUE(image.ok()) << image.status();
  return image.ok() ? WhyNotMetered(*image) : std::nullopt;
}

TEST(WhyNotMetered, ADynamicProgramIsMetered) {
  EXPECT_EQ(Reason(kDynamicProgram), std::nullopt);
}

TEST(WhyNotMetered, AStaticProgramIsNot) {
  EXPECT_THAT(Reason(STATIC_PROGRAM), Optional(HasSubstr("statically linked")));
}

TEST(WhyNotMetered, AProgramForAnotherMachineIsNot) {
  const std::string path = MakeTempDirectory() + "/other";
  const std::string own = ReadWhole(kDynamicProgram);
  for (const size_t byte : {4, 5, 18}) {  // EI_CLASS, EI_DATA, e_machine
    std::string other = own;
    other[byte] = static_cast<char>(other[byte] ^ 3);
    EXPECT_THAT(Reason(WriteProgram(path, other)),
                Optional(HasSubstr("another kind of machine")));
  }
}

TEST(WhyNotMetered, TheInterpreterDecidesForAScript) {
  const std::string folder = MakeTempDirectory();
  const std::string fixed =
      WriteProgram(folder + "/b", std::string("#!") + STATIC_PROGRAM + "\n");
  EXPECT_EQ(Reason(WriteProgram(folder + "/a", "#! /bin/sh -e\ntrue\n")),
            std::nullopt);
  EXPECT_THAT(Reason(fixed), Optional(HasSubstr(STATIC_PROGRAM)));
}

TEST(WhyNotMetered, GoIsNotEvenWhenItIsDynamic) {
  ProgramImage image;
  image.path = "/opt/tool";
  image.elf.for_this_machine = true;
  image.elf.interpreter = "/lib64/ld-linux-x86-64.so.2";
  image.elf.go = true;
  const Finding dynamic = ExamineLinking(image);
  EXPECT_EQ(dynamic.verdict, Verdict::kCannot);
  EXPECT_THAT(dynamic.found, HasSubstr("/opt/tool is a Go program, and"));
  image.elf.interpreter = "";
  EXPECT_THAT(ExamineLinking(image).found, HasSubstr("statically linked"));
}

TEST(WhyNotMetered, GoIsKnownByItsSection) {
  const std::string path = MakeTempDirectory() + "/go";
  const ProcessResult made = RunProcess(
      {"objcopy", "--add-section",
       std::string(".go.buildinfo=") + kDynamicProgram, kDynamicProgram, path},
      {"PATH=/usr/bin:/bin"});
  ASSERT_EQ(made.exit_status(), 0) << made.err;
  EXPECT_THAT(Reason(path), Optional(HasSubstr("Go program")));
}

TEST(ExaminePrivilege, ASetUserIdFileOfAnotherUserCannot) {
  const std::string path = MakeTempDirectory() + "/setuid";
  fs::copy_file(kDynamicProgram, path);
  const auto image = FindImage(path, nullptr);
  ASSERT_TRUE(image.ok());
  ASSERT_EQ(chmod(path.c_str(), 04755), 0);
  // One's own set-user-ID file changes nothing for oneself.
  EXPECT_EQ(ExaminePrivilege(*image, {getuid(), getgid(), false}).verdict,
            Verdict::kOk);
  const Finding other =
      ExaminePrivilege(*image, {getuid() + 1, getgid(), false});
  EXPECT_EQ(other.verdict, Verdict::kCannot);
  EXPECT_THAT(other.found, HasSubstr("set-user-ID"));
  EXPECT_EQ(ExaminePrivilege(*image, {getuid() + 1, getgid(), true}).verdict,
            Verdict::kOk);
}

}  // namespace
}  // namespace proxymeter::cli
