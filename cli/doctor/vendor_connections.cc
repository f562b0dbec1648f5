#include "cli/doctor/vendor_connections.h"

#include <cstdint>
#include <map>
#include <string_view>

#include "collector/kernel/socket_dump.h"

namespace proxymeter::cli {
namespace {

using collector::TcpSocket;
using collector::TcpState;

// Who listens where. An address of zeros, of either family, is every one.
class Listeners {
 public:
  void Add(const Endpoint& local) { by_port_[local.port].push_back(local); }

  bool Accepted(const Endpoint& local) const {
    const auto found = by_port_.find(local.port);
    if (found == by_port_.end()) return false;
    for (const Endpoint& listener : found->second) {
      if (listener.address == Address{} ||
          listener.address == MappedIpv4(0, 0, 0, 0) ||
          listener.address == local.address) {
        return true;
      }
    }
    return false;
  }

 private:
  std::map<std::uint16_t, std::vector<Endpoint>> by_port_;
};

}  // namespace

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
  Listeners listeners;
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
