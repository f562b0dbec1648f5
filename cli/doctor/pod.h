// Which processes of the network namespace talk to vendors, and whether each is
// metered.
#ifndef PROXYMETER_CLI_DOCTOR_POD_H_
#define PROXYMETER_CLI_DOCTOR_POD_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/doctor/coverage.h"
#include "cli/doctor/vendor_connections.h"

namespace proxymeter::cli {

/// A process and its connections to vendors, which are open; or those of a user
/// whose processes may not be looked into.
struct Talker {
  std::optional<pid_t> pid;
  std::string name;                       ///< as the kernel has it (comm)
  std::optional<std::string> executable;  ///< where it may be known
  uid_t uid = 0;
  std::set<std::string> vendors;
  int connections = 0;
  /// Payload, by the kernel, since each began. Nothing before Linux 4.19.
  std::optional<std::uint64_t> sent;
  std::optional<std::uint64_t> received;
  ProcessCoverage coverage;
};

struct PodReport {
  std::string directory;
  /// First those that are not covered. A connection that several processes hold
  /// stands with each.
  std::vector<Talker> talkers;
  /// Connections that were closed and whose last bytes are under way: nobody's.
  int closed = 0;
  std::vector<std::string> unresolved_hosts;

  bool AllCovered() const;
};

/// `option` is --dir, empty for the default. Fails where there is no directory
/// or policy, and where the kernel does not tell its sockets.
absl::StatusOr<PodReport> ExaminePod(const std::string& option);

/// The talkers among the processes of `proc` ("/proc"), by their connections.
void AddTalkers(const std::vector<VendorConnection>& connections,
                const PolicyView& policy, const std::string& proc,
                PodReport* report);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_POD_H_
