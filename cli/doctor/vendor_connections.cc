#include "cli/doctor/vendor_connections.h"

#include <string_view>

#include "collector/kernel/listeners.h"
#include "collector/kernel/socket_dump.h"

namespace proxymeter::cli {

using collector::TcpSocket;
using collector::TcpState;

absl::StatusOr<std::vector<TcpSocket>> OpenSockets() {
  auto dump = collector::SocketDump::Open();
  if (!dump.ok()) return dump.status();
  std::vector<TcpSocket> sockets;
  const absl::Status status =
      dump->Visit(collector::kConnectionStates | collector::kListening,
                  [&](const TcpSocket& socket) { sockets.push_back(socket); });
  if (!status.ok()) return status;
  return sockets;
}

std::vector<VendorConnection> FindVendorConnections(
    const std::vector<TcpSocket>& sockets, const PolicyView& policy,
    const collector::HostsByAddress& hosts) {
  collector::Listeners listeners;
  for (const TcpSocket& socket : sockets) {
    if (socket.state == TcpState::kListen) listeners.Add(socket.local);
  }
  std::vector<VendorConnection> found;
  for (const TcpSocket& socket : sockets) {
    if (socket.state == TcpState::kListen || listeners.Accepted(socket.local)) {
      continue;
    }
    std::vector<std::string_view> names;
    if (const auto of_address = hosts.find(socket.remote.address);
        of_address != hosts.end()) {
      names.assign(of_address->second.begin(), of_address->second.end());
    }
    const PolicyView::Match match = policy.Find(socket.remote, names);
    if (match.found) found.push_back({socket, std::string(match.vendor)});
  }
  return found;
}

}  // namespace proxymeter::cli
