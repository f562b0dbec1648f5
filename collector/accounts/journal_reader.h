// Journals, from the file of a possibly hostile process to validated rows.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_READER_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "collector/accounts/owner.h"
#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"

namespace proxymeter::collector {

/// A ConnectionSlot: a connection that was open. Rows by index.
struct OpenConnection {
  std::uint64_t cookie = 0;
  std::uint64_t sent = 0;
  std::uint64_t request_from = 0;
  std::optional<std::uint32_t> row{};
  std::optional<std::uint32_t> request_row{};
  std::uint32_t vendor_row = 0;
  bool may_be_shared = false;

  friend bool operator==(const OpenConnection&,
                         const OpenConnection&) = default;
};

struct JournalContents {
  SessionId session{};
  Owner owner{};                 ///< of the file
  std::uint64_t file_bytes = 0;  ///< its size, holes included
  std::int32_t pid = 0;          ///< of the creator, in its own PID namespace
  std::string command;           ///< printable ASCII
  std::uint64_t started_unix_ns = 0;
  std::vector<IndexedRow> rows;
  std::vector<OpenConnection> connections;
  std::uint32_t bad_rows = 0;  ///< published, but refused by IsValidRow
  bool truncated = false;      ///< the file lacks rows that it has handed out
};

enum class JournalProblem : std::uint8_t {
  kGone,          ///< no such file
  kUnfinished,    ///< its creator has not written the header yet
  kForeign,       ///< a link, directory, pipe or device
  kUnreadable,    ///< permission or input/output error
  kMalformed,     ///< header wrong, or of another session
  kLaterVersion,  ///< a journal, whose rows a newer collector understands
};

/// Reads the journal of `session` in the directory `journals_fd`. The file is
/// copied with pread(2), then validated: it is never mapped, so a truncation
/// by its owner cannot raise SIGBUS here, and what was checked cannot change.
std::variant<JournalContents, JournalProblem> ReadJournal(
    int journals_fd, const SessionId& session);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_READER_H_
