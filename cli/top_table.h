// A view as a screenful for a terminal.
#ifndef PROXYMETER_CLI_TOP_TABLE_H_
#define PROXYMETER_CLI_TOP_TABLE_H_

#include <cstddef>
#include <string>

#include "cli/top_view.h"

namespace proxymeter::cli {

struct Screen {
  size_t width = 80;
  size_t height = 24;
  bool colour = false;
  std::string hint{};  ///< what keys do; in the line below the title
};

/// Lines, each ended by a newline, none wider than the screen, and at least one
/// fewer than its height so that the cursor has a line of its own. Says how
/// many rows had no room.
std::string FormatScreen(const View& view, const Screen& screen);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TOP_TABLE_H_
