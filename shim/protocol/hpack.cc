#include "shim/protocol/hpack.h"

#include <cstring>

namespace proxymeter::protocol {
namespace {

void* Allocate(std::size_t size, void* arena) {
  return static_cast<Arena*>(arena)->Allocate(size);
}

void Free(void* object, void* arena) {
  static_cast<Arena*>(arena)->Free(object);
}

void* AllocateZeroed(std::size_t count, std::size_t size, void* arena) {
  std::size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return nullptr;
  void* object = Allocate(total, arena);
  if (object != nullptr) std::memset(object, 0, total);
  return object;
}

void* Resize(void* object, std::size_t size, void* arena) {
  return static_cast<Arena*>(arena)->Resize(object, size);
}

std::string_view Text(const std::uint8_t* text, std::size_t size) {
  return {reinterpret_cast<const char*>(text), size};
}

}  // namespace

bool HpackDecoder::Begin(void* memory, std::size_t size) {
  arena_.Begin(memory, size);
  allocator_ = {.mem_user_data = &arena_,
                .malloc = Allocate,
                .free = Free,
                .calloc = AllocateZeroed,
                .realloc = Resize};
  return nghttp2_hd_inflate_new2(&inflater_, &allocator_) == 0 &&
         nghttp2_hd_inflate_change_table_size(inflater_, kMaxTable) == 0;
}

HpackDecoder::Step HpackDecoder::Consume(Bytes fragment, bool last) {
  int flags = NGHTTP2_HD_INFLATE_NONE;
  nghttp2_nv field;
  const ssize_t size =
      nghttp2_hd_inflate_hd2(inflater_, &field, &flags, fragment.data(),
                             fragment.size(), last ? 1 : 0);
  if (size < 0) {
    return {0, size == NGHTTP2_ERR_NOMEM ? Status::kNoRoom : Status::kBroken};
  }
  const auto consumed = static_cast<std::size_t>(size);
  if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
    name_ = Text(field.name, field.namelen);
    value_ = Text(field.value, field.valuelen);
    return {consumed, Status::kField};
  }
  if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
    nghttp2_hd_inflate_end_headers(inflater_);
    return {consumed, Status::kEnd};
  }
  return {consumed, Status::kNeedMore};
}

}  // namespace proxymeter::protocol
