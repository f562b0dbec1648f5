// Descriptors that nobody here saw being made: inherited from the program that
// started this one, or received over a Unix socket.
#ifndef PROXYMETER_SHIM_UNSEEN_DESCRIPTORS_H_
#define PROXYMETER_SHIM_UNSEEN_DESCRIPTORS_H_

#include "shim/connection/connections.h"

namespace proxymeter::shim {

/// The connection of `fd`, if it has one; asks the kernel about a descriptor
/// that is unknown, once. For calls that moved bytes.
Connections::Use AcquireOrAdopt(int fd);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_UNSEEN_DESCRIPTORS_H_
