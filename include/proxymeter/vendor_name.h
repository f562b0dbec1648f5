// What may name a vendor.
#ifndef PROXYMETER_VENDOR_NAME_H_
#define PROXYMETER_VENDOR_NAME_H_

#include <string_view>

#include "proxymeter/limits.h"

namespace proxymeter {

/// 1 to kMaxVendorLength of a-z, 0-9, '-', '_' and '.', the first a letter or
/// digit; any name of that form but `direct`, which stands for no vendor.
constexpr bool IsVendorName(std::string_view name) {
  if (name.empty() || name.size() > kMaxVendorLength || name == kDirectVendor) {
    return false;
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool punctuation = c == '-' || c == '_' || c == '.';
    if (!alphanumeric && (i == 0 || !punctuation)) return false;
  }
  return true;
}

}  // namespace proxymeter

#endif  // PROXYMETER_VENDOR_NAME_H_
