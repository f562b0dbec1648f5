#include "collector/accounts/row.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "proxymeter/grpc_status.h"
#include "proxymeter/product_labels.h"
#include "proxymeter/proxy_error.h"
#include "proxymeter/tls_session.h"

namespace proxymeter::collector {
namespace {

// Quotes and backslashes would need escaping in every format that the labels
// travel through, and no host or vendor name has one. A table, since every byte
// of every row is looked at.
constexpr auto kIsLabelCharacter = [] {
  std::array<bool, 256> allowed{};
  for (int c = ' '; c <= '~'; ++c) {
    allowed[c] = c != '"' && c != '\'' && c != '\\';
  }
  return allowed;
}();

bool IsLabelText(std::string_view text, std::size_t max_length) {
  if (text.empty() || text.size() > max_length) return false;
  bool good = true;
  for (const char c : text) {
    good &= kIsLabelCharacter[static_cast<unsigned char>(c)];
  }
  return good;
}

bool IsTunnelProtocol(Protocol protocol) {
  return protocol == Protocol::kConnect || protocol == Protocol::kSocks4 ||
         protocol == Protocol::kSocks5;
}

bool HasCodeOfItsKind(const RowKey& key) {
  switch (key.kind) {
    case RowKind::kTunnel:
      return IsTunnelProtocol(key.protocol);
    case RowKind::kCaller:
      return key.code <= kLastUnwinder;
    case RowKind::kPhase:
      return key.code <= kLastPhase;
    case RowKind::kProxyError:
      return key.code <= kLastProxyError;
    case RowKind::kTlsSession:
      return IsTlsSessionCode(key.code);
    case RowKind::kGrpc:
      return key.code <= kOtherGrpcStatus;
    default:
      return key.code == 0;
  }
}

bool HasTextOfItsKind(const RowKey& key) {
  if (!key.labels.empty() &&
      (key.kind != RowKind::kTraffic || !ProductLabels().Parse(key.labels))) {
    return false;
  }
  const bool vendor = IsLabelText(key.vendor, kMaxVendorLength);
  switch (key.kind) {
    case RowKind::kTraffic:
    case RowKind::kCaller:
      return vendor && IsLabelText(key.destination, kMaxHostLength);
    case RowKind::kVendor:
    case RowKind::kTunnel:
    case RowKind::kPhase:
    case RowKind::kProxyError:
    case RowKind::kTlsSession:
    case RowKind::kGrpc:
      return vendor && key.destination.empty();
    case RowKind::kShim:
      return key.vendor.empty() && key.destination.empty();
    case RowKind::kNone:
      break;
  }
  return false;
}

}  // namespace

RowKey ProductKey(const RowKey& key) {
  ProductLabels labels;
  labels.Parse(key.labels);
  labels.Sort();
  std::string text;
  for (const auto& [name, value] : labels) {
    absl::StrAppend(&text, text.empty() ? "" : ",", std::string(name), "=",
                    std::string(value));
  }
  return {.kind = kProductRow, .vendor = key.vendor, .destination = text};
}

bool IsValidRow(const RowValue& row) {
  const RowKey& key = row.key;
  if (static_cast<std::uint8_t>(key.protocol) > kLastProtocol ||
      static_cast<std::uint8_t>(key.visibility) > kLastVisibility) {
    return false;
  }
  if (!HasTextOfItsKind(key) || !HasCodeOfItsKind(key)) return false;
  return std::all_of(row.counters.begin() + CounterCount(key.kind),
                     row.counters.end(),
                     [](std::uint64_t counter) { return counter == 0; });
}

}  // namespace proxymeter::collector
