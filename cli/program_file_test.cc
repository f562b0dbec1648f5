#include "cli/program_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/elf_header.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Optional;

constexpr char kDynamicProgram[] = "/bin/true";

std::string Write(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
  fs::permissions(path, fs::perms(0755));
  return path;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ElfHeader, TellsDynamicFromStatic) {
  const auto dynamic = ReadElfHeader(kDynamicProgram);
  ASSERT_TRUE(dynamic.ok()) << dynamic.status();
  EXPECT_TRUE(dynamic->for_this_machine);
  EXPECT_TRUE(dynamic->has_interpreter);
  const auto fixed = ReadElfHeader(STATIC_PROGRAM);
  ASSERT_TRUE(fixed.ok()) << fixed.status();
  EXPECT_TRUE(fixed->for_this_machine);
  EXPECT_FALSE(fixed->has_interpreter);
}

TEST(ElfHeader, EveryTruncationIsAnErrorNotACrash) {
  const std::string folder = MakeTempDirectory();
  const std::string whole = Read(kDynamicProgram);
  for (size_t size = 0; size < 400; ++size) {
    const auto header =
        ReadElfHeader(Write(folder + "/cut", whole.substr(0, size)));
    EXPECT_TRUE(absl::IsInvalidArgument(header.status())) << size;
  }
}

TEST(WhyNotMetered, ADynamicProgramIsMetered) {
  EXPECT_EQ(WhyNotMetered(kDynamicProgram), std::nullopt);
}

TEST(WhyNotMetered, AStaticProgramIsNot) {
  EXPECT_THAT(WhyNotMetered(STATIC_PROGRAM),
              Optional(HasSubstr("statically linked")));
}

TEST(WhyNotMetered, AProgramForAnotherMachineIsNot) {
  const std::string folder = MakeTempDirectory();
  const std::string own = Read(kDynamicProgram);
  for (const size_t byte : {4, 5, 18}) {  // EI_CLASS, EI_DATA, e_machine
    std::string other = own;
    other[byte] = static_cast<char>(other[byte] ^ 3);
    EXPECT_THAT(WhyNotMetered(Write(folder + "/other", other)),
                Optional(HasSubstr("another kind of machine")));
  }
}

TEST(WhyNotMetered, TheInterpreterDecidesForAScript) {
  const std::string folder = MakeTempDirectory();
  const std::string dynamic = Write(folder + "/a", "#! /bin/sh -e\ntrue\n");
  const std::string fixed =
      Write(folder + "/b", std::string("#!") + STATIC_PROGRAM + "\n");
  const std::string nested = Write(folder + "/c", "#!" + fixed + " x\n");
  const std::string plain = Write(folder + "/d", "true\n");
  const std::string itself = Write(folder + "/e", "#!" + folder + "/e");
  EXPECT_EQ(WhyNotMetered(dynamic), std::nullopt);
  EXPECT_THAT(WhyNotMetered(fixed), Optional(HasSubstr("statically linked")));
  EXPECT_THAT(WhyNotMetered(nested), Optional(HasSubstr(STATIC_PROGRAM)));
  EXPECT_EQ(WhyNotMetered(plain), std::nullopt);
  EXPECT_EQ(WhyNotMetered(itself), std::nullopt);
  EXPECT_EQ(WhyNotMetered(folder), std::nullopt);
  EXPECT_EQ(WhyNotMetered("/nowhere"), std::nullopt);
}

TEST(WhyNotMetered, ASetUserIdFileOfAnotherUserIsNot) {
  const std::string path = MakeTempDirectory() + "/setuid";
  fs::copy_file(kDynamicProgram, path);
  ASSERT_EQ(chmod(path.c_str(), 04755), 0);
  // One's own set-user-ID file changes nothing for oneself.
  EXPECT_EQ(WhyNotMetered(path), std::nullopt);
  struct stat file;
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  EXPECT_TRUE(RaisesPrivilege(file, getuid() + 1, getgid()));
  if (getuid() == 0) {  // only root may give files away
    ASSERT_EQ(chown(path.c_str(), 1, 1), 0);
    ASSERT_EQ(chmod(path.c_str(), 04755), 0);
    EXPECT_THAT(WhyNotMetered(path), Optional(HasSubstr("set-user-ID")));
  }
}

TEST(RaisesPrivilege, LooksAtOwnerAndMode) {
  struct stat file = {};
  file.st_uid = 10;
  file.st_gid = 20;
  file.st_mode = 0755;
  EXPECT_FALSE(RaisesPrivilege(file, 1, 1));
  file.st_mode = 04755;
  EXPECT_TRUE(RaisesPrivilege(file, 1, 20));
  EXPECT_FALSE(RaisesPrivilege(file, 10, 1));
  file.st_mode = 02755;
  EXPECT_TRUE(RaisesPrivilege(file, 10, 1));
  EXPECT_FALSE(RaisesPrivilege(file, 1, 20));
  file.st_mode = 02745;
  EXPECT_FALSE(RaisesPrivilege(file, 1, 1));
}

TEST(ResolveCommand, FollowsThePath) {
  const std::string folder = MakeTempDirectory();
  Write(folder + "/tool", "#!/bin/sh\n");
  fs::create_directory(folder + "/folder");
  const std::string path = "/nowhere:" + folder;
  EXPECT_EQ(ResolveCommand("tool", path.c_str()), folder + "/tool");
  EXPECT_EQ(ResolveCommand("folder", path.c_str()), std::nullopt);
  EXPECT_EQ(ResolveCommand("none", path.c_str()), std::nullopt);
  EXPECT_EQ(ResolveCommand("", path.c_str()), std::nullopt);
  EXPECT_EQ(ResolveCommand(folder + "/tool", nullptr), folder + "/tool");
  EXPECT_EQ(ResolveCommand("true", nullptr), "/bin/true");
}

TEST(ResolveCommand, PassesOverFilesThatCannotBeExecuted) {
  const std::string first = MakeTempDirectory();
  const std::string second = MakeTempDirectory();
  fs::permissions(Write(first + "/tool", ""), fs::perms(0644));
  Write(second + "/tool", "");
  const std::string path = first + ":" + second;
  EXPECT_EQ(ResolveCommand("tool", path.c_str()), second + "/tool");
}

}  // namespace
}  // namespace proxymeter::cli
