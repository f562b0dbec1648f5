// What holds for everything that the accounts take from a stranger.
#ifndef PROXYMETER_TESTS_FUZZ_ACCOUNTS_H_
#define PROXYMETER_TESTS_FUZZ_ACCOUNTS_H_

#include <algorithm>
#include <vector>

#include "collector/accounts/sessions.h"
#include "tests/fuzz/fuzz_target.h"

namespace proxymeter::fuzz {

inline void ExpectValid(const std::vector<collector::IndexedRow>& rows) {
  for (const collector::IndexedRow& row : rows) {
    Expect(row.index < kMaxJournalRows, "an index is within the journal");
    Expect(collector::IsValidRow(row.row), "a row that is taken is valid");
  }
}

/// The totals, sorted by key.
inline std::vector<collector::RowValue> Totals(
    const collector::Sessions& sessions) {
  std::vector<collector::RowValue> rows = sessions.Snapshot().rows;
  std::sort(rows.begin(), rows.end(),
            [](const auto& a, const auto& b) { return a.key < b.key; });
  return rows;
}

}  // namespace proxymeter::fuzz

#endif  // PROXYMETER_TESTS_FUZZ_ACCOUNTS_H_
