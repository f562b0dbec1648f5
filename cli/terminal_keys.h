// Keys that are pressed on a terminal, one by one.
#ifndef PROXYMETER_CLI_TERMINAL_KEYS_H_
#define PROXYMETER_CLI_TERMINAL_KEYS_H_

#include <termios.h>

#include <functional>
#include <thread>

namespace proxymeter::cli {

/// While it lives, each key is told at once and is not shown; Ctrl-C and Ctrl-Z
/// do what they always do. In the background of a shell nothing is read. The
/// destructor leaves the terminal as it was.
class TerminalKeys {
 public:
  /// `press` is called on a thread of its own, which inherits the signal mask.
  /// Nothing happens when `terminal` is no terminal.
  TerminalKeys(int terminal, std::function<void(char)> press);
  ~TerminalKeys();
  TerminalKeys(const TerminalKeys&) = delete;
  TerminalKeys& operator=(const TerminalKeys&) = delete;

 private:
  void Run();
  bool TakeTerminal();

  const int terminal_;
  const std::function<void(char)> press_;
  termios former_{};
  bool changed_ = false;
  int wake_ = -1;  // eventfd
  std::thread thread_;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TERMINAL_KEYS_H_
