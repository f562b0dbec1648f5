// Header compression of HTTP/2 (RFC 7541), by libnghttp2.
#ifndef PROXYMETER_SHIM_PROTOCOL_HPACK_H_
#define PROXYMETER_SHIM_PROTOCOL_HPACK_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "shim/protocol/arena.h"
#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Decodes the header blocks of one direction of one connection, in pieces of
/// any size. Must stay where it is, since the library points into it.
class HpackDecoder {
 public:
  /// Largest dynamic table that a peer may use, in bytes as RFC 7541, 4.1
  /// counts them. Who uses a larger one than it has been allowed is its own
  /// peer's business: a table changes its size by what stands in the blocks,
  /// SETTINGS_HEADER_TABLE_SIZE only says how far it may.
  static constexpr std::size_t kMaxTable = 64 * 1024;

  enum class Status : std::uint8_t {
    kNeedMore,  ///< everything consumed
    kField,     ///< name() and value() hold a field
    kEnd,       ///< the block is complete
    kBroken,    ///< the compressed text cannot be
    kNoRoom,    ///< the memory is used up
  };

  struct Step {
    std::size_t consumed;
    Status status;
  };

  /// Uses `memory`, aligned to 16 bytes, for everything. Ends with it, too:
  /// nothing else is to be freed. False when it is too small.
  bool Begin(void* memory, std::size_t size);

  /// Call with the rest until kNeedMore or kEnd. `last` says that nothing of
  /// the block stands behind `fragment`. After kBroken and kNoRoom no more.
  Step Consume(Bytes fragment, bool last);

  /// Of the field, until the next call. Anything may stand in them.
  std::string_view name() const { return name_; }
  std::string_view value() const { return value_; }

 private:
  Arena arena_;
  nghttp2_mem allocator_;
  nghttp2_hd_inflater* inflater_;
  std::string_view name_;
  std::string_view value_;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HPACK_H_
