// Why input from a crawler was not taken.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_REJECTION_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_REJECTION_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace proxymeter::collector {

enum class Rejection : std::uint8_t {
  kMalformedFrame,       ///< not a Frame message
  kOversizedFrame,       ///< longer than kMaxFrameBytes
  kBadVersion,           ///< a schema version that is not 1
  kBadSession,           ///< session id of a wrong length, or not the stream's
  kBadRow,               ///< a row that IsValidRow refuses, or a bad index; a
                         ///< whole frame if it repeats one or has too many rows
  kKeyChanged,           ///< a row's key differs from what the index had
  kCounterDecreased,     ///< a counter fell where order is certain
  kUnknownSession,       ///< a frame of a session that has been closed
  kSessionInUse,         ///< a Report stream names a session that is open
  kTooManySessions,      ///< a limit of SessionLimits is reached
  kTooManyRows,          ///< the same
  kTooManyJournalBytes,  ///< the same
  kWrongOwner,           ///< the session is another uid's
  kTooManyConnections,   ///< the oldest connection was closed for a new one
  kIdleConnection,       ///< a connection that neither sent nor closed
  kMalformedJournal,     ///< bad header, or shorter than its header says
  kForeignFile,          ///< in journals/, but no regular file of such a name
  kUnreadableJournal,    ///< the collector may not read it
  kLaterVersion,         ///< a journal for a newer collector to read
};
inline constexpr std::size_t kRejections = 19;

/// The reason as it stands in metrics and in gRPC errors.
constexpr std::string_view Name(Rejection rejection) {
  constexpr std::string_view kNames[kRejections] = {
      "malformed_frame",   "oversized_frame",
      "bad_version",       "bad_session",
      "bad_row",           "key_changed",
      "counter_decreased", "unknown_session",
      "session_in_use",    "too_many_sessions",
      "too_many_rows",     "too_many_journal_bytes",
      "wrong_owner",       "too_many_connections",
      "idle_connection",   "malformed_journal",
      "foreign_file",      "unreadable_journal",
      "later_version"};
  return kNames[static_cast<std::size_t>(rejection)];
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_REJECTION_H_
