#include "cli/terminal_screen.h"

#include <sys/ioctl.h>

#include <cstdlib>
#include <string>
#include <utility>

namespace proxymeter::cli {
namespace {

// ECMA-48 control sequences.
constexpr char kHideCursor[] = "\x1b[?25l";
constexpr char kShowCursor[] = "\x1b[?25h";
constexpr char kHome[] = "\x1b[H";
constexpr char kClearScreen[] = "\x1b[2J";
constexpr char kClearToLineEnd[] = "\x1b[K";
constexpr char kClearToScreenEnd[] = "\x1b[J";

Screen CurrentScreen(int terminal) {
  Screen screen;
  winsize size;
  if (ioctl(terminal, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
      size.ws_row > 0) {
    screen.width = size.ws_col;
    screen.height = size.ws_row;
  }
  // https://no-color.org: set and not empty.
  const char* no_colour = std::getenv("NO_COLOR");
  screen.colour = no_colour == nullptr || *no_colour == '\0';
  return screen;
}

}  // namespace

TerminalScreen::TerminalScreen(int terminal, std::ostream& out)
    : terminal_(terminal), out_(out) {}

TerminalScreen::~TerminalScreen() {
  if (drawn_) out_ << kShowCursor << std::flush;
}

void TerminalScreen::Draw(const View& view, std::string hint) {
  std::string frame;
  if (!drawn_) frame.append(kHideCursor).append(kClearScreen);
  drawn_ = true;
  frame += kHome;
  Screen screen = CurrentScreen(terminal_);
  screen.hint = std::move(hint);
  // Each line is cleared behind its text, not the screen before it: the latter
  // flickers.
  for (const char c : FormatScreen(view, screen)) {
    if (c == '\n') frame += kClearToLineEnd;
    frame += c;
  }
  frame += kClearToScreenEnd;
  out_ << frame << std::flush;
}

}  // namespace proxymeter::cli
