// Claims, from the journals of crawlers that are alive and of those that ended.
#ifndef PROXYMETER_COLLECTOR_AUDIT_CLAIM_READER_H_
#define PROXYMETER_COLLECTOR_AUDIT_CLAIM_READER_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "collector/accounts/journal_reader.h"
#include "collector/accounts/session_id.h"
#include "collector/audit/claim.h"

namespace proxymeter::collector {

/// What came since the last time.
struct ClaimNews {
  std::vector<Claim> claims;  ///< open ones each time, final ones once
  /// Connections that ended and were overwritten before they were read.
  std::uint64_t overwritten = 0;
  /// Some crawler has connections that it cannot tell one by one.
  bool incomplete = false;
};

/// Remembers of each session what it has given already. Thread-safe.
class ClaimReader {
 public:
  /// `journals_fd` must outlive the object.
  explicit ClaimReader(int journals_fd) : journals_fd_(journals_fd) {}

  /// Reads all journals.
  ClaimNews Read();

  /// The session's process has ended: what its journal says last, which is part
  /// of the next Read. To be called before the journal is removed.
  void LastReading(const JournalContents& journal);

 private:
  struct Session {
    std::map<std::uint32_t, std::string> vendors;  // by row
    std::vector<std::uint64_t> ended;              // cookies given, by slot
    std::map<std::uint32_t, Claim> open;           // by slot, as last read
    std::uint64_t ended_given = 0;
    std::uint64_t overwritten = 0;  // counted so far
    bool last = false;
  };

  void ReadSession(const SessionId& id, ClaimNews* news);
  void Take(const SessionId& id, Session& session,
            const MeteredConnections& connections, ClaimNews* news);
  /// How many of the connections that have ended were neither given nor counted
  /// by an earlier call.
  static std::uint64_t NewlyOverwritten(Session& session,
                                        std::uint64_t ended_in_all);
  std::optional<Claim> ClaimOf(const SessionId& id, Session& session,
                               const MeteredConnection& connection);

  const int journals_fd_;
  std::mutex mutex_;  // guards all below
  bool first_ = true;
  std::map<SessionId, Session> sessions_;
  ClaimNews waiting_;  // of last readings
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_CLAIM_READER_H_
