#include "collector/reload/watched_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "collector/testing/test_directory.h"

namespace proxymeter::collector {

void PrintTo(const PathStep& step, std::ostream* out) {
  *out << step.directory << " " << step.name;
}

namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class WatchedPathTest : public testing::Test {
 protected:
  // Those below the test's own directory.
  std::vector<PathStep> Steps(const std::string& path) const {
    std::vector<PathStep> steps = StepsTo(path);
    std::erase_if(steps, [this](const PathStep& step) {
      return !step.directory.starts_with(top_);
    });
    return steps;
  }

  const TestDirectory temp_;
  const std::string top_ = fs::canonical(temp_.path());
};

TEST_F(WatchedPathTest, BeginsAtTheRoot) {
  EXPECT_THAT(StepsTo("/no-such-folder/file"),
              ElementsAre(PathStep{"/", "no-such-folder"}));
  EXPECT_THAT(
      StepsTo("//./proc/../no-such-folder"),
      ElementsAre(PathStep{"/", "proc"}, PathStep{"/", "no-such-folder"}));
  EXPECT_TRUE(StepsTo("/").empty());
}

TEST_F(WatchedPathTest, OrAtTheWorkingDirectory) {
  const std::string before = fs::current_path();
  fs::current_path(top_);
  std::ofstream("file") << "x";
  const std::vector<PathStep> steps = StepsTo("./file");
  fs::current_path(before);
  EXPECT_THAT(steps, ElementsAre(PathStep{top_, "file"}));
}

TEST_F(WatchedPathTest, GoesThroughLinksAsKubernetesMakesThem) {
  fs::create_directories(top_ + "/config/..2024_1");
  std::ofstream(top_ + "/config/..2024_1/vendors.yaml") << "x";
  fs::create_symlink("..2024_1", top_ + "/config/..data");
  fs::create_symlink("..data/vendors.yaml", top_ + "/config/vendors.yaml");
  fs::create_symlink(top_ + "/config/vendors.yaml", top_ + "/absolute");
  const std::string config = top_ + "/config";
  const std::vector<PathStep> way = {{config, "vendors.yaml"},
                                     {config, "..data"},
                                     {config, "..2024_1"},
                                     {config + "/..2024_1", "vendors.yaml"}};
  std::vector<PathStep> direct = {{top_, "config"}};
  direct.insert(direct.end(), way.begin(), way.end());
  EXPECT_EQ(Steps(config + "/vendors.yaml"), direct);
  const std::vector<PathStep> absolute = Steps(top_ + "/absolute");
  ASSERT_EQ(absolute.size(), direct.size() + 1);
  EXPECT_EQ(absolute.front(), (PathStep{top_, "absolute"}));
  EXPECT_TRUE(std::equal(direct.begin(), direct.end(), absolute.begin() + 1));
}

TEST_F(WatchedPathTest, EndsInACircle) {
  fs::create_symlink("b", top_ + "/a");
  fs::create_symlink("a", top_ + "/b");
  EXPECT_EQ(Steps(top_ + "/a").size(), 41u);
}

TEST_F(WatchedPathTest, StatesTellContentsApart) {
  const std::string path = top_ + "/file";
  EXPECT_EQ(StateOf(path).error, ENOENT);
  std::ofstream(path) << "one";
  const FileState first = StateOf(path);
  EXPECT_EQ(first.error, 0);
  EXPECT_EQ(first.size, 3);
  EXPECT_EQ(StateOf(path), first);
  std::ofstream(path) << "three";
  EXPECT_NE(StateOf(path), first);
  // Another file of the same size and time.
  std::ofstream(path + "2") << "ONE";
  fs::last_write_time(path + "2", fs::last_write_time(path));
  fs::rename(path + "2", path);
  EXPECT_NE(StateOf(path), first);
}

}  // namespace
}  // namespace proxymeter::collector
