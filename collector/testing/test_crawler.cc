#include "collector/testing/test_crawler.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "proxymeter/limits.h"
#include "proxymeter/v1/frame.pb.h"

namespace proxymeter::collector {

std::string EncodeFrame(const SessionId& session, const RowValue& row,
                        bool has_journal) {
  v1::Frame frame;
  frame.set_version(1);
  frame.set_session(session.data(), session.size());
  frame.mutable_process()->set_pid(getpid());
  frame.mutable_process()->set_command("crawler");
  frame.mutable_process()->set_has_journal(has_journal);
  v1::Row* message = frame.add_rows();
  message->set_kind(static_cast<v1::RowKind>(row.key.kind));
  message->set_vendor(row.key.vendor);
  message->set_destination(row.key.destination);
  message->set_labels(row.key.labels);
  message->set_protocol(static_cast<v1::Protocol>(row.key.protocol));
  message->set_visibility(static_cast<v1::Visibility>(row.key.visibility));
  if (row.key.kind == RowKind::kVendor) {
    v1::VendorCounters* counters = message->mutable_vendor_counters();
    counters->set_connections_ok(row.counters[kConnectionsOk]);
    counters->set_held_sent_bytes(row.counters[kHeldSentBytes]);
    counters->set_released_sent_bytes(row.counters[kReleasedSentBytes]);
  } else {
    v1::TrafficCounters* counters = message->mutable_traffic();
    counters->set_sent_bytes(row.counters[kSentBytes]);
    counters->set_received_bytes(row.counters[kReceivedBytes]);
    counters->set_requests(row.counters[kRequests]);
    counters->set_responses_2xx(row.counters[kResponses2xx]);
  }
  return frame.SerializeAsString();
}

ScopedFd ConnectToCollector(const std::string& directory) {
  ScopedFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory + "/" + kSocketName;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
              sizeof address) != 0) {
    fd.Reset();
  }
  return fd;
}

bool SendFrames(const std::string& directory,
                const std::initializer_list<std::string>& messages) {
  const ScopedFd fd = ConnectToCollector(directory);
  if (!fd.valid()) return false;
  for (const std::string& message : messages) {
    if (send(fd.get(), message.data(), message.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(message.size())) {
      return false;
    }
  }
  return true;
}

TestCrawler::TestCrawler(std::function<bool(TestCrawler&)> body) {
  int commands[2];
  int pauses[2];
  if (pipe2(commands, O_CLOEXEC) != 0 || pipe2(pauses, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  const bool child = pid_ == 0;
  commands_.Reset(commands[child ? 0 : 1]);
  pauses_.Reset(pauses[child ? 1 : 0]);
  close(commands[child ? 1 : 0]);
  close(pauses[child ? 0 : 1]);
  if (child) {
    char byte = 0;
    if (read(commands_.get(), &byte, 1) != 1) _exit(2);
    _exit(body(*this) ? 0 : 1);
  }
}

TestCrawler::~TestCrawler() {
  if (pid_ > 0) {
    Kill();
    Join();
  }
}

void TestCrawler::Go() {
  if (write(commands_.get(), "g", 1) != 1) {
    throw std::system_error(errno, std::generic_category(), "Go");
  }
}

bool TestCrawler::AwaitPause() {
  char byte = 0;
  return read(pauses_.get(), &byte, 1) == 1;
}

bool TestCrawler::Join() {
  int status = -1;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void TestCrawler::Kill() { kill(pid_, SIGKILL); }

void TestCrawler::Pause() {
  char byte = 0;
  if (write(pauses_.get(), "p", 1) != 1) _exit(3);
  if (read(commands_.get(), &byte, 1) != 1) _exit(2);
}

}  // namespace proxymeter::collector
