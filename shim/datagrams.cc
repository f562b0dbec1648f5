// UDP: counted in bytes, by the endpoint of each datagram.
#include <sys/socket.h>

#include "shim/shim.h"
#include "shim/socket.h"
#include "shim/unseen_descriptors.h"

namespace proxymeter::shim {
namespace {

bool Same(const Endpoint& a, const Endpoint& b) {
  return a.port == b.port && a.address == b.address;
}

// Has `fd` stand for what goes to and comes from `peer`, when that is
// somebody's proxy or outside; false when its datagrams are not metered.
bool Turn(int fd, const Endpoint& peer) {
  const PolicyMap::Change change = RefreshPolicy();
  const VendorName vendor = VendorOfDatagrams(peer);
  if (!vendor.metered() || SocketType(fd) != SOCK_DGRAM || !OpenMeter(change)) {
    return false;
  }
  shim.connections.Open(fd, vendor.view(), peer, Origin::kDatagrams,
                        /*since_ns=*/0);
  return true;
}

}  // namespace

bool ReportSentTo(int fd, const sockaddr* address, socklen_t length,
                  const void* buffer, std::size_t size) {
  Endpoint peer;
  if (!ReadEndpoint(address, length, &peer)) return false;
  {
    const auto connection = shim.connections.Acquire(fd);
    if (connection) {
      if (!connection->is_datagrams()) return false;
      if (Same(connection->remote(), peer)) {
        if (buffer != nullptr) {
          connection->socket_stream()->Sent(
              {static_cast<const std::uint8_t*>(buffer), size});
        } else {
          connection->socket_stream()->SentUnseen(size);
        }
        shim.uplink.Tick();
        return true;
      }
    }
  }
  const bool carries_datagrams = IsMetered(fd);
  if (!Turn(fd, peer)) return carries_datagrams;
  if (buffer != nullptr) {
    ReportSent(fd, buffer, size);
  } else {
    ReportSentUnseen(fd, size);
  }
  return true;
}

bool ReportReceivedFrom(int fd, const sockaddr* address, socklen_t length,
                        std::size_t size) {
  Endpoint peer;
  if (!ReadEndpoint(address, length, &peer)) return false;
  {
    const auto connection = shim.connections.Acquire(fd);
    if (!connection || !connection->is_datagrams()) return false;
    if (Same(connection->remote(), peer)) {
      connection->socket_stream()->ReceivedUnseen(size);
      shim.uplink.Tick();
      return true;
    }
  }
  // Others may answer on the same socket: a resolver, another vendor.
  if (Turn(fd, peer)) ReportReceivedUnseen(fd, size);
  return true;
}

}  // namespace proxymeter::shim
