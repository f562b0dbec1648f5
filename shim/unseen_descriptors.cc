#include "shim/unseen_descriptors.h"

#include <sys/socket.h>

#include "shim/kernel.h"
#include "shim/shim.h"
#include "shim/socket.h"

namespace proxymeter::shim {

void FindOut(int fd) {
  if (!shim.process.initialised()) return;
  if (kernel::silent.load(std::memory_order_relaxed)) {
    shim.connections.SettlePlain(fd);
    return;
  }
  // The descriptors of a vfork child are not those that the table is about.
  if (shim.process.IsBorrowed()) return;
  Endpoint peer;
  const Peer kind = PeerOf(fd, &peer);
  // Closed meanwhile: what has the number next is unknown as well.
  if (kind == Peer::kBadDescriptor) return;
  const int type = kind == Peer::kInternet ? SocketType(fd) : -1;
  VendorName vendor;
  Expected expected;
  if (type == SOCK_DGRAM) {
    RefreshPolicy();
    vendor = VendorOfDatagrams(peer);
  } else if (type == SOCK_STREAM) {
    // Perhaps accepted, not connected: the peer is then a client, at an address
    // of the internet as likely as not. Only a rule says that it is a proxy.
    RefreshPolicy();
    vendor = shim.attribution.ClassifyByRule(peer, &expected);
    expected.vendor = false;
  }
  if (!vendor.metered() || !OpenMeter()) {
    if (type == SOCK_DGRAM && peer.port == kDnsPort) {
      shim.connections.SettleDnsDatagrams(fd);
    } else {
      shim.connections.SettlePlain(fd);
    }
    return;
  }
  const bool datagrams = type == SOCK_DGRAM;
  SocketIdentity socket;
  if (!datagrams) {
    socket = IdentityOf(fd);
    socket.adopted = true;
  }
  shim.connections.Adopt(fd, vendor.view(), peer,
                         datagrams ? Origin::kDatagrams : Origin::kAdopted,
                         socket, expected);
}

}  // namespace proxymeter::shim
