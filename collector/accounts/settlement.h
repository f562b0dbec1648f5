// What a process had not reported when it ended, by the kernel's last word.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_SETTLEMENT_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_SETTLEMENT_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "collector/accounts/journal_reader.h"

namespace proxymeter::collector {

/// Bytes of payload that the socket with this cookie had sent when the kernel
/// ended it; nothing when that has not been heard.
using FinalSent = std::function<std::optional<std::uint64_t>(std::uint64_t)>;

/// True when the kernel's last word on a connection would tell what its process
/// did not: no other program can have used it.
inline bool CanBeSettled(const MeteredConnection& connection) {
  return connection.vendor_row && !connection.may_be_shared &&
         !connection.adopted;
}

/// Adds to the rows of a journal, whose process has ended, what its open
/// connections had sent beyond what was reported: the bytes, as reconciled
/// ones, and the request that they began, as inferred. What the destination of
/// either would have been is `_unknown` where only the request could have told.
/// Connections of which the kernel has not told are counted as unsettled. What
/// each is said to have sent is raised accordingly.
///
/// SIGKILL may fall between the kernel's taking bytes and the shim's report;
/// so may the end of a process while another thread sends.
void Settle(const FinalSent& final_sent, JournalContents& journal);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_SETTLEMENT_H_
