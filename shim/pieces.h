// Bytes that are spread over a vector.
#ifndef PROXYMETER_SHIM_PIECES_H_
#define PROXYMETER_SHIM_PIECES_H_

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"

namespace proxymeter::shim {

/// Hands each piece of a vector to `report`, up to `size` bytes in all.
template <typename Report>
void ForEachPiece(const iovec* vector, std::size_t count, std::size_t size,
                  Report report) {
  for (std::size_t i = 0; i < count && size > 0; ++i) {
    const std::size_t piece =
        vector[i].iov_len < size ? vector[i].iov_len : size;
    if (piece != 0) {
      report(protocol::Bytes(
          static_cast<const std::uint8_t*>(vector[i].iov_base), piece));
    }
    size -= piece;
  }
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_PIECES_H_
