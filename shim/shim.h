// The shim as a whole: its parts, and what hooks report to it.
#ifndef PROXYMETER_SHIM_SHIM_H_
#define PROXYMETER_SHIM_SHIM_H_

#include <errno.h>
#include <sys/socket.h>

#include <cstddef>

#include "shim/attribution/attribution.h"
#include "shim/callers/call_sites.h"
#include "shim/connection/connections.h"
#include "shim/connection/stream_sockets.h"
#include "shim/environment.h"
#include "shim/meter/meter.h"
#include "shim/process.h"
#include "shim/uplink/uplink.h"

namespace proxymeter::shim {

/// One per process. Constant-initialised and trivially destructible: hooks run
/// before our constructor and after exit() has run destructors.
struct Shim {
  Environment environment;
  Process process;
  Meter meter;
  Connections connections{&meter, &process, &attribution};
  StreamSockets stream_sockets;
  Attribution attribution{&environment};
  CallSites call_sites{&meter, &process};
  Uplink uplink{&environment, &meter, &process};
};

extern constinit Shim shim;

/// Reads the environment and finds the real libc. The library's constructor;
/// tests call it, or put a libc of their own in place.
void Initialise();

/// True when `fd` is a connection that is metered.
inline bool IsMetered(int fd) { return shim.connections.Tracks(fd); }
/// True when `fd` is known to be none; what is neither is not known yet.
inline bool IsPlain(int fd) { return shim.connections.IsPlain(fd); }

/// Follows the collector's policy, at most once a second.
void RefreshPolicy();
/// Opens the journal if it is not open yet, and counts a policy refused. False
/// when there is nothing to count in, or what looks ours is our parent's.
bool OpenMeter();
/// Whose datagrams to and from `peer` are: a SOCKS proxy's that takes them
/// there, else as Attribution::Classify.
VendorName VendorOfDatagrams(const Endpoint& peer);

// Each of the following looks the descriptor up itself, leaves errno alone, and
// costs a few loads when it is plain.

/// `size` bytes from `buffer` went out, or came in.
void ReportSent(int fd, const void* buffer, std::size_t size);
void ReportReceived(int fd, const void* buffer, std::size_t size);
/// The same for `size` bytes spread over a vector.
void ReportSent(int fd, const iovec* vector, std::size_t count,
                std::size_t size);
void ReportReceived(int fd, const iovec* vector, std::size_t count,
                    std::size_t size);
/// `size` bytes came in, or went out, that no buffer shows: MSG_TRUNC, splice,
/// sendfile.
void ReportReceivedUnseen(int fd, std::size_t size);
void ReportSentUnseen(int fd, std::size_t size);
/// A datagram of `size` bytes, spread over a vector, went to, or came from,
/// this address (datagrams.cc). False when `fd` carries none that could be
/// metered: it may be a stream, on which addresses mean nothing.
bool ReportSentTo(int fd, const sockaddr* address, socklen_t length,
                  const iovec* vector, std::size_t count, std::size_t size);
bool ReportReceivedFrom(int fd, const sockaddr* address, socklen_t length,
                        const iovec* vector, std::size_t count,
                        std::size_t size);

/// True for what the kernel says before it has read the arguments in memory:
/// there may be nothing to read.
inline bool RefusedUnread(int error) {
  return error == EBADF || error == ENOTSOCK || error == EFAULT ||
         error == EINVAL;
}

/// connect returned; `error` is 0 or its errno, `since_ns` when it was called.
void ReportConnect(int fd, const sockaddr* address, socklen_t length, int error,
                   std::uint64_t since_ns);
/// SO_ERROR told `error`.
void ReportSocketError(int fd, int error);
/// The kernel does the TLS of `fd` from here on.
void ReportKernelTls(int fd);
/// `fd` is new: whatever was known of that number is over.
void ReportCreated(int fd);
/// `fd` arrived in a message: it may be anything.
void ReportArrived(int fd);
/// `fd` was sent in a message: another process has it too.
void ReportPassed(int fd);
/// `fd` does not close on exec.
void ReportMayBeInherited(int fd);
/// `copy` is a new descriptor of what `fd` is.
void ReportDuplicated(int fd, int copy);

/// Descriptors `first` to `last` are about to be closed.
void ReportRangeClosed(unsigned int first, unsigned int last);

/// close, and dup2 over an open descriptor: the state has to go before the
/// real call, since the number may be reused at once, and has to come back if
/// that call fails. Between Begin and Finish nothing is held but a pointer.
Connection* BeginClose(int fd);
void FinishClose(int fd, Connection* closing, bool closed);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_SHIM_H_
