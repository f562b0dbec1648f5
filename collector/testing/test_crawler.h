// A child process that stands for a metered crawler.
#ifndef PROXYMETER_COLLECTOR_TESTING_TEST_CRAWLER_H_
#define PROXYMETER_COLLECTOR_TESTING_TEST_CRAWLER_H_

#include <sys/types.h>

#include <functional>
#include <string>

#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

/// A frame of one row at index 0.
std::string EncodeFrame(const SessionId& session, const RowValue& row,
                        bool has_journal);

/// A connection to DIRECTORY/collector.sock; invalid on failure.
ScopedFd ConnectToCollector(const std::string& directory);

/// Sends each message on one connection, as a flush does. False on failure.
bool SendFrames(const std::string& directory,
                const std::initializer_list<std::string>& messages);

/// Forked at once, so that it starts single-threaded; runs `body` when told
/// and leaves by _exit, with 0 if `body` returned true.
class TestCrawler {
 public:
  explicit TestCrawler(std::function<bool(TestCrawler&)> body);
  TestCrawler(const TestCrawler&) = delete;
  TestCrawler& operator=(const TestCrawler&) = delete;
  ~TestCrawler();

  /// Lets the child run to its next Pause(), or to its end.
  void Go();
  /// Waits until the child stands at Pause(). False when it died instead.
  bool AwaitPause();
  /// Waits for the end; true when `body` returned true.
  bool Join();
  void Kill();

  /// In the child: waits for Go(). Ends the child when the parent is gone.
  void Pause();

 private:
  pid_t pid_ = -1;
  ScopedFd commands_;
  ScopedFd pauses_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_TESTING_TEST_CRAWLER_H_
