#include "cli/top_command.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <sstream>

#include "cli/testing/fake_collector.h"
#include "cli/testing/process.h"
#include "cli/testing/snapshots.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

using AtEnd = FakeCollector::AtEnd;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<v1::SnapshotResponse> TwoSnapshots() {
  auto first = SnapshotAt(10);
  AddTraffic(first, "acme", "example.com", 10, 1000, 50000);
  auto second = SnapshotAt(11);
  AddTraffic(second, "acme", "example.com", 14, 1500, 90000);
  return {first, second};
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) {
    ++count;
  }
  return count;
}

class TopTest : public testing::Test {
 protected:
  TopTest() { options_.directory = directory_; }

  int Top() {
    out_.str("");
    error_.str("");
    return cli::Top(options_, -1, out_, error_);
  }

  const std::string directory_ = MakeTempDirectory();
  TopOptions options_;
  std::ostringstream out_;
  std::ostringstream error_;
};

TEST_F(TopTest, OncePrintsOneBlock) {
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  options_.once = true;
  EXPECT_EQ(Top(), 0) << error_.str();
  EXPECT_EQ(Count(out_.str(), "#snapshot"), 1u);
  EXPECT_THAT(out_.str(), HasSubstr("traffic\tacme\texample.com\thttps/1.1\t"
                                    "plaintext\t10\t10\t"));
  EXPECT_EQ(error_.str(), "");
}

TEST_F(TopTest, CountPrintsBlocksWithRates) {
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  options_.count = 2;
  options_.interval_seconds = 0.25;
  EXPECT_EQ(Top(), 0) << error_.str();
  EXPECT_EQ(collector.interval_ms(), 250u);
  EXPECT_EQ(Count(out_.str(), "#snapshot"), 2u);
  EXPECT_THAT(out_.str(),
              HasSubstr("total\t14\t14\t0\t0\t0\t0\t1500\t90000\t4.000\t"
                        "500.000\t40000.000\n"));
}

TEST_F(TopTest, JsonIsOneObjectPerUpdate) {
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  options_.count = 2;
  options_.json = true;
  EXPECT_EQ(Top(), 0) << error_.str();
  std::istringstream lines(out_.str());
  std::string first;
  std::string second;
  ASSERT_TRUE(std::getline(lines, first) && std::getline(lines, second));
  EXPECT_EQ(nlohmann::json::parse(first)["total"]["requests"], 10);
  EXPECT_EQ(nlohmann::json::parse(second)["total"]["requests_per_second"], 4);
}

TEST_F(TopTest, NoCollectorIsSaidWithWhatToDo) {
  EXPECT_EQ(Top(), 1);
  EXPECT_THAT(
      error_.str(),
      StartsWith("proxymeter: no collector answers at unix:" + directory_ +
                 "/grpc.sock; start one with 'proxymeter collector"));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(TopTest, ACollectorThatGoesAwayIsAnError) {
  {
    const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kStop);
    EXPECT_EQ(Top(), 1);
    EXPECT_THAT(error_.str(), HasSubstr("has stopped"));
    EXPECT_EQ(Count(out_.str(), "#snapshot"), 2u);
  }
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kFail);
  EXPECT_EQ(Top(), 1);
  EXPECT_THAT(error_.str(), HasSubstr("lost the collector"));
  EXPECT_THAT(error_.str(), HasSubstr("out of sorts"));
}

TEST_F(TopTest, ASilentCollectorIsNotWaitedForForever) {
  options_.patience = std::chrono::milliseconds(100);
  options_.interval_seconds = 0.1;
  {
    const FakeCollector collector(directory_, {}, AtEnd::kHang);
    EXPECT_EQ(Top(), 1);
    EXPECT_THAT(error_.str(), HasSubstr("no collector answers"));
    EXPECT_THAT(error_.str(), HasSubstr("silent"));
  }
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  EXPECT_EQ(Top(), 1);
  EXPECT_THAT(error_.str(), HasSubstr("is silent"));
}

TEST_F(TopTest, TcpWorksAndIsNotSentThroughTheCrawlersProxy) {
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  options_.address = "127.0.0.1:" + std::to_string(collector.port());
  options_.once = true;
  EXPECT_EQ(Top(), 0) << error_.str();
  unsetenv("http_proxy");
}

TEST_F(TopTest, TotalsLargerThanFourMegabytesArrive) {
  auto snapshot = SnapshotAt(1);
  for (int i = 0; i < 100'000; ++i) {
    AddTraffic(snapshot, "acme", "host-" + std::to_string(i) + ".example.com",
               1, 2, 3);
  }
  ASSERT_GT(snapshot.ByteSizeLong(), 4u << 20);
  const FakeCollector collector(directory_, {snapshot}, AtEnd::kHang);
  options_.once = true;
  options_.view.limit = 1;
  EXPECT_EQ(Top(), 0) << error_.str();
  EXPECT_THAT(out_.str(), HasSubstr("total\t100000\t"));
}

TEST_F(TopTest, OutputThatCannotBeWrittenEndsIt) {
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  std::ostream broken(nullptr);
  EXPECT_EQ(cli::Top(options_, -1, broken, error_), 1);
  EXPECT_THAT(error_.str(), HasSubstr("cannot write"));
}

/// The program on a terminal of its own.
class Terminal {
 public:
  Terminal(const std::string& directory, winsize size) {
    child_ = forkpty(&master_, nullptr, nullptr, &size);
    if (child_ == 0) {
      unsetenv("NO_COLOR");
      execl(PROGRAM, PROGRAM, "top", "--dir", directory.c_str(), nullptr);
      _exit(99);
    }
  }
  ~Terminal() { close(master_); }

  /// Everything written until `text` was, or the program's end.
  const std::string& ReadUntil(const std::string& text) {
    while (seen_.find(text) == std::string::npos && ReadSome()) {
    }
    return seen_;
  }

  termios Mode() const {
    termios mode{};
    EXPECT_EQ(tcgetattr(master_, &mode), 0);
    return mode;
  }

  void Type(char key) { ASSERT_EQ(write(master_, &key, 1), 1); }

  int Wait() {
    while (ReadSome()) {
    }
    int status = -1;
    waitpid(child_, &status, 0);
    return status;
  }

  const std::string& seen() const { return seen_; }

 private:
  bool ReadSome() {
    constexpr int kDeadlineMs = 60'000;
    pollfd ready = {master_, POLLIN, 0};
    char buffer[4096];
    if (poll(&ready, 1, kDeadlineMs) <= 0) return false;
    const ssize_t got = read(master_, buffer, sizeof(buffer));
    if (got <= 0) return false;  // EIO when the program has gone
    seen_.append(buffer, static_cast<size_t>(got));
    return true;
  }

  int master_ = -1;
  pid_t child_ = -1;
  std::string seen_;
};

TEST_F(TopTest, OnATerminalItRedrawsAndCtrlCRestoresTheCursor) {
  const FakeCollector collector(directory_, TwoSnapshots(), AtEnd::kHang);
  Terminal terminal(directory_, {12, 60, 0, 0});
  // The second frame has rates.
  EXPECT_THAT(terminal.ReadUntil("90.0 kB"), HasSubstr("90.0 kB"));
  terminal.Type('\x03');
  const int status = terminal.Wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const std::string& seen = terminal.seen();
  EXPECT_THAT(seen, HasSubstr("\x1b[?25l"));
  EXPECT_EQ(Count(seen, "\x1b[H"), 2u);
  EXPECT_THAT(seen, HasSubstr("\x1b[1m"));
  EXPECT_THAT(seen, Not(HasSubstr("\x1b[?1049h")));
  EXPECT_GT(seen.rfind("\x1b[?25h"), seen.rfind("\x1b[H"));
}

TEST_F(TopTest, KeysSortItAndEndIt) {
  std::vector<v1::SnapshotResponse> snapshots = TwoSnapshots();
  // By requests acme's comes first, by bytes received the other's.
  AddTraffic(snapshots.back(), "zenith", "example.org", 1, 2, 77'000'000);
  const FakeCollector collector(directory_, snapshots, AtEnd::kHang);
  Terminal terminal(directory_, {12, 100, 0, 0});
  const std::string frames = terminal.ReadUntil("example.org");
  EXPECT_THAT(frames, HasSubstr("r [requests]"));
  EXPECT_LT(frames.find("example.com"), frames.rfind("example.org"));
  EXPECT_EQ(terminal.Mode().c_lflag & (ICANON | ECHO), 0u);
  terminal.Type('x');  // nothing to it
  terminal.Type('d');
  terminal.ReadUntil("d [received]");
  terminal.Type('q');
  const int status = terminal.Wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const std::string last =
      terminal.seen().substr(terminal.seen().rfind("d [received]"));
  EXPECT_LT(last.find("example.org"), last.find("example.com"));
  EXPECT_EQ(terminal.Mode().c_lflag & (ICANON | ECHO),
            static_cast<tcflag_t>(ICANON | ECHO));
}

}  // namespace
}  // namespace proxymeter::cli
