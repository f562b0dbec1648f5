// UDP: counted in bytes, by the endpoint of each datagram.
#include "shim/datagrams.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "shim/pieces.h"
#include "shim/resolvers.h"
#include "shim/shim.h"
#include "shim/socket.h"
#include "shim/unseen_descriptors.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;

// A first packet of QUIC, behind the longest header of SOCKS 5.
constexpr std::size_t kFront = 2048;

// Not inlined: what is not looked at any more shall not pay for the stack.
[[gnu::noinline]] void SendInPieces(Stream* stream, const iovec* vector,
                                    std::size_t count, std::size_t size) {
  std::array<std::uint8_t, kFront> front;
  std::size_t have = 0;
  ForEachPiece(vector, count, std::min(size, kFront), [&](Bytes piece) {
    std::copy(piece.begin(), piece.end(), front.begin() + have);
    have += piece.size();
  });
  stream->SentDatagram({front.data(), have}, size);
}

bool Same(const Endpoint& a, const Endpoint& b) {
  return a.port == b.port && a.address == b.address;
}

// Has `fd` stand for what goes to and comes from `peer`, when that is
// somebody's proxy or outside; false when its datagrams are not metered.
bool Turn(int fd, const Endpoint& peer) {
  RefreshPolicy();
  const VendorName vendor = VendorOfDatagrams(peer);
  if (!vendor.metered() || SocketType(fd) != SOCK_DGRAM || !OpenMeter()) {
    return false;
  }
  shim.connections.Open(fd, vendor.view(), peer, Origin::kDatagrams,
                        /*since_ns=*/0);
  return true;
}

}  // namespace

void SendDatagram(Stream* stream, const iovec* vector, std::size_t count,
                  std::size_t size) {
  if (stream->looks_at_datagrams() && vector[0].iov_len < size) {
    SendInPieces(stream, vector, count, size);
  } else {
    stream->SentDatagram({static_cast<const std::uint8_t*>(vector[0].iov_base),
                          std::min(vector[0].iov_len, size)},
                         size);
  }
}

bool ReportSentTo(int fd, const sockaddr* address, socklen_t length,
                  const iovec* vector, std::size_t count, std::size_t size) {
  Endpoint peer;
  if (!ReadEndpoint(address, length, &peer)) return false;
  {
    const auto connection = shim.connections.Acquire(fd);
    if (connection) {
      if (!connection->is_datagrams()) return false;
      if (Same(connection->remote(), peer)) {
        SendDatagram(connection->socket_stream(), vector, count, size);
        shim.uplink.Tick();
        return true;
      }
    }
  }
  const bool carries_datagrams = IsMetered(fd);
  if (!Turn(fd, peer)) {
    if (peer.port == kDnsPort) ListenForDatagrams(fd);
    return carries_datagrams;
  }
  ReportSent(fd, vector, count, size);
  return true;
}

bool ReportReceivedFrom(int fd, const sockaddr* address, socklen_t length,
                        const iovec* vector, std::size_t count,
                        std::size_t size) {
  Endpoint peer;
  if (!ReadEndpoint(address, length, &peer)) return false;
  const bool answers = peer.port == kDnsPort;
  {
    const auto connection = shim.connections.Acquire(fd);
    if (!connection && shim.connections.HasDnsDatagrams(fd)) {
      if (answers) ReceivedFromResolver(vector, count, size);
      return true;
    }
    if (!connection || !connection->is_datagrams()) return false;
    if (answers) ReceivedFromResolver(vector, count, size);
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
