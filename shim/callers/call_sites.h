// Which library or program part opens the connections to a vendor? Asked of
// some of them, when the configuration wants to know.
#ifndef PROXYMETER_SHIM_CALLERS_CALL_SITES_H_
#define PROXYMETER_SHIM_CALLERS_CALL_SITES_H_

#include <atomic>
#include <cstdint>
#include <string_view>

#include "shim/callers/stack_walker.h"
#include "shim/meter/meter.h"
#include "shim/process.h"

namespace proxymeter::shim {

class CallSites {
 public:
  constexpr CallSites(Meter* meter, Process* process)
      : meter_(meter), process_(process) {}

  /// A connection to `vendor` was begun, by a call that is still on the stack;
  /// never in a vfork child. Counts it for its caller, or as not walked. Once
  /// the meter is open. Leaves errno alone.
  void Count(std::string_view vendor);

  /// Whether the connection of this number, from 0, is walked: all of the first
  /// ones, then those that chance picks. (Every n-th would pick always the
  /// same of callers that take turns.)
  static bool IsSampled(std::uint32_t number);

 private:
  Meter* meter_;
  Process* process_;
  std::atomic<std::uint32_t> connections_{0};
  StackWalker walker_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CALLERS_CALL_SITES_H_
