// A datagram, however it is cut.
#ifndef PROXYMETER_SHIM_DATAGRAMS_H_
#define PROXYMETER_SHIM_DATAGRAMS_H_

#include <sys/uio.h>

#include <cstddef>

#include "shim/connection/stream.h"

namespace proxymeter::shim {

/// Hands one of `size` bytes, spread over a vector, to the stream that stands
/// for where it goes. Its front is put together on the stack for as long as the
/// stream looks at what it carries: 2 KB.
void SendDatagram(Stream* stream, const iovec* vector, std::size_t count,
                  std::size_t size);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_DATAGRAMS_H_
