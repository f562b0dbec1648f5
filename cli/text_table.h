// Columns of text, fitted to a width.
#ifndef PROXYMETER_CLI_TEXT_TABLE_H_
#define PROXYMETER_CLI_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace proxymeter::cli {

struct Column {
  std::string title;
  /// Left-aligned text that may be shortened; otherwise a figure, right-aligned
  /// and never cut, for a cut figure is a wrong one.
  bool text = false;
  /// When the table is too wide, columns go in falling order of this; those
  /// with 0 stay while anything else is left.
  int dispensable = 0;
};

/// Lines of `rows` under the titles, without newlines or trailing spaces, none
/// wider than `width`. Cells are ASCII. Text is first shortened to 24, then
/// columns are dropped, then text is shortened further; at the very least the
/// first column remains.
std::vector<std::string> FormatTable(
    const std::vector<Column>& columns,
    const std::vector<std::vector<std::string>>& rows, size_t width);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TEXT_TABLE_H_
