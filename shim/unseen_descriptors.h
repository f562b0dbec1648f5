// Descriptors that nobody here saw being made: inherited from the program that
// started this one, or received over a Unix socket.
#ifndef PROXYMETER_SHIM_UNSEEN_DESCRIPTORS_H_
#define PROXYMETER_SHIM_UNSEEN_DESCRIPTORS_H_

#include "shim/connection/connections.h"
#include "shim/shim.h"

namespace proxymeter::shim {

/// Asks the kernel what `fd`, which is unknown, is, and adopts a connection.
/// Before our constructor it stays unknown.
void FindOut(int fd);

/// The connection of `fd`, if it has one, be it one that is unknown yet. For
/// calls that moved bytes.
[[gnu::always_inline]] inline Connections::Use AcquireOrAdopt(int fd) {
  Connection* connection = shim.connections.Retain(fd);
  if (connection == nullptr && shim.connections.IsUnknown(fd)) [[unlikely]] {
    FindOut(fd);
    connection = shim.connections.Retain(fd);
  }
  return Connections::Use(&shim.connections, connection);
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_UNSEEN_DESCRIPTORS_H_
