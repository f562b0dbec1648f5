// Byte classes of the text protocols, independent of any locale.
#ifndef PROXYMETER_SHIM_PROTOCOL_ASCII_H_
#define PROXYMETER_SHIM_PROTOCOL_ASCII_H_

#include <array>
#include <cstdint>
#include <string_view>

namespace proxymeter::protocol {

constexpr bool IsDigit(std::uint8_t c) { return c >= '0' && c <= '9'; }

constexpr std::uint8_t ToLower(std::uint8_t c) {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | 0x20) : c;
}

constexpr bool IsAlpha(std::uint8_t c) {
  return ToLower(c) >= 'a' && ToLower(c) <= 'z';
}

/// Value of a hexadecimal digit, or -1.
constexpr int HexValue(std::uint8_t c) {
  if (IsDigit(c)) return c - '0';
  const std::uint8_t lower = ToLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// A bare CR counts as white space, as RFC 9112, 2.2 allows.
constexpr bool IsBlank(std::uint8_t c) {
  return c == ' ' || c == '\t' || c == '\r';
}

constexpr bool IsControl(std::uint8_t c) { return c < 0x20 || c == 0x7f; }

inline constexpr std::array<bool, 256> kTokenBytes = [] {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    const auto byte = static_cast<std::uint8_t>(c);
    table[byte] = IsDigit(byte) || IsAlpha(byte);
  }
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<std::uint8_t>(c)] = true;
  }
  return table;
}();

/// tchar of RFC 9110, 5.6.2.
constexpr bool IsTokenByte(std::uint8_t c) { return kTokenBytes[c]; }

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_ASCII_H_
