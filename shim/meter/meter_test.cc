#include "shim/meter/meter.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

namespace fs = std::filesystem;

class MeterTest : public ShimFixture {
 protected:
  static JournalRow* Find(const std::string& destination) {
    return shim.meter.Find({.kind = RowKind::kTraffic,
                            .protocol = Protocol::kHttp1,
                            .visibility = Visibility::kPlaintext,
                            .vendor = kVendor,
                            .destination = destination});
  }
  std::vector<fs::path> Journals() const {
    std::vector<fs::path> found;
    for (const auto& entry :
         fs::directory_iterator(directory() + "/journals")) {
      found.push_back(entry.path());
    }
    return found;
  }
  bool Open() { return shim.meter.Open(shim.environment.directory()); }
};

TEST_F(MeterTest, NothingIsCreatedBeforeTheFirstConnection) {
  EXPECT_FALSE(shim.meter.open());
  EXPECT_TRUE(Journals().empty());
}

TEST_F(MeterTest, SameKeySameRow) {
  ASSERT_TRUE(Open());
  JournalRow* row = Find("a.test");
  EXPECT_EQ(Find("a.test"), row);
  EXPECT_NE(Find("b.test"), row);
  EXPECT_EQ(row->vendor(), kVendor);
  EXPECT_EQ(row->destination(), "a.test");
}

TEST_F(MeterTest, FileIsAllocatedReadableAndNamedAfterItsSession) {
  ASSERT_TRUE(Open());
  const auto journals = Journals();
  ASSERT_EQ(journals.size(), 1u);
  EXPECT_EQ(fs::file_size(journals[0]), kJournalExtentBytes);
  EXPECT_EQ(fs::status(journals[0]).permissions(),
            fs::perms::owner_read | fs::perms::owner_write |
                fs::perms::group_read | fs::perms::others_read);
  EXPECT_EQ(journals[0].filename().string().size(), 2 * kSessionIdBytes);
  EXPECT_EQ(shim.meter.journal().header()->magic, kJournalMagic);
}

TEST_F(MeterTest, GrowsByExtentsAndOverflowsAtItsLimit) {
  ASSERT_TRUE(Open());
  constexpr int kDestinations = 3000;
  for (int i = 0; i < kDestinations; ++i) {
    Add(Find("d" + std::to_string(i) + ".test"), kSentBytes, 1);
  }
  EXPECT_EQ(fs::file_size(Journals()[0]), kMoreSlotsOffset);
  std::uint64_t own = 0;
  for (int i = 0; i < kDestinations; ++i) {
    own += Traffic(kVendor, "d" + std::to_string(i) + ".test")[kSentBytes];
  }
  const std::uint64_t other = Traffic(kVendor, kOtherDestination)[kSentBytes];
  EXPECT_EQ(own + other, static_cast<std::uint64_t>(kDestinations));
  EXPECT_GT(other, 0u);
  EXPECT_EQ(Events(kRowsOverflowed), other);
  // A vendor that comes late still finds room.
  Add(shim.meter.Find({.kind = RowKind::kVendor, .vendor = "late"}),
      kConnectionsOk, 1);
  EXPECT_EQ(Vendor("late")[kConnectionsOk], 1u);
}

TEST_F(MeterTest, CallersWithoutEndLeaveRoomForVendors) {
  ASSERT_TRUE(Open());
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "lib" + std::to_string(i);
    JournalRow* row = shim.meter.Find(
        {.kind = RowKind::kCaller, .vendor = kVendor, .destination = name});
    EXPECT_EQ(row->destination(),
              row->destination() == name ? name : kOtherDestination);
  }
  EXPECT_GT(Events(kRowsOverflowed), 0u);
  Add(shim.meter.Find({.kind = RowKind::kVendor, .vendor = "late"}),
      kConnectionsOk, 1);
  EXPECT_EQ(Vendor("late")[kConnectionsOk], 1u);
}

TEST_F(MeterTest, AProcessBeforeItsCollectorMakesThePlace) {
  fs::remove_all(directory() + "/journals");
  ASSERT_TRUE(Open());
  EXPECT_TRUE(shim.meter.journal().is_file());
  EXPECT_EQ(Journals().size(), 1u);
}

TEST_F(MeterTest, WithoutADirectoryItCountsInPrivateMemory) {
  fs::remove_all(directory());
  ASSERT_TRUE(Open());
  EXPECT_FALSE(shim.meter.journal().is_file());
  EXPECT_EQ(Events(kJournalFailures), 1u);
  Add(Find("a.test"), kSentBytes, 5);
  EXPECT_EQ(Traffic(kVendor, "a.test")[kSentBytes], 5u);
}

TEST_F(MeterTest, AFileSizeLimitIsNotRunInto) {
  // Past the limit the kernel would kill us with SIGXFSZ.
  rlimit saved;
  getrlimit(RLIMIT_FSIZE, &saved);
  const rlimit small = {4096, saved.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const bool opened = Open();
  setrlimit(RLIMIT_FSIZE, &saved);
  ASSERT_TRUE(opened);
  EXPECT_FALSE(shim.meter.journal().is_file());
  EXPECT_TRUE(Journals().empty());
}

TEST_F(MeterTest, AJournalReplacedUnderItsNameIsNotGrown) {
  ASSERT_TRUE(Open());
  const fs::path journal = Journals()[0];
  fs::remove(journal);
  fs::copy_file("/proc/self/exe", journal);
  const auto size = fs::file_size(journal);
  for (int i = 0; i < 200; ++i) Find("d" + std::to_string(i) + ".test");
  EXPECT_EQ(fs::file_size(journal), size);
  EXPECT_EQ(Events(kJournalFailures), 1u);
  EXPECT_GT(Events(kRowsOverflowed), 0u);
}

TEST_F(MeterTest, ForksAddToOneJournal) {
  ASSERT_TRUE(Open());
  JournalRow* shared = Find("a.test");
  constexpr int kAdds = 10000;
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < kAdds; ++i) Add(shared, kSentBytes, 1);
    Add(Find("child.test"), kSentBytes, 7);
    _exit(0);
  }
  for (int i = 0; i < kAdds; ++i) Add(shared, kSentBytes, 1);
  Add(Find("parent.test"), kSentBytes, 3);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(Traffic(kVendor, "a.test")[kSentBytes], 2u * kAdds);
  EXPECT_EQ(Traffic(kVendor, "child.test")[kSentBytes], 7u);
  EXPECT_EQ(Traffic(kVendor, "parent.test")[kSentBytes], 3u);
}

TEST_F(MeterTest, ThreadsThatStartTogetherShareOneJournal) {
  constexpr int kThreads = 8;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      ASSERT_TRUE(Open());
      for (int i = 0; i < 500; ++i) {
        Add(Find("d" + std::to_string(i % 50) + ".test"), kSentBytes, 1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Journals().size(), 1u);
  std::uint64_t sum = 0;
  for (int i = 0; i < 50; ++i) {
    sum += Traffic(kVendor, "d" + std::to_string(i) + ".test")[kSentBytes];
  }
  EXPECT_EQ(sum, kThreads * 500u);
}

}  // namespace
}  // namespace proxymeter::shim
