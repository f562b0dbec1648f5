// Slots of connections in the journal.
#ifndef PROXYMETER_SHIM_METER_CONNECTION_SLOTS_H_
#define PROXYMETER_SHIM_METER_CONNECTION_SLOTS_H_

#include <atomic>
#include <cstdint>

#include "proxymeter/journal.h"
#include "shim/meter/journal_file.h"

namespace proxymeter::shim {

/// What a socket is known by when its process is gone.
struct SocketIdentity {
  std::uint64_t cookie = 0;   ///< SO_COOKIE; 0: not known
  bool may_be_shared = true;  ///< another program may come by it
  bool adopted = false;       ///< it was made elsewhere
};

/// Forks of a process share its journal, hence the slots.
class ConnectionSlots {
 public:
  constexpr ConnectionSlots() = default;

  /// A slot for the socket, free until then. Null when it cannot be named, or
  /// there is no room, or no file that outlives the process. `vendor_row` is a
  /// row of `journal`.
  ConnectionSlot* Take(JournalFile& journal, const SocketIdentity& socket,
                       const JournalRow* vendor_row);

  /// Nobody uses the connection any more, in no process. Its figures stay.
  static void GiveBack(const JournalFile& journal, ConnectionSlot* slot);

 private:
  static constexpr std::uint32_t kProbes = 64;

  bool Grow(JournalFile& journal, std::uint32_t limit);

  std::atomic<std::uint32_t> next_{0};
  std::atomic<std::uint64_t> next_growth_ns_{0};
};

/// The number of `row` plus one; 0 when it is none of the journal's.
std::uint32_t RowNumber(const JournalFile& journal, const JournalRow* row);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_METER_CONNECTION_SLOTS_H_
