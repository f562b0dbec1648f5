#include "cli/directory.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>

#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

Surroundings Fake(const std::map<std::string, std::string>& variables,
                  bool root) {
  return {[&variables](const char* name) -> const char* {
            const auto found = variables.find(name);
            return found == variables.end() ? nullptr : found->second.c_str();
          },
          root};
}

std::string Choose(const std::string& option,
                   const std::map<std::string, std::string>& variables,
                   bool root) {
  const auto directory = ChooseDirectory(option, Fake(variables, root));
  return directory.ok() ? *directory : "error";
}

mode_t ModeOf(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 ? file.st_mode & 07777 : 0;
}

TEST(Directory, OptionGoesBeforeAll) {
  EXPECT_EQ(Choose("/a", {{"PROXYMETER_DIR", "/b"}}, true), "/a");
}

TEST(Directory, VariableGoesBeforeTheDefaults) {
  EXPECT_EQ(Choose("", {{"PROXYMETER_DIR", "/b"}}, true), "/b");
  EXPECT_EQ(Choose("", {{"PROXYMETER_DIR", ""}}, true), "/run/proxymeter");
}

TEST(Directory, RootHasRunAndUsersTheirRuntimeDirectory) {
  const std::map<std::string, std::string> variables = {
      {"XDG_RUNTIME_DIR", "/run/user/7"}};
  EXPECT_EQ(Choose("", variables, true), "/run/proxymeter");
  EXPECT_EQ(Choose("", variables, false), "/run/user/7/proxymeter");
}

TEST(Directory, ARelativeRuntimeDirectoryIsIgnored) {
  EXPECT_EQ(Choose("", {{"XDG_RUNTIME_DIR", "run"}}, false), "error");
}

TEST(Directory, NothingToGoBySaysWhatToSet) {
  const std::map<std::string, std::string> variables;
  const auto directory = ChooseDirectory("", Fake(variables, false));
  ASSERT_FALSE(directory.ok());
  EXPECT_THAT(std::string(directory.status().message()),
              testing::AllOf(testing::HasSubstr("--dir"),
                             testing::HasSubstr("XDG_RUNTIME_DIR")));
}

TEST(Directory, IsMadeAbsoluteAndNormal) {
  const std::string here = std::filesystem::current_path().string();
  EXPECT_EQ(Choose("x/../y/", {}, true), here + "/y");
  EXPECT_EQ(Choose("/", {}, true), "/");
}

TEST(Directory, IsPreparedWhateverTheMask) {
  const std::string directory = MakeTempDirectory() + "/a/b";
  const mode_t mask = umask(077);
  PrepareDirectory(directory);
  EXPECT_EQ(umask(mask), 077u);
  EXPECT_EQ(ModeOf(directory), 0755u);
  EXPECT_EQ(ModeOf(directory + "/journals"), 01733u);
}

TEST(Directory, AnExistingOneKeepsItsModes) {
  const std::string directory = MakeTempDirectory();
  ASSERT_EQ(mkdir((directory + "/journals").c_str(), 0700), 0);
  PrepareDirectory(directory);
  EXPECT_EQ(ModeOf(directory), 0700u);
  EXPECT_EQ(ModeOf(directory + "/journals"), 0700u);
}

}  // namespace
}  // namespace proxymeter::cli
