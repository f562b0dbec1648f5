// What all parsers take: a view of bytes that belong to the caller.
#ifndef PROXYMETER_SHIM_PROTOCOL_BYTES_H_
#define PROXYMETER_SHIM_PROTOCOL_BYTES_H_

#include <cstdint>
#include <span>

namespace proxymeter::protocol {

using Bytes = std::span<const std::uint8_t>;

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_BYTES_H_
