#include "cli/terminal_keys.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace proxymeter::cli {
namespace {

// How soon it notices that it is in the foreground again.
constexpr int kLookMs = 500;

bool InForeground(int terminal) { return tcgetpgrp(terminal) == getpgrp(); }

}  // namespace

TerminalKeys::TerminalKeys(int terminal, std::function<void(char)> press)
    : terminal_(terminal), press_(std::move(press)) {
  if (tcgetattr(terminal_, &former_) != 0) return;
  wake_ = eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) return;
  thread_ = std::thread([this] { Run(); });
}

TerminalKeys::~TerminalKeys() {
  if (thread_.joinable()) {
    eventfd_write(wake_, 1);
    thread_.join();
  }
  if (wake_ >= 0) close(wake_);
  if (changed_ && InForeground(terminal_)) {
    tcsetattr(terminal_, TCSANOW, &former_);
  }
}

// Whoever reads, or changes the mode, from the background is stopped. A shell
// sets its own mode when it stops us, so that it has to be set again.
bool TerminalKeys::TakeTerminal() {
  if (!InForeground(terminal_)) return false;
  termios mode;
  if (tcgetattr(terminal_, &mode) != 0) return false;
  if ((mode.c_lflag & (ICANON | ECHO)) == 0) return true;
  mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  mode.c_cc[VMIN] = 0;
  mode.c_cc[VTIME] = 0;
  changed_ = true;
  return tcsetattr(terminal_, TCSANOW, &mode) == 0;
}

void TerminalKeys::Run() {
  while (true) {
    const bool ours = TakeTerminal();
    pollfd ready[] = {{.fd = wake_, .events = POLLIN, .revents = 0},
                      {.fd = terminal_, .events = POLLIN, .revents = 0}};
    poll(ready, ours ? 2 : 1, kLookMs);
    if (ready[0].revents != 0) return;
    if ((ready[1].revents & (POLLHUP | POLLERR)) != 0) return;
    char key;
    if ((ready[1].revents & POLLIN) != 0 && InForeground(terminal_) &&
        read(terminal_, &key, 1) == 1) {
      press_(key);
    }
  }
}

}  // namespace proxymeter::cli
