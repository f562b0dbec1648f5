#include "cli/doctor/program_image.h"

#include <filesystem>

#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FindImage, AProgramIsItsOwn) {
  const auto image = FindImage("/bin/true", nullptr);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->path, "/bin/true");
  EXPECT_THAT(image->scripts, IsEmpty());
  EXPECT_TRUE(image->elf.for_this_machine);
}

TEST(FindImage, AScriptIsItsInterpreters) {
  const std::string folder = MakeTempDirectory();
  const std::string one =
      WriteProgram(folder + "/one", std::string("#! ") + STATIC_PROGRAM + "\n");
  const std::string two = WriteProgram(folder + "/two", "#!" + one + " -x\n");
  const auto image = FindImage(two, nullptr);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->path, STATIC_PROGRAM);
  EXPECT_THAT(image->scripts, ElementsAre(two, one));
  for (const char* text : {"echo\n", ""}) {
    const auto plain = FindImage(WriteProgram(folder + "/plain", text), "");
    ASSERT_TRUE(plain.ok()) << plain.status();
    EXPECT_EQ(plain->path, "/bin/sh");
  }
}

TEST(FindImage, EnvIsFollowedThroughThePath) {
  const std::string folder = MakeTempDirectory();
  std::filesystem::create_symlink(STATIC_PROGRAM, folder + "/tool");
  const std::string path = "/nowhere:" + folder;
  for (const char* line :
       {"/usr/bin/env tool", "/usr/bin/env -S tool -u", "/bin/env -Stool -u",
        "/usr/bin/env -S -i -u NAME A=b tool x",
        "/usr/bin/env --split-string=tool -x"}) {
    const std::string script =
        WriteProgram(folder + "/script", std::string("#!") + line + "\n");
    const auto image = FindImage(script, path.c_str());
    ASSERT_TRUE(image.ok()) << line << image.status();
    EXPECT_EQ(image->path, folder + "/tool") << line;
  }
  EXPECT_TRUE(
      absl::IsNotFound(FindImage(folder + "/script", "/nowhere").status()));
}

TEST(FindImage, ALoopOfScriptsEnds) {
  const std::string folder = MakeTempDirectory();
  const std::string loop =
      WriteProgram(folder + "/loop", "#!" + folder + "/loop\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(FindImage(loop, nullptr).status()));
  WriteProgram(folder + "/a", "#!/usr/bin/env b\n");
  WriteProgram(folder + "/b", "#!/usr/bin/env a\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(
      FindImage(folder + "/a", folder.c_str()).status()));
}

TEST(FindImage, WhatIsNoProgramIsAnError) {
  const std::string folder = MakeTempDirectory();
  EXPECT_TRUE(absl::IsInvalidArgument(FindImage(folder, nullptr).status()));
  EXPECT_TRUE(absl::IsNotFound(FindImage("/nowhere", nullptr).status()));
  for (const std::string& bytes :
       {std::string("\177ELF"), std::string("\177ELF\2\1\1"),
        std::string("a\0b", 3), std::string("#!\n"), std::string("#!  \t\n")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(
        FindImage(WriteProgram(folder + "/bad", bytes), nullptr).status()))
        << bytes;
  }
}

}  // namespace
}  // namespace proxymeter::cli
