// How the audit is getting on, and what it knows that it does not know.
#ifndef PROXYMETER_COLLECTOR_AUDIT_AUDIT_HEALTH_H_
#define PROXYMETER_COLLECTOR_AUDIT_AUDIT_HEALTH_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace proxymeter::collector {

/// Each is a count of what no figure of the audit has, or has rightly.
enum class AuditGap : std::uint8_t {
  kOverrun,      ///< times that the kernel found no room to tell us of ends
  kUndecided,    ///< connections that may be a crawler's, or nobody's
  kOpenAtStart,  ///< connections whose bytes before the audit are not counted
  kEndUnheard,   ///< connections that were gone without a last word
  kUnwitnessed,  ///< connections reported, of which the kernel never told
  kOverwritten,  ///< reports of ended connections that came too fast to read
  kNoRoom,       ///< connections beyond those that are followed at a time
  /// Connections reported so late that they had been metered here already: they
  /// are counted twice.
  kLateClaim,
  /// Connections that nobody reported and that were reset: of the bytes
  /// received one may be a FIN, or the FIN a byte.
  kFinUnsure,
};
inline constexpr std::size_t kAuditGaps = 9;
using AuditGaps = std::array<std::uint64_t, kAuditGaps>;

constexpr const char* Name(AuditGap gap) {
  constexpr const char* kNames[kAuditGaps] = {
      "overrun",     "undecided", "open_at_start", "end_unheard", "unwitnessed",
      "overwritten", "no_room",   "late_claim",    "fin_unsure"};
  return kNames[static_cast<std::size_t>(gap)];
}

/// All of this life of the collector.
struct AuditHealth {
  bool running = false;  ///< the kernel is heard, and answers
  AuditGaps gaps{};
  std::uint64_t ends = 0;   ///< sockets that the kernel told the end of
  std::uint64_t dumps = 0;  ///< that came to their end
  std::uint64_t failed_dumps = 0;
  std::uint64_t connections = 0;  ///< followed now
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_AUDIT_HEALTH_H_
