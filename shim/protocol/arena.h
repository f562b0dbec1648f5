// A heap in a block of memory that somebody else owns.
#ifndef PROXYMETER_SHIM_PROTOCOL_ARENA_H_
#define PROXYMETER_SHIM_PROTOCOL_ARENA_H_

#include <cstddef>
#include <cstdint>

namespace proxymeter::protocol {

/// For a library that insists on allocating, where the program's own heap is
/// not ours to use. One thread at a time.
///
/// Memory that was never handed out is never touched; what comes back is used
/// first. So a large block of fresh mmap'ed memory costs what is in use.
class Arena {
 public:
  /// `memory` is aligned to 16 bytes and outlives all that is allocated.
  /// `size` is at most 2 GiB; the arena is empty if it is too small for use.
  void Begin(void* memory, std::size_t size);

  /// Aligned to 16 bytes; null when there is no room.
  void* Allocate(std::size_t size);
  /// Takes null too.
  void Free(void* object);
  /// As realloc; on null the old object stays as it is.
  void* Resize(void* object, std::size_t size);

 private:
  // Offsets from the start of the memory; 0 is none. Blocks stand without gaps,
  // each of them headed by its size and that of the one before it. The free
  // ones are a list: small ones first, so that large ones stay whole.
  using Offset = std::uint32_t;

  struct Block;

  Block* At(Offset offset) const;
  Offset OffsetOf(const Block* block) const;
  Block* Behind(Block* block) const;
  void SetSize(Block* block, Offset size);
  void Take(Block* block, Offset size);
  void Link(Block* block);
  void Unlink(Block* block);

  unsigned char* memory_ = nullptr;
  Offset end_ = 0;
  Offset first_free_ = 0;
  Offset last_free_ = 0;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_ARENA_H_
