#include "cli/call_guard.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace proxymeter::cli {
namespace {

constexpr int kExitInterrupted = 128 + SIGINT;

int Checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace

CallGuard::CallGuard(grpc::ClientContext* call,
                     std::chrono::milliseconds silence)
    : call_(call), silence_(silence) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGINT);
  sigaddset(&mask, SIGTERM);
  signals_ = Checked(signalfd(-1, &mask, SFD_CLOEXEC), "signalfd");
  wake_ = Checked(eventfd(0, EFD_CLOEXEC), "eventfd");
  pthread_sigmask(SIG_BLOCK, &mask, &former_mask_);
  thread_ = std::thread([this] { Wait(); });
}

CallGuard::~CallGuard() {
  done_ = true;
  Wake();
  thread_.join();
  // A second Ctrl-C that is already waiting must not kill after all is done.
  pollfd pending = {signals_, POLLIN, 0};
  signalfd_siginfo info;
  while (poll(&pending, 1, 0) > 0) {
    if (read(signals_, &info, sizeof(info)) < 0) break;
  }
  close(signals_);
  close(wake_);
  pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
}

void CallGuard::Await(bool answer) {
  awaiting_ = answer;
  Wake();
}

void CallGuard::Wake() {
  const std::uint64_t one = 1;
  // Fails only when 2^64 wake-ups are waiting, and then one more is not needed.
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

void CallGuard::Wait() {
  while (!done_) {
    const bool counting = awaiting_ && !interrupted_ && !timed_out_;
    pollfd watched[] = {{signals_, POLLIN, 0}, {wake_, POLLIN, 0}};
    const int ready =
        poll(watched, 2, counting ? static_cast<int>(silence_.count()) : -1);
    if ((watched[1].revents & POLLIN) != 0) {
      std::uint64_t count;
      [[maybe_unused]] const ssize_t got = read(wake_, &count, sizeof(count));
      continue;
    }
    if ((watched[0].revents & POLLIN) != 0) {
      signalfd_siginfo info;
      [[maybe_unused]] const ssize_t got = read(signals_, &info, sizeof(info));
      // What blocks may be the output, which no cancelling frees.
      if (interrupted_) _exit(kExitInterrupted);
      interrupted_ = true;
      call_->TryCancel();
    } else if (ready == 0) {
      timed_out_ = true;
      call_->TryCancel();
    }
  }
}

}  // namespace proxymeter::cli
