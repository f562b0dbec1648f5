#include "shim/shim.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/uio.h>

#include <type_traits>

#include "shim/datagrams.h"
#include "shim/kernel.h"
#include "shim/libc.h"
#include "shim/pieces.h"
#include "shim/resolvers.h"
#include "shim/socket.h"
#include "shim/unseen_descriptors.h"

namespace proxymeter::shim {

constinit Shim shim;
static_assert(std::is_trivially_destructible_v<Shim>);

namespace {

using protocol::Bytes;

Bytes View(const void* buffer, std::size_t size) {
  return {static_cast<const std::uint8_t*>(buffer), size};
}

// How a connection that never moved a byte got on, asked while its descriptor
// is still open.
void SettleConnecting(int fd, int state, Connection* connection) {
  if (state == TCP_SYN_SENT) return;  // abandoned
  if (state != TCP_CLOSE) {
    connection->Established();
    return;
  }
  // Closed, and the reason already read by somebody else: failed all the same.
  connection->ConnectFailed(SocketError(fd));
}

}  // namespace

void Initialise() {
  shim.process.Initialise();
  shim.environment.Read();
  ResolveLibc();
}

void RefreshPolicy() {
  shim.attribution.policy().Refresh(shim.environment.directory(),
                                    shim.process.generation());
}

VendorName VendorOfDatagrams(const Endpoint& peer) {
  const JournalRow* relay = shim.connections.relays().Find(peer);
  return relay != nullptr ? VendorName(relay->vendor())
                          : shim.attribution.Classify(peer);
}

bool OpenMeter() {
  if (shim.process.IsBorrowed() ||
      !shim.meter.Open(shim.environment.directory())) {
    return false;
  }
  for (std::uint32_t refused = shim.attribution.policy().TakeRejections();
       refused != 0; --refused) {
    shim.meter.Count(kPolicyRejected);
  }
  return true;
}

void ReportSent(int fd, const void* buffer, std::size_t size) {
  const auto connection = AcquireOrAdopt(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  shim.uplink.Tick(connection->socket_stream()->Sent(View(buffer, size)));
}

void ReportReceived(int fd, const void* buffer, std::size_t size) {
  const auto connection = AcquireOrAdopt(fd);
  if (!connection) {
    const iovec whole = {const_cast<void*>(buffer), size};
    ReceivedByOther(fd, &whole, 1, size);
    return;
  }
  if (connection->connecting()) connection->Established();
  shim.uplink.Tick(connection->socket_stream()->Received(View(buffer, size)));
}

void ReportSent(int fd, const iovec* vector, std::size_t count,
                std::size_t size) {
  const auto connection = AcquireOrAdopt(fd);
  if (!connection) return;
  if (connection->is_datagrams()) {
    SendDatagram(connection->socket_stream(), vector, count, size);
  } else {
    if (connection->connecting()) connection->Established();
    ForEachPiece(vector, count, size, [&](Bytes piece) {
      connection->socket_stream()->Sent(piece);
    });
  }
  shim.uplink.Tick();
}

void ReportReceived(int fd, const iovec* vector, std::size_t count,
                    std::size_t size) {
  const auto connection = AcquireOrAdopt(fd);
  if (!connection) {
    ReceivedByOther(fd, vector, count, size);
    return;
  }
  if (connection->connecting()) connection->Established();
  if (connection->is_datagrams() && connection->is_of_resolver()) {
    ReceivedFromResolver(vector, count, size);
    connection->socket_stream()->ReceivedUnseen(size);
  } else {
    ForEachPiece(vector, count, size, [&](Bytes piece) {
      connection->socket_stream()->Received(piece);
    });
  }
  shim.uplink.Tick();
}

void ReportReceivedUnseen(int fd, std::size_t size) {
  const auto connection = AcquireOrAdopt(fd);
  if (!connection) {
    ReceivedByOtherUnseen(fd);
    return;
  }
  connection->socket_stream()->ReceivedUnseen(size);
  shim.uplink.Tick();
}

void ReportSentUnseen(int fd, std::size_t size) {
  const auto connection = AcquireOrAdopt(fd);
  if (!connection) return;
  if (connection->connecting()) connection->Established();
  connection->socket_stream()->SentUnseen(size);
  shim.uplink.Tick();
}

void ReportConnect(int fd, const sockaddr* address, socklen_t length, int error,
                   std::uint64_t since_ns) {
  if (RefusedUnread(error)) return;
  Endpoint endpoint;
  if (!ReadEndpoint(address, length, &endpoint)) {
    // AF_UNSPEC dissolves a connection; others are not ours.
    if (error == 0) ReportCreated(fd);
    return;
  }
  const bool begun = error == 0 || error == EINPROGRESS || error == EINTR;
  if (const auto connection = shim.connections.Acquire(fd)) {
    if (connection->connecting()) {
      // Asked again about a connection under way.
      if (error == 0 || error == EISCONN) {
        connection->Established();
      } else if (!begun && error != EALREADY) {
        connection->ConnectFailed(error);
      }
      shim.uplink.Tick();
      return;
    }
    if (!begun) return;
  }
  // Asked again about one under way.
  if (!begun && shim.connections.HasDnsStream(fd)) return;
  // A socket whose first attempt failed may try another proxy.
  ReportCreated(fd);
  RefreshPolicy();
  Expected expected;
  const VendorName vendor = shim.attribution.Classify(endpoint, &expected);
  const bool metered = vendor.metered() || expected.vendor;
  const bool relay = shim.connections.relays().Find(endpoint) != nullptr;
  if (!metered && !relay) {
    if (endpoint.port == kDnsPort && begun) ListenToResolver(fd);
    return;
  }
  const int type = SocketType(fd);
  if (type == SOCK_DGRAM) {
    // Only a peer is set, often just to learn which address would be ours:
    // the first datagram tells whether there is something to count.
    if (error == 0 && !shim.process.IsBorrowed() &&
        (vendor.metered() || relay)) {
      shim.connections.Doubt(fd);
    }
    return;
  }
  if (type != SOCK_STREAM || !metered || !OpenMeter()) return;
  if (begun) {
    shim.connections.Open(
        fd, vendor.view(), endpoint,
        error == 0 ? Origin::kEstablished : Origin::kConnecting, since_ns,
        IdentityOf(fd), expected);
    if (shim.attribution.policy().asks_for_callers()) {
      shim.call_sites.Count(vendor.view());
    }
  } else if (error != EISCONN && error != EALREADY) {
    shim.connections.CountFailure(vendor.view(), error);
  }
  shim.uplink.Tick();
}

void ReportSocketError(int fd, int error) {
  const auto connection = shim.connections.Acquire(fd);
  if (!connection) return;
  if (error == 0) {
    connection->Answered();
  } else {
    connection->ConnectFailed(error);
  }
}

void ReportKernelTls(int fd) {
  const auto connection = shim.connections.Acquire(fd);
  if (connection) connection->socket_stream()->LeaveTlsToKernel();
}

void ReportCreated(int fd) {
  if (!IsPlain(fd) && !shim.process.IsBorrowed()) shim.connections.Forget(fd);
}

void ReportArrived(int fd) {
  if (!shim.process.IsBorrowed()) shim.connections.Doubt(fd);
}

void ReportPassed(int fd) {
  if (const auto connection = shim.connections.Acquire(fd)) {
    connection->NoteShared();
  }
}

void ReportMayBeInherited(int fd) {
  if (const auto connection = shim.connections.Acquire(fd)) {
    connection->NoteMayBeShared();
  }
}

void ReportDuplicated(int fd, int copy) {
  if ((!IsPlain(fd) || !IsPlain(copy)) && !shim.process.IsBorrowed()) {
    shim.connections.Share(fd, copy);
  }
}

void ReportRangeClosed(unsigned int first, unsigned int last) {
  // Children of vfork close all they do not need, in their parent's memory.
  if (!shim.meter.open() || shim.process.IsBorrowed()) return;
  shim.connections.ForEach(first, last, [](int fd) {
    if (Connection* closing = BeginClose(fd)) {
      shim.connections.Release(closing);
    }
  });
}

Connection* BeginClose(int fd) {
  if (!IsMetered(fd)) {
    CloseOther(fd);
    return nullptr;
  }
  if (shim.process.IsBorrowed()) return nullptr;
  Connection* closing = shim.connections.Take(fd);
  // Asking takes the error away from whoever asks next, so it is done only when
  // nobody can: no other descriptor, no other process.
  TcpFigures tcp;
  if (closing != nullptr && !closing->is_datagrams() &&
      closing->IsSoleOwner() &&
      (!closing->MayBeInherited() || ClosesOnExec(fd)) &&
      ReadTcpFigures(fd, &tcp)) {
    if (closing->connecting()) SettleConnecting(fd, tcp.state, closing);
    if (!closing->connecting()) {
      const bool all_read = closing->Reconcile(tcp.figures);
      // Who leaves unread what has arrived has given up by himself.
      if (all_read && (tcp.state == TCP_CLOSE_WAIT || tcp.state == TCP_CLOSE)) {
        closing->EndedByPeer();
      }
    }
  }
  return closing;
}

void FinishClose(int fd, Connection* closing, bool closed) {
  if (closing == nullptr) return;
  if (!closed) {
    shim.connections.PutBack(fd, closing);
    return;
  }
  shim.connections.Release(closing);
  // Private memory dies with the process, and this may be its last call here.
  if (shim.meter.journal().is_file()) {
    shim.uplink.Tick();
  } else {
    shim.uplink.Flush();
  }
}

}  // namespace proxymeter::shim
