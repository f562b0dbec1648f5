#include "shim/protocol/dns_messages.h"

#include <algorithm>

namespace proxymeter::protocol {

void DnsMessages::Begin() {
  length_ = 0;
  have_ = 0;
  prefix_ = 0;
}

void DnsMessages::Reset() {
  Begin();
  lost_ = false;
}

Bytes DnsMessages::Consume(Bytes* data) {
  constexpr std::uint8_t kPrefix = 2;
  while (!data->empty() && !lost_) {
    if (prefix_ < kPrefix) {
      length_ = length_ << 8 | data->front();
      *data = data->subspan(1);
      if (++prefix_ == kPrefix && length_ == 0) Begin();
      continue;
    }
    const Bytes piece = data->first(std::min(length_ - have_, data->size()));
    *data = data->subspan(piece.size());
    if (piece.size() == length_) {
      Begin();
      return piece;
    }
    const bool fits = length_ <= kCapacity;
    if (fits) std::copy(piece.begin(), piece.end(), buffer_ + have_);
    have_ += piece.size();
    if (have_ < length_) continue;
    const std::size_t size = length_;
    Begin();
    if (fits) return {buffer_, size};
  }
  *data = {};
  return {};
}

}  // namespace proxymeter::protocol
