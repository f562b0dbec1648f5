// What is spoken, by its first bytes: for protocols that are named and counted
// in bytes, not read.
#ifndef PROXYMETER_SHIM_PROTOCOL_FIRST_BYTES_H_
#define PROXYMETER_SHIM_PROTOCOL_FIRST_BYTES_H_

#include "proxymeter/journal.h"
#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Protocol of what a client sends first, as far as `data`, the first piece,
/// shows; kUnknown when it does not. A name is given only for what nothing else
/// is likely to begin with.
Protocol ProtocolOfClient(Bytes data);

/// The same for a server that speaks before its client.
Protocol ProtocolOfServer(Bytes data);

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_FIRST_BYTES_H_
