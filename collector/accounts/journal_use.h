// Whose a journal is, and whether any process still maps it.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_USE_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_USE_H_

#include <cstdint>

#include "collector/accounts/owner.h"
#include "collector/accounts/session_id.h"

namespace proxymeter::collector {

enum class JournalUse : std::uint8_t {
  kMapped,   ///< a process can still count into it
  kFree,     ///< what it holds is final
  kUnknown,  ///< the kernel does not tell: file of another user, or gone
};

/// Asks for a read lease (fcntl(2), F_SETLEASE), which the kernel refuses
/// while the file is open for writing anywhere; a shared mapping keeps it
/// open. This sees forked children that never reported, processes of other
/// PID namespaces, and exec, none of which a pidfd shows. It needs the file's
/// owner or CAP_LEASE. The lease is given back at once.
JournalUse UseOfJournal(int journals_fd, const SessionId& session);

/// The uid of the session's journal; nothing when there is no regular file of
/// that name.
Owner OwnerOfJournal(int journals_fd, const SessionId& session);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_JOURNAL_USE_H_
