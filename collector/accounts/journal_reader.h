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

/// A ConnectionSlot: a connection and what was metered of it. Rows by index.
struct MeteredConnection {
  std::uint64_t cookie = 0;
  std::uint32_t slot = 0;  ///< its number
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t request_from = 0;
  std::optional<std::uint32_t> row{};
  std::optional<std::uint32_t> request_row{};
  std::optional<std::uint32_t> vendor_row{};  ///< none: not decided yet
  bool may_be_shared = false;
  bool adopted = false;

  friend bool operator==(const MeteredConnection&,
                         const MeteredConnection&) = default;
};

/// The connections of a session.
struct MeteredConnections {
  std::vector<MeteredConnection> open;
  std::vector<MeteredConnection> ended;  ///< of those that ended, some
  std::uint64_t ended_in_all = 0;        ///< not less than had been by then
  std::uint32_t without_slot = 0;        ///< open, and not among the above
  bool tells_ends = false;  ///< by a shim that says which have ended
};

struct JournalContents {
  SessionId session{};
  Owner owner{};                 ///< of the file
  std::uint64_t file_bytes = 0;  ///< its size, holes included
  std::int32_t pid = 0;          ///< of the creator, in its own PID namespace
  std::string command;           ///< printable ASCII
  std::uint64_t started_unix_ns = 0;
  std::vector<IndexedRow> rows;
  MeteredConnections connections;
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

/// The connections alone.
std::variant<MeteredConnections, JournalProblem> ReadConnections(
    int journals_fd, const SessionId& session);

/// The vendor of the journal's row `index`; nothing when that is no vendor's.
std::optional<std::string> ReadVendor(int journals_fd, const SessionId& session,
                                      std::uint32_t index);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_READER_H_
