#include "cli/program_file.h"

#include <filesystem>
#include <fstream>

#include "cli/testing/process.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

std::string Write(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
  fs::permissions(path, fs::perms(0755));
  return path;
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
