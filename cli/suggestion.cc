#include "cli/suggestion.h"

#include <algorithm>
#include <numeric>

namespace proxymeter::cli {
namespace {

constexpr size_t kMostMistakes = 2;

/// Levenshtein's distance, one row of the matrix at a time.
size_t Distance(std::string_view from, std::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < from.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < to.size(); ++j) {
      const size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> Suggest(std::string_view word,
                                   const std::vector<std::string>& choices) {
  std::optional<std::string> best;
  size_t least = kMostMistakes + 1;
  for (const std::string& choice : choices) {
    const size_t distance = Distance(word, choice);
    if (distance < least) {
      least = distance;
      best = choice;
    }
  }
  return best;
}

}  // namespace proxymeter::cli
