#include "shim/protocol/arena.h"

#include <cstring>

namespace proxymeter::protocol {
namespace {

constexpr std::uint32_t kAlignment = 16;
constexpr std::uint32_t kHeader = 8;
constexpr std::uint32_t kUsed = 1;
constexpr std::uint32_t kLarge = 4096;
constexpr std::size_t kMaxSize = std::size_t{1} << 31;

}  // namespace

struct Arena::Block {
  Offset before;  // size of the block before this one, 0 for the first
  Offset sized;   // own size with header; plus kUsed
  Offset next;    // of free blocks; content of used ones
  Offset previous;

  Offset size() const { return sized & ~kUsed; }
  bool used() const { return (sized & kUsed) != 0; }
  void* content() { return &next; }
};

inline Arena::Block* Arena::At(Offset offset) const {
  return reinterpret_cast<Block*>(memory_ + offset);
}

inline Arena::Offset Arena::OffsetOf(const Block* block) const {
  return static_cast<Offset>(reinterpret_cast<const unsigned char*>(block) -
                             memory_);
}

inline Arena::Block* Arena::Behind(Block* block) const {
  const Offset offset = OffsetOf(block) + block->size();
  return offset < end_ ? At(offset) : nullptr;
}

inline void Arena::SetSize(Block* block, Offset size) {
  block->sized = size;
  if (Block* behind = Behind(block)) behind->before = size;
}

void Arena::Begin(void* memory, std::size_t size) {
  memory_ = static_cast<unsigned char*>(memory);
  first_free_ = last_free_ = 0;
  if (size > kMaxSize) size = kMaxSize;
  // The first header stands where content behind it is aligned.
  const auto usable = static_cast<Offset>(size < kHeader ? 0 : size - kHeader) /
                      kAlignment * kAlignment;
  end_ = kHeader + usable;
  if (usable == 0) return;
  Block* whole = At(kHeader);
  whole->before = 0;
  SetSize(whole, usable);
  Link(whole);
}

void Arena::Link(Block* block) {
  const Offset offset = OffsetOf(block);
  const bool front = block->size() < kLarge;
  block->previous = front ? 0 : last_free_;
  block->next = front ? first_free_ : 0;
  (block->previous != 0 ? At(block->previous)->next : first_free_) = offset;
  (block->next != 0 ? At(block->next)->previous : last_free_) = offset;
}

void Arena::Unlink(Block* block) {
  (block->previous != 0 ? At(block->previous)->next : first_free_) =
      block->next;
  (block->next != 0 ? At(block->next)->previous : last_free_) = block->previous;
}

void* Arena::Allocate(std::size_t size) {
  if (size > kMaxSize - kHeader - kAlignment) return nullptr;
  const auto needed = static_cast<Offset>((size + kHeader + kAlignment - 1) /
                                          kAlignment * kAlignment);
  for (Offset offset = first_free_; offset != 0;) {
    Block* block = At(offset);
    if (block->size() >= needed) {
      Take(block, needed);
      return block->content();
    }
    offset = block->next;
  }
  return nullptr;
}

void Arena::Take(Block* block, Offset size) {
  Unlink(block);
  const Offset rest = block->size() - size;
  if (rest != 0) {
    SetSize(block, size);
    Block* left = Behind(block);
    SetSize(left, rest);
    Link(left);
  }
  block->sized |= kUsed;
}

void Arena::Free(void* object) {
  if (object == nullptr) return;
  auto* block =
      reinterpret_cast<Block*>(static_cast<unsigned char*>(object) - kHeader);
  block->sized &= ~kUsed;
  Block* behind = Behind(block);
  if (behind != nullptr && !behind->used()) {
    Unlink(behind);
    SetSize(block, block->size() + behind->size());
  }
  if (block->before != 0) {
    Block* before = At(OffsetOf(block) - block->before);
    if (!before->used()) {
      Unlink(before);
      SetSize(before, before->size() + block->size());
      block = before;
    }
  }
  Link(block);
}

void* Arena::Resize(void* object, std::size_t size) {
  void* fresh = Allocate(size);
  if (fresh == nullptr || object == nullptr) return fresh;
  const auto* block =
      reinterpret_cast<Block*>(static_cast<unsigned char*>(object) - kHeader);
  const std::size_t held = block->size() - kHeader;
  std::memcpy(fresh, object, held < size ? held : size);
  Free(object);
  return fresh;
}

}  // namespace proxymeter::protocol
