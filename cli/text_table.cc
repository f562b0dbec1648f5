#include "cli/text_table.h"

#include <algorithm>
#include <numeric>

namespace proxymeter::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kComfortableText = 24;
constexpr size_t kLeastText = 8;

struct Fit {
  size_t index;  // of the column
  size_t width;
};

size_t TotalWidth(const std::vector<Fit>& fits) {
  return std::accumulate(
      fits.begin(), fits.end(), fits.empty() ? 0 : (fits.size() - 1) * kGap,
      [](size_t sum, const Fit& fit) { return sum + fit.width; });
}

/// Takes width from the widest text until all fits or all text is at `least`.
void ShortenText(const std::vector<Column>& columns, size_t least, size_t width,
                 std::vector<Fit>& fits) {
  while (TotalWidth(fits) > width) {
    Fit* widest = nullptr;
    for (Fit& fit : fits) {
      if (columns[fit.index].text && fit.width > least &&
          (widest == nullptr || fit.width > widest->width)) {
        widest = &fit;
      }
    }
    if (widest == nullptr) return;
    --widest->width;
  }
}

std::vector<Fit> FitColumns(const std::vector<Column>& columns,
                            const std::vector<std::vector<std::string>>& rows,
                            size_t width) {
  std::vector<Fit> full;
  for (size_t i = 0; i < columns.size(); ++i) {
    size_t widest = columns[i].title.size();
    for (const auto& row : rows) widest = std::max(widest, row[i].size());
    full.push_back({i, widest});
  }
  std::vector<Fit> fits;
  for (;;) {
    fits = full;
    ShortenText(columns, kComfortableText, width, fits);
    if (TotalWidth(fits) <= width) return fits;
    const auto victim = std::max_element(
        full.begin(), full.end(), [&](const Fit& a, const Fit& b) {
          return columns[a.index].dispensable < columns[b.index].dispensable;
        });
    if (columns[victim->index].dispensable == 0) break;
    full.erase(victim);
  }
  ShortenText(columns, kLeastText, width, fits);
  while (fits.size() > 1 && TotalWidth(fits) > width) fits.pop_back();
  return fits;
}

std::string Shortened(const std::string& text, size_t width) {
  if (text.size() <= width) return text;
  if (width == 0) return "";
  return text.substr(0, width - 1) + "~";
}

std::string FormatLine(const std::vector<Column>& columns,
                       const std::vector<Fit>& fits,
                       const std::vector<std::string>& cells, size_t width) {
  std::string line;
  for (const Fit& fit : fits) {
    if (&fit != &fits.front()) line.append(kGap, ' ');
    const std::string cell = Shortened(cells[fit.index], fit.width);
    const size_t padding = fit.width - cell.size();
    if (!columns[fit.index].text) line.append(padding, ' ');
    line += cell;
    if (columns[fit.index].text) line.append(padding, ' ');
  }
  line.resize(std::min(line.size(), width));
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::vector<std::string> FormatTable(
    const std::vector<Column>& columns,
    const std::vector<std::vector<std::string>>& rows, size_t width) {
  const std::vector<Fit> fits = FitColumns(columns, rows, width);
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::vector<std::string> lines = {FormatLine(columns, fits, titles, width)};
  for (const auto& row : rows) {
    lines.push_back(FormatLine(columns, fits, row, width));
  }
  return lines;
}

}  // namespace proxymeter::cli
