// The process at the other end of a Unix socket.
#ifndef PROXYMETER_COLLECTOR_INGEST_PEER_PROCESS_H_
#define PROXYMETER_COLLECTOR_INGEST_PEER_PROCESS_H_

#include <compare>
#include <cstdint>

#include "collector/accounts/owner.h"
#include "collector/accounts/session_id.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

/// Tells processes apart. A process connects anew for every flush, so that the
/// same one must be known again.
struct ProcessKey {
  enum class Source : std::uint8_t {
    kPidfdInode,  ///< unique since boot (pidfs, Linux 6.9)
    kPid,         ///< in the collector's PID namespace; can be reused
    kClaimed,     ///< what the frame says, within its session
  };
  Source source = Source::kClaimed;
  std::uint64_t value = 0;
  SessionId session{};  ///< set for kClaimed only

  friend auto operator<=>(const ProcessKey&, const ProcessKey&) = default;
};

struct PeerProcess {
  ScopedFd pidfd;     ///< readable once the process is dead; may be missing
  bool dead = false;  ///< dead before it could be looked at
  /// Complete unless the source is kClaimed: then a frame has to fill it.
  ProcessKey key;
  /// Its effective uid when it connected; nothing if the kernel did not say.
  Owner owner{};
};

/// Asks for the peer's pidfd with SO_PEERPIDFD, which works across PID
/// namespaces; where the kernel (before 6.5) has none, opens one by the
/// number of SO_PEERCRED, which it shows only within the namespace.
PeerProcess IdentifyPeer(int socket_fd);

/// Whether a pidfd's process has ended.
bool IsDead(int pidfd);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_INGEST_PEER_PROCESS_H_
