#include "collector/ingest/run_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

mode_t ModeOf(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

TEST(RunDirectory, CreatesWhatIsMissing) {
  const TestDirectory temp;
  const std::string path = temp.path() + "/a/b";
  const mode_t mask = umask(0077);
  const auto directory = RunDirectory::Open(path + "/");
  umask(mask);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->path(), path);
  EXPECT_EQ(ModeOf(path), 0755u);
  EXPECT_EQ(ModeOf(path + "/journals"), 01733u);
  EXPECT_GE(directory->journals_fd(), 0);
}

TEST(RunDirectory, MendsTheModeOfJournals) {
  const TestDirectory temp;
  std::filesystem::create_directory(temp.path() + "/journals");
  chmod((temp.path() + "/journals").c_str(), 0777);
  ASSERT_TRUE(RunDirectory::Open(temp.path()).ok());
  EXPECT_EQ(ModeOf(temp.path() + "/journals"), 01733u);
}

TEST(RunDirectory, BelongsToOneCollector) {
  const TestDirectory temp;
  {
    const auto first = RunDirectory::Open(temp.path());
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = RunDirectory::Open(temp.path());
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(std::string(second.status().message()).find(temp.path()),
              std::string::npos);
  }
  EXPECT_TRUE(RunDirectory::Open(temp.path()).ok());
}

TEST(RunDirectory, NamesWhatIsInTheWay) {
  const TestDirectory temp;
  std::ofstream(temp.path() + "/file") << "x";
  const auto in_file = RunDirectory::Open(temp.path() + "/file");
  EXPECT_FALSE(in_file.ok());
  EXPECT_NE(std::string(in_file.status().message()).find(temp.path()),
            std::string::npos);

  std::ofstream(temp.path() + "/journals") << "x";
  const auto no_journals = RunDirectory::Open(temp.path());
  EXPECT_FALSE(no_journals.ok());
  EXPECT_NE(std::string(no_journals.status().message()).find("journals"),
            std::string::npos);
  EXPECT_FALSE(RunDirectory::Open("").ok());
}

TEST(RunDirectory, KnowsMemoryFromDisk) {
  struct stat info {};
  ASSERT_EQ(stat("/dev/shm", &info), 0) << "Linux has it";
  std::string path = "/dev/shm/proxymeter.XXXXXX";
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  {
    const auto in_memory = RunDirectory::Open(path);
    ASSERT_TRUE(in_memory.ok()) << in_memory.status();
    EXPECT_TRUE(in_memory->in_memory());
  }
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace proxymeter::collector
