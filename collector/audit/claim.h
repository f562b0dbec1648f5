// What a crawler says of one of its connections.
#ifndef PROXYMETER_COLLECTOR_AUDIT_CLAIM_H_
#define PROXYMETER_COLLECTOR_AUDIT_CLAIM_H_

#include <cstdint>
#include <string>

#include "collector/accounts/session_id.h"

namespace proxymeter::collector {

/// How far a claim's figures have come.
enum class ClaimState : std::uint8_t {
  kOpen,    ///< it may move more
  kEnded,   ///< final
  kKilled,  ///< final, since its process ended without closing it
  /// It has ended, and was overwritten before anybody read what it came to.
  kOverwritten,
};

/// The part of a connection that one process (and its forks) metered: a slot of
/// its journal, copied.
struct Claim {
  SessionId session{};
  std::uint32_t slot = 0;
  std::uint64_t cookie = 0;    ///< SO_COOKIE; never 0
  std::string vendor{};        ///< empty: not decided
  std::uint64_t sent = 0;      ///< bytes of payload reported
  std::uint64_t received = 0;  //
  bool adopted = false;        ///< it may have moved bytes before
  ClaimState state = ClaimState::kOpen;
  /// It was final when the collector began: the kernel may have told another.
  bool from_before = false;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_CLAIM_H_
