// Stands for many metered processes, before a real collector.
//
//   bench_crawlers live DIR COUNT ROWS   COUNT processes, each with a journal
//   of
//       ROWS rows and one frame sent. Says "ready" when all have done so; they
//       end when standard input does.
//   bench_crawlers left DIR COUNT ROWS   COUNT journals that nobody has open.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bench/crowd.h"
#include "collector/scoped_fd.h"
#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_crawler.h"

namespace proxymeter::bench {
namespace {

using collector::ConnectToCollector;
using collector::JournalFixture;
using collector::ScopedFd;

void Fill(JournalFixture& journal, const Crowd& crowd, std::uint32_t session) {
  for (std::uint32_t row = 0; row < crowd.rows; ++row) {
    journal.Add(crowd.Row(session, row, /*generation=*/0));
  }
}

bool SendFrame(const std::string& directory, const std::string& frame) {
  const ScopedFd fd = ConnectToCollector(directory);
  return fd.valid() && send(fd.get(), frame.data(), frame.size(), 0) ==
                           static_cast<ssize_t>(frame.size());
}

// A process: journal, frame, a byte to the parent, then nothing until the end
// of standard input.
[[noreturn]] void Crawl(const std::string& directory, const Crowd& crowd,
                        std::uint32_t session, int done) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  JournalFixture journal(directory + "/journals", crowd.Id(session), getpid());
  Fill(journal, crowd, session);
  if (!SendFrame(directory, crowd.Frame(session, 0)) ||
      write(done, "x", 1) != 1) {
    _exit(1);
  }
  close(done);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}

int Live(const std::string& directory, const Crowd& crowd) {
  int done[2];
  if (pipe(done) != 0) return 1;
  for (std::uint32_t i = 0; i < crowd.sessions; ++i) {
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) Crawl(directory, crowd, i, done[1]);
  }
  close(done[1]);
  std::uint32_t ready = 0;
  for (char byte; read(done[0], &byte, 1) == 1;) ++ready;
  if (ready != crowd.sessions) return 1;
  std::puts("ready");
  std::fflush(stdout);
  int failed = 0;
  for (int status; wait(&status) > 0;) failed |= status;
  return failed != 0;
}

int Left(const std::string& directory, const Crowd& crowd) {
  // Nobody has this pid: beyond the kernel's largest.
  constexpr std::int32_t kNobody = 1 << 30;
  for (std::uint32_t i = 0; i < crowd.sessions; ++i) {
    JournalFixture journal(directory + "/journals", crowd.Id(i), kNobody);
    Fill(journal, crowd, i);
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string_view what = argv[1];
  const Crowd crowd{.sessions = static_cast<std::uint32_t>(std::atoi(argv[3])),
                    .rows = static_cast<std::uint32_t>(std::atoi(argv[4]))};
  if (what == "live") return Live(argv[2], crowd);
  if (what == "left") return Left(argv[2], crowd);
  return 2;
}

}  // namespace
}  // namespace proxymeter::bench

int main(int argc, char** argv) { return proxymeter::bench::Main(argc, argv); }
