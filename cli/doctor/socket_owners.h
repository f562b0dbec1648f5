// Which processes hold which sockets.
#ifndef PROXYMETER_CLI_DOCTOR_SOCKET_OWNERS_H_
#define PROXYMETER_CLI_DOCTOR_SOCKET_OWNERS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace proxymeter::cli {

/// Of `inodes` those that a process of `proc` ("/proc") holds, as far as this
/// user may look; a forked process holds its parent's. Processes in rising
/// order.
std::map<std::uint32_t, std::vector<pid_t>> FindOwners(
    const std::set<std::uint32_t>& inodes, const std::string& proc);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_SOCKET_OWNERS_H_
