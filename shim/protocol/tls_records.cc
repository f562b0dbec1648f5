#include "shim/protocol/tls_records.h"

#include <algorithm>

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kMajorVersion = 3;
constexpr std::uint16_t kMaxLength = (1 << 14) + 2048;  // RFC 5246, 6.2.3

}  // namespace

bool TlsRecords::Next(Bytes* data) {
  TakeContent(data);
  while (!data->empty() && !lost_) {
    header_[header_size_++] = data->front();
    *data = data->subspan(1);
    if (header_size_ < header_.size()) continue;
    header_size_ = 0;
    lost_ = !IsHeader();
    if (lost_) break;
    left_ = length();
    return true;
  }
  *data = {};
  return false;
}

Bytes TlsRecords::TakeContent(Bytes* data) {
  const std::size_t size = std::min<std::size_t>(left_, data->size());
  const Bytes content = data->first(size);
  left_ = static_cast<std::uint16_t>(left_ - size);
  *data = data->subspan(size);
  return content;
}

bool TlsRecords::Skip(std::size_t size) {
  lost_ = lost_ || size > left_;
  left_ = lost_ ? 0 : static_cast<std::uint16_t>(left_ - size);
  return !lost_;
}

bool TlsRecords::IsHeader() const {
  return content() >= TlsContent::kChangeCipherSpec &&
         content() <= TlsContent::kHeartbeat && header_[1] == kMajorVersion &&
         length() <= kMaxLength;
}

}  // namespace proxymeter::protocol
