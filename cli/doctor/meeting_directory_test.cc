#include "cli/doctor/meeting_directory.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxymeter/limits.h"
#include "proxymeter/policy.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class MeetingDirectoryTest : public testing::Test {
 protected:
  ~MeetingDirectoryTest() override {
    if (listener_ >= 0) close(listener_);
    fs::remove_all(directory_);
  }

  Finding Find(const std::string& examination,
               std::optional<uid_t> uid = std::nullopt) {
    for (const Finding& finding : ExamineDirectory(directory_, "DIR", uid)) {
      if (finding.examination == examination) return finding;
    }
    return {"none", Verdict::kCannot, "", ""};
  }

  void MakeJournals(mode_t mode) {
    const std::string path = directory_ + "/" + kJournalsName;
    fs::create_directory(path);
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
  }

  void Listen() {
    listener_ = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    (directory_ + "/" + kSocketName)
        .copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(
        bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
    ASSERT_EQ(listen(listener_, 1), 0);
  }

  void WritePolicy(std::string bytes) {
    std::ofstream(directory_ + "/" + kPolicyName, std::ios::binary) << bytes;
  }

  const std::string directory_ = MakeTempDirectory();
  int listener_ = -1;
};

TEST_F(MeetingDirectoryTest, ThatIsNotThereIsMadeLater) {
  fs::remove_all(directory_);
  EXPECT_EQ(Find("directory").verdict, Verdict::kLimited);
  EXPECT_THAT(Find("directory").found, HasSubstr("DIR does not exist yet"));
  std::ofstream{directory_} << "x";
  EXPECT_EQ(Find("directory").verdict, Verdict::kCannot);
}

TEST_F(MeetingDirectoryTest, JournalsMustTakeNewFiles) {
  EXPECT_EQ(Find("directory").verdict, Verdict::kCannot);
  MakeJournals(01733);
  EXPECT_NE(Find("directory").verdict, Verdict::kCannot);
  // Another user may by the bits for others, the owner by the owner's.
  EXPECT_NE(Find("directory", geteuid() + 1).verdict, Verdict::kCannot);
  MakeJournals(0700);
  EXPECT_EQ(Find("directory", geteuid() + 1).verdict, Verdict::kCannot);
  EXPECT_NE(Find("directory", geteuid()).verdict, Verdict::kCannot);
}

TEST_F(MeetingDirectoryTest, ACollectorTakesWhatNoJournalHolds) {
  Listen();
  EXPECT_EQ(Find("directory").verdict, Verdict::kLimited);
}

TEST_F(MeetingDirectoryTest, MemoryIsToldFromDisk) {
  MakeJournals(01733);
  // A tmpfs is there wherever POSIX shared memory is.
  const fs::path memory = "/dev/shm" / fs::path(directory_).filename();
  fs::create_directories(memory / kJournalsName);
  EXPECT_EQ(ExamineDirectory(memory.string(), "DIR", std::nullopt)[0].verdict,
            Verdict::kOk);
  fs::remove_all(memory);
}

TEST_F(MeetingDirectoryTest, ACollectorIsOneThatListens) {
  EXPECT_EQ(Find("collector").verdict, Verdict::kLimited);
  Listen();
  EXPECT_EQ(Find("collector").verdict, Verdict::kOk);
  // A full backlog is somebody's too.
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Find("collector").verdict, Verdict::kOk);
  }
  close(std::exchange(listener_, -1));
  EXPECT_EQ(Find("collector").verdict, Verdict::kLimited);
  EXPECT_THAT(Find("collector").found, HasSubstr("refused"));
}

TEST_F(MeetingDirectoryTest, ThePolicyMustBeValidToItsLastByte) {
  EXPECT_THAT(Find("policy").found, HasSubstr("no policy"));
  WritePolicy("");
  EXPECT_THAT(Find("policy").found, HasSubstr("too short"));
  WritePolicy(std::string(4096, 'x'));
  EXPECT_THAT(Find("policy").found, HasSubstr("not a policy file"));
  PolicyHeader header = {};
  header.magic = kPolicyMagic;
  header.version = kPolicyVersion;
  header.file_bytes = sizeof(header);
  std::vector<std::byte> bytes(sizeof(header));
  std::memcpy(bytes.data(), &header, sizeof(header));
  header.checksum = PolicyChecksum(bytes);
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  WritePolicy(text);
  EXPECT_EQ(Find("policy").verdict, Verdict::kOk) << Find("policy").found;
  text.back() ^= 1;
  WritePolicy(text);
  EXPECT_EQ(Find("policy").verdict, Verdict::kLimited);
}

TEST_F(MeetingDirectoryTest, ALinkIsNoPolicy) {
  WritePolicy("x");
  fs::rename(directory_ + "/policy", directory_ + "/elsewhere");
  fs::create_symlink(directory_ + "/elsewhere", directory_ + "/policy");
  EXPECT_THAT(Find("policy").found, HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace proxymeter::cli
