#include "shim/protocol/host_name.h"

#include <algorithm>
#include <cstring>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::size_t kMaxIpv6Text = 45;

bool IsNameByte(std::uint8_t c) {
  return IsDigit(c) || IsAlpha(c) || c == '-' || c == '_';
}

bool IsMappedIpv4(Bytes raw) {
  return std::all_of(raw.begin(), raw.begin() + 10,
                     [](std::uint8_t byte) { return byte == 0; }) &&
         raw[10] == 0xff && raw[11] == 0xff;
}

bool IsPortSuffix(std::string_view text) {
  if (text.empty()) return true;
  return text[0] == ':' && std::all_of(text.begin() + 1, text.end(), IsDigit);
}

}  // namespace

void HostName::Clear() {
  length_ = 0;
  building_ = false;
  overflow_ = false;
}

bool HostName::AssignAuthority(std::string_view authority) {
  Clear();
  for (char c : authority) AppendAuthority(static_cast<std::uint8_t>(c));
  return FinishAuthority();
}

bool HostName::AssignHost(std::string_view host) {
  Clear();
  for (char c : host) AppendHost(static_cast<std::uint8_t>(c));
  return FinishHost();
}

void HostName::AssignAddress(Bytes raw) {
  Clear();
  if (raw.size() == 4) {
    PutIpv4(raw);
  } else if (raw.size() == 16 && IsMappedIpv4(raw)) {
    PutIpv4(raw.last(4));
  } else if (raw.size() == 16) {
    PutIpv6(raw);
  } else {
    Reject();
  }
}

void HostName::AppendAuthority(std::uint8_t byte) {
  if (byte != '@') {
    AppendHost(byte);
    return;
  }
  // What came so far was a user name, perhaps with a password: not ours to
  // keep.
  Wipe();
  building_ = true;
}

void HostName::AppendHost(std::uint8_t byte) {
  building_ = true;
  if (length_ == kCapacity) {
    overflow_ = true;
    return;
  }
  text_[length_++] = static_cast<char>(byte);
}

bool HostName::FinishAuthority() {
  const std::string_view text(text_.data(), length_);
  std::size_t host_end = text.size();
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return Reject();
    host_end = bracket + 1;
  } else {
    host_end = std::min(host_end, text.find(':'));
  }
  if (!IsPortSuffix({text.data() + host_end, text.size() - host_end})) {
    return Reject();
  }
  return Finish(host_end);
}

bool HostName::FinishHost() { return Finish(length_); }

bool HostName::Finish(std::size_t host_end) {
  if (!building_) return false;
  if (overflow_ || host_end == 0) return Reject();
  if (text_[0] == '[') {
    if (text_[host_end - 1] != ']') return Reject();
    return NormalizeIpv6(1, host_end - 1);
  }
  const std::string_view host(text_.data(), host_end);
  if (host.find(':') != std::string_view::npos) {
    return NormalizeIpv6(0, host_end);
  }
  return NormalizeName(host_end);
}

bool HostName::NormalizeName(std::size_t size) {
  if (text_[size - 1] == '.') --size;
  if (size == 0 || size > kMaxHostLength) return Reject();
  bool at_label = true;
  bool dotted = false;
  for (std::size_t i = 0; i < size; ++i) {
    const auto c = static_cast<std::uint8_t>(text_[i]);
    if (c == '.') {
      if (at_label) return Reject();
      dotted = true;
    } else if (!IsNameByte(c)) {
      return Reject();
    }
    at_label = c == '.';
    text_[i] = static_cast<char>(ToLower(c));
  }
  if (at_label || (text_[0] == '_' && !dotted)) return Reject();
  return Accept(size);
}

bool HostName::NormalizeIpv6(std::size_t begin, std::size_t end) {
  std::size_t size = 0;
  int colons = 0;
  for (std::size_t i = begin; i < end && text_[i] != '%'; ++i) {
    const auto c = static_cast<std::uint8_t>(text_[i]);
    if (HexValue(c) < 0 && c != ':' && c != '.') return Reject();
    if (c == ':') ++colons;
    text_[size++] = static_cast<char>(ToLower(c));
  }
  // No spelling has fewer; the longest is six groups and a dotted quad.
  if (colons < 2 || size > kMaxIpv6Text) return Reject();
  return Accept(size);
}

bool HostName::Accept(std::size_t size) {
  length_ = static_cast<std::uint16_t>(size);
  building_ = false;
  return true;
}

bool HostName::Reject() {
  Wipe();
  Put(kInvalidDestination);
  return false;
}

void HostName::Wipe() {
  std::memset(text_.data(), 0, length_);
  Clear();
}

void HostName::Put(std::string_view text) {
  std::memcpy(text_.data() + length_, text.data(), text.size());
  length_ = static_cast<std::uint16_t>(length_ + text.size());
}

void HostName::PutNumber(unsigned value, unsigned base) {
  std::array<char, 8> digits;
  std::size_t at = digits.size();
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  Put({digits.data() + at, digits.size() - at});
}

void HostName::PutIpv4(Bytes raw) {
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) Put(".");
    PutNumber(raw[i], 10);
  }
}

void HostName::PutIpv6(Bytes raw) {
  std::array<unsigned, 8> groups;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = raw[2 * i] * 256u + raw[2 * i + 1];
  }
  // RFC 5952, 4.2: the longest run of two or more zeros, the first of equals.
  std::size_t gap_begin = groups.size();
  std::size_t gap_size = 1;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    std::size_t end = i;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - i > gap_size) {
      gap_begin = i;
      gap_size = end - i;
    }
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == gap_begin) {
      Put("::");
      i += gap_size - 1;
      continue;
    }
    if (i > 0 && i != gap_begin + gap_size) Put(":");
    PutNumber(groups[i], 16);
  }
}

}  // namespace proxymeter::protocol
