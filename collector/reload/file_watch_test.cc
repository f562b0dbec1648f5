#include "collector/reload/file_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"

namespace proxymeter::collector {
namespace {

namespace fs = std::filesystem;

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

class FileWatchTest : public testing::Test {
 protected:
  // Without a look at the clock: by the event alone.
  bool Told() {
    return WaitFor([this] {
      pollfd ready = {watch_->descriptor(), POLLIN, 0};
      return poll(&ready, 1, 0) == 1 && watch_->Changed();
    });
  }
  // All events have arrived when the call that caused them has returned.
  bool Silent() { return !watch_->Changed(); }

  void Begin(std::vector<std::string> paths) {
    EXPECT_TRUE(watch_->Watch(std::move(paths)));
    EXPECT_TRUE(Silent());
  }

  const TestDirectory temp_;
  const std::string top_ = temp_.path();
  const std::string file_ = top_ + "/vendors.yaml";
  std::unique_ptr<FileWatch> watch_ = std::make_unique<FileWatch>(
      FileWatch::Options{.without_inotify = std::chrono::milliseconds(20),
                         .beside_inotify = std::chrono::hours(1)});
};

TEST_F(FileWatchTest, SeesWritingInPlace) {
  Write(file_, "one");
  Begin({file_});
  Write(file_, "two");
  EXPECT_TRUE(Told());
  EXPECT_TRUE(Silent());
  Write(file_, "two");
  EXPECT_TRUE(Told());
}

TEST_F(FileWatchTest, SeesWhatEditorsDo) {
  Write(file_, "one");
  Begin({file_});
  Write(top_ + "/.vendors.yaml.swp", "two");
  EXPECT_TRUE(Silent());
  fs::rename(top_ + "/.vendors.yaml.swp", file_);
  EXPECT_TRUE(Told());
  // The new file is watched as the old one was.
  Write(file_, "three");
  EXPECT_TRUE(Told());
  fs::rename(file_, file_ + "~");
  EXPECT_TRUE(Told());
  Write(file_, "four");
  EXPECT_TRUE(Told());
  EXPECT_TRUE(Silent());
}

TEST_F(FileWatchTest, SeesAFileGoAndComeBack) {
  Write(file_, "one");
  Begin({file_});
  fs::remove(file_);
  EXPECT_TRUE(Told());
  EXPECT_TRUE(Silent());
  Write(file_, "one");
  EXPECT_TRUE(Told());
}

TEST_F(FileWatchTest, SeesTheSwapOfAConfigMap) {
  const std::string mount = top_ + "/mount";
  fs::create_directories(mount + "/..1");
  fs::create_directories(mount + "/..2");
  Write(mount + "/..1/vendors.yaml", "one");
  Write(mount + "/..2/vendors.yaml", "two");
  fs::create_symlink("..1", mount + "/..data");
  fs::create_symlink("..data/vendors.yaml", mount + "/vendors.yaml");
  Begin({mount + "/vendors.yaml"});
  for (const char* next : {"..2", "..1", "..2"}) {
    fs::create_symlink(next, mount + "/..data_tmp");
    EXPECT_TRUE(Silent());
    fs::rename(mount + "/..data_tmp", mount + "/..data");
    EXPECT_TRUE(Told()) << next;
    EXPECT_TRUE(Silent());
  }
  fs::remove_all(mount + "/..1");
  EXPECT_TRUE(Silent());
}

TEST_F(FileWatchTest, SeesReplacedDirectories) {
  const std::string deep = top_ + "/a/b";
  fs::create_directories(deep);
  Write(deep + "/vendors.yaml", "one");
  Begin({deep + "/vendors.yaml"});
  fs::create_directories(top_ + "/c/b");
  Write(top_ + "/c/b/vendors.yaml", "two");
  EXPECT_TRUE(Silent());
  fs::rename(top_ + "/a", top_ + "/old");
  EXPECT_TRUE(Told());
  fs::rename(top_ + "/c", top_ + "/a");
  EXPECT_TRUE(Told());
  Write(deep + "/vendors.yaml", "three");
  EXPECT_TRUE(Told());
  // The former is not looked at any more.
  Write(top_ + "/old/b/vendors.yaml", "four");
  EXPECT_TRUE(Silent());
  fs::remove_all(top_ + "/a");
  EXPECT_TRUE(Told());
  fs::create_directories(deep);
  EXPECT_TRUE(Told());
  Write(deep + "/vendors.yaml", "five");
  EXPECT_TRUE(Told());
}

TEST_F(FileWatchTest, SeesWritingByAnotherName) {
  Write(file_, "one");
  fs::create_directory(top_ + "/elsewhere");
  fs::create_hard_link(file_, top_ + "/elsewhere/name");
  Begin({file_});
  Write(top_ + "/elsewhere/name", "two");
  EXPECT_TRUE(Told());
}

TEST_F(FileWatchTest, WatchesManyFilesAndForgetsThem) {
  const std::string list = top_ + "/list.txt";
  Write(file_, "one");
  Write(list, "one");
  Begin({file_});
  Write(list, "two");
  EXPECT_TRUE(Silent());
  EXPECT_TRUE(watch_->Watch({file_, list}));
  EXPECT_FALSE(watch_->Watch({list, file_}));
  Write(list, "three");
  EXPECT_TRUE(Told());
  Write(file_, "two");
  EXPECT_TRUE(Told());
  EXPECT_FALSE(watch_->Watch({file_}));
  EXPECT_TRUE(Silent());
  Write(list, "four");
  EXPECT_TRUE(Silent());
}

TEST_F(FileWatchTest, OthersInTheDirectoryWakeNobody) {
  Write(file_, "one");
  Write(top_ + "/other", "one");
  Begin({file_});
  Write(top_ + "/other", "two");
  pollfd ready = {watch_->descriptor(), POLLIN, 0};
  EXPECT_EQ(poll(&ready, 1, 0), 0);
}

TEST_F(FileWatchTest, WithoutInotifyItLooks) {
  Write(file_, "one");
  bool available = false;
  watch_ = std::make_unique<FileWatch>(
      FileWatch::Options{.without_inotify = std::chrono::milliseconds(20),
                         .beside_inotify = std::chrono::hours(1),
                         .open_inotify = [&available] {
                           errno = EMFILE;
                           return available ? inotify_init1(IN_NONBLOCK) : -1;
                         }});
  testing::internal::CaptureStdout();
  Begin({file_});
  EXPECT_EQ(watch_->descriptor(), -1);
  EXPECT_EQ(watch_->patience(), std::chrono::milliseconds(20));
  Write(file_, "three");
  EXPECT_TRUE(watch_->Changed());
  EXPECT_TRUE(Silent());
  fs::remove(file_);
  EXPECT_TRUE(watch_->Changed());
  EXPECT_TRUE(Silent());
  available = true;
  EXPECT_TRUE(Silent());
  EXPECT_GE(watch_->descriptor(), 0);
  Write(file_, "four");
  EXPECT_TRUE(Told());
  // Each was said once.
  const std::string log = testing::internal::GetCapturedStdout();
  const std::size_t lost = log.find(
      "event=config_watch_lost error=\"inotify: "
      "Too many open files\"");
  EXPECT_NE(lost, std::string::npos) << log;
  EXPECT_EQ(log.find("event=config_watch_lost", lost + 1), std::string::npos);
  EXPECT_NE(log.find("event=config_watch_recovered"), std::string::npos);
}

// A queue that has really overflown: events of two files in turn do not merge.
TEST_F(FileWatchTest, AnOverflowIsAChangeAndANewBeginning) {
  Write(file_, "one");
  int opened = 0;
  watch_ = std::make_unique<FileWatch>(FileWatch::Options{.open_inotify = [&] {
    const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (++opened > 1) return inotify;
    std::size_t room = 0;
    std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> room;
    inotify_add_watch(inotify, top_.c_str(), IN_CREATE | IN_DELETE);
    for (std::size_t i = 0; i < room + 10; i += 2) {
      Write(top_ + "/other", "");
      unlink((top_ + "/other").c_str());
    }
    return inotify;
  }});
  EXPECT_TRUE(watch_->Watch({file_}));
  EXPECT_TRUE(watch_->Changed());
  EXPECT_EQ(opened, 2);
  EXPECT_TRUE(Silent());
  Write(file_, "two");
  EXPECT_TRUE(Told());
}

TEST_F(FileWatchTest, WhatIsNotThereIsWaitedFor) {
  Begin({top_ + "/none/yet/vendors.yaml"});
  fs::create_directories(top_ + "/none/yet");
  EXPECT_TRUE(Told());
  Write(top_ + "/none/yet/vendors.yaml", "one");
  EXPECT_TRUE(Told());
}

TEST_F(FileWatchTest, WithoutFilesThereIsNothingToWatch) {
  EXPECT_FALSE(watch_->Watch({}));
  EXPECT_EQ(watch_->descriptor(), -1);
  EXPECT_FALSE(watch_->Changed());
}

}  // namespace
}  // namespace proxymeter::collector
