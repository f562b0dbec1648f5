#include "cli/doctor/socket_owners.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::Pair;

class SocketOwnersTest : public testing::Test {
 protected:
  ~SocketOwnersTest() override { fs::remove_all(proc_); }

  void Hold(const std::string& process, const std::string& descriptor,
            const std::string& target) {
    fs::create_directories(proc_ + "/" + process + "/fd");
    fs::create_symlink(target, proc_ + "/" + process + "/fd/" + descriptor);
  }

  const std::string proc_ = MakeTempDirectory();
};

TEST_F(SocketOwnersTest, AllHoldersOfASocketAreFound) {
  Hold("30", "3", "socket:[7]");
  Hold("4", "5", "socket:[7]");
  Hold("4", "6", "socket:[7]");
  Hold("4", "7", "socket:[8]");
  Hold("4", "8", "socket:[9]");
  EXPECT_THAT(
      FindOwners({7, 8, 10}, proc_),
      ElementsAre(Pair(7, ElementsAre(4, 30)), Pair(8, ElementsAre(4))));
}

TEST_F(SocketOwnersTest, OnlySocketsOfProcessesCount) {
  Hold("4", "3", "pipe:[7]");
  Hold("4", "4", "/tmp/socket:[7]");
  Hold("4", "5", "socket:[7");
  Hold("4", "6", "socket:[x7]");
  Hold("4", "seven", "socket:[7]");
  Hold("self", "3", "socket:[7]");
  fs::create_directories(proc_ + "/5");
  EXPECT_TRUE(FindOwners({7}, proc_).empty());
  EXPECT_TRUE(FindOwners({7}, proc_ + "/nowhere").empty());
}

TEST(SocketOwners, KnowThisProcess) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct stat status;
  ASSERT_EQ(fstat(fd, &status), 0);
  const auto inode = static_cast<std::uint32_t>(status.st_ino);
  EXPECT_THAT(FindOwners({inode}, "/proc"),
              ElementsAre(Pair(inode, ElementsAre(getpid()))));
  close(fd);
}

}  // namespace
}  // namespace proxymeter::cli
