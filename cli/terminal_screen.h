// A terminal that is redrawn in place.
#ifndef PROXYMETER_CLI_TERMINAL_SCREEN_H_
#define PROXYMETER_CLI_TERMINAL_SCREEN_H_

#include <ostream>
#include <string>

#include "cli/top_table.h"

namespace proxymeter::cli {

/// Hides the cursor while it lives. The alternate screen is not used: the last
/// figures are to stay when the program ends.
class TerminalScreen {
 public:
  /// `terminal` is a descriptor of the terminal that `out` writes to.
  TerminalScreen(int terminal, std::ostream& out);
  ~TerminalScreen();
  TerminalScreen(const TerminalScreen&) = delete;
  TerminalScreen& operator=(const TerminalScreen&) = delete;

  /// `hint` is what is said below the title.
  void Draw(const View& view, std::string hint);

 private:
  const int terminal_;
  std::ostream& out_;
  bool drawn_ = false;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TERMINAL_SCREEN_H_
