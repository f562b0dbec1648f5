// What tests of Sessions feed it with and ask of it.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_TEST_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_TEST_H_

#include <algorithm>
#include <utility>
#include <vector>

#include "collector/accounts/sessions.h"
#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {

inline DecodedFrame Frame(const SessionId& id, std::vector<IndexedRow> rows,
                          bool has_journal = false) {
  DecodedFrame frame;
  frame.session = id;
  frame.process.has_journal = has_journal;
  frame.rows = std::move(rows);
  return frame;
}

inline JournalContents Journal(const SessionId& id,
                               std::vector<IndexedRow> rows) {
  JournalContents journal;
  journal.session = id;
  journal.rows = std::move(rows);
  return journal;
}

inline std::vector<RowValue> SortedRows(const Sessions& sessions) {
  std::vector<RowValue> rows = sessions.Snapshot().rows;
  std::ranges::sort(rows, {}, &RowValue::key);
  return rows;
}

inline std::uint64_t Rejected(const Sessions& sessions, Rejection rejection) {
  return sessions.Snapshot()
      .workload.rejected[static_cast<std::size_t>(rejection)];
}

inline const SessionId kOne = TestSession(1);
inline const SessionId kTwo = TestSession(2);
inline constexpr Owner kAlice = 1000;
inline constexpr Owner kMallory = 1001;

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_SESSIONS_TEST_H_
