// The same accounts in every format that shim and collector exchange, as the
// product writes them today. make_samples.cc keeps them for the versions to
// come.
#ifndef PROXYMETER_TESTS_COMPAT_SAMPLES_H_
#define PROXYMETER_TESTS_COMPAT_SAMPLES_H_

#include <string>
#include <string_view>
#include <vector>

#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"

namespace proxymeter::compat {

inline constexpr collector::SessionId kJournalSession = {1, 2, 3, 4};
inline constexpr collector::SessionId kFrameSession = {5, 6, 7, 8};
inline constexpr int kSamplePid = 4711;
inline constexpr char kSampleCommand[] = "crawler";
inline constexpr std::uint64_t kSampleStart = 1'700'000'000'000'000'000;

/// One row of each kind, at the index of its place; no two counters are equal,
/// but that connections hold nothing.
std::vector<collector::RowValue> SampleRows();
/// Those that version 2 had before bytes of hand-shakes were counted.
std::vector<collector::RowValue> SampleRows2b();
/// Those that version 2 had at first; since then it has gained what readers
/// pass over.
std::vector<collector::RowValue> SampleRows2();
/// Those that version 1 had, with its counters.
std::vector<collector::RowValue> SampleRows1();

/// The rows as a journal: header, gap, rows.
std::string SampleJournal(const collector::SessionId& session,
                          const std::vector<collector::RowValue>& rows);

/// The rows as the shim sends them.
std::string SampleFrame(const std::vector<collector::RowValue>& rows);

/// A vendor configuration with a condition of every kind.
extern const std::string_view kSampleConfig;

/// `config`, compiled. Throws std::invalid_argument when it is none.
std::string SamplePolicy(std::string_view config = kSampleConfig);

}  // namespace proxymeter::compat

#endif  // PROXYMETER_TESTS_COMPAT_SAMPLES_H_
