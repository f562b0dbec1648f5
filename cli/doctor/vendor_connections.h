// Which TCP connections of the network namespace go to vendors.
#ifndef PROXYMETER_CLI_DOCTOR_VENDOR_CONNECTIONS_H_
#define PROXYMETER_CLI_DOCTOR_VENDOR_CONNECTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/audit/host_addresses.h"
#include "collector/kernel/tcp_socket.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::cli {

struct VendorConnection {
  collector::TcpSocket socket;
  std::string vendor;
};

/// Connections and sockets that listen, as the kernel tells them.
absl::StatusOr<std::vector<collector::TcpSocket>> OpenSockets();

/// Those of `sockets` whose remote end a rule of the policy has, by address,
/// port and the `hosts` known for the address; not what others made to a socket
/// that listens here.
std::vector<VendorConnection> FindVendorConnections(
    const std::vector<collector::TcpSocket>& sockets, const PolicyView& policy,
    const collector::HostsByAddress& hosts);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_VENDOR_CONNECTIONS_H_
