#include "collector/policy/policy_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace proxymeter::collector {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::span<const std::byte> Bytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class PolicyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "policy_file_test.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path() const { return directory_ + "/policy"; }

  std::string Content() const {
    std::ifstream file(Path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  std::string directory_;
};

TEST_F(PolicyFileTest, WritesTheBytesAndNothingElse) {
  const std::string large(3 << 20, 'x');
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes(large)).ok());
  EXPECT_EQ(Content(), large);
  EXPECT_THAT(Names(), ElementsAre("policy"));
}

TEST_F(PolicyFileTest, IsReadableByAllWhateverTheUmask) {
  const mode_t before = umask(0077);
  const absl::Status status = WritePolicyFile(directory_, Bytes("policy"));
  umask(before);
  ASSERT_TRUE(status.ok()) << status;
  struct stat info;
  ASSERT_EQ(stat(Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
}

TEST_F(PolicyFileTest, ReplacesWithoutTouchingWhatReadersHold) {
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes("the first")).ok());
  const int held = open(Path().c_str(), O_RDONLY);
  ASSERT_GE(held, 0);
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes("2nd")).ok());
  char buffer[32];
  const ssize_t length = pread(held, buffer, sizeof(buffer), 0);
  close(held);
  ASSERT_GE(length, 0);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(length)), "the first");
  EXPECT_EQ(Content(), "2nd");
}

TEST_F(PolicyFileTest, LeavesAFileAloneThatIsInPlace) {
  const auto inode = [this] {
    struct stat info;
    return stat(Path().c_str(), &info) == 0 ? info.st_ino : 0;
  };
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes("policy")).ok());
  const int held = open(Path().c_str(), O_RDONLY);  // its number stays in use
  const ino_t before = inode();
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes("policy")).ok());
  EXPECT_EQ(inode(), before);
  ASSERT_EQ(chmod(Path().c_str(), 0600), 0);
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes("policy")).ok());
  EXPECT_NE(inode(), before);
  close(held);
}

TEST_F(PolicyFileTest, NamesThePathWhenTheDirectoryIsMissing) {
  const absl::Status status =
      WritePolicyFile(directory_ + "/missing", Bytes("policy"));
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(directory_ + "/missing/policy: cannot create"));
}

TEST_F(PolicyFileTest, LeavesNothingBehindWhenItCannotReplace) {
  std::filesystem::create_directory(Path());
  const absl::Status status = WritePolicyFile(directory_, Bytes("policy"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(Path() + ": cannot be replaced"));
  EXPECT_THAT(Names(), ElementsAre("policy"));
}

TEST_F(PolicyFileTest, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  ASSERT_TRUE(WritePolicyFile(directory_, Bytes("old")).ok());
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 4096;
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status =
      WritePolicyFile(directory_, Bytes(std::string(8192, 'x')));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(Path() + ": cannot be written"));
  EXPECT_EQ(Content(), "old");
  EXPECT_THAT(Names(), ElementsAre("policy"));
}

}  // namespace
}  // namespace proxymeter::collector
