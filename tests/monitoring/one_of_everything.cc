// Prints what a collector exposes when it has counted one of everything: which
// metrics there are, with their labels, as docs/metrics.md has them.

#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

#include "collector/exposition/metrics.h"
#include "proxymeter/grpc_status.h"
#include "proxymeter/journal.h"
#include "proxymeter/proxy_error.h"
#include "proxymeter/tls_session.h"

namespace proxymeter::collector {
namespace {

class Rows {
 public:
  void Add(RowKey key) {
    key.vendor = key.kind == RowKind::kShim ? "" : "acme";
    RowValue row{.key = std::move(key)};
    row.counters.fill(1);
    // Of what is said in a connection the kernel knows nothing.
    if (row.key.visibility == Visibility::kKernel) {
      row.counters.fill(0);
      row.counters[kSentBytes] = row.counters[kReceivedBytes] = 1;
    }
    rows_.push_back(std::move(row));
  }

  /// One for each code up to `last`.
  void AddCodes(RowKind kind, std::uint16_t last, std::uint16_t first = 0) {
    for (std::uint16_t code = first; code <= last; ++code) {
      Add({.kind = kind, .code = code});
    }
  }

  std::vector<RowValue> Take() { return std::move(rows_); }

 private:
  std::vector<RowValue> rows_;
};

std::vector<RowValue> OneOfEach() {
  Rows rows;
  using enum Protocol;
  for (const Protocol protocol : {kHttp1, kHttps1, kHttp2, kHttps2}) {
    rows.Add({.kind = RowKind::kTraffic,
              .destination = "shop.example",
              .protocol = protocol,
              .visibility = Visibility::kPlaintext});
  }
  rows.Add({.kind = RowKind::kTraffic,
            .destination = "shop.example",
            .protocol = kTls,
            .visibility = Visibility::kInferred});
  rows.Add({.kind = RowKind::kTraffic,
            .destination = "_unknown",
            .protocol = kTcp,
            .visibility = Visibility::kKernel});
  rows.Add({.kind = RowKind::kVendor});
  for (const auto& [protocol, code] :
       {std::pair{kHttp1, 200}, std::pair{kSocks4, 90},
        std::pair{kSocks5, 0}}) {
    rows.Add({.kind = RowKind::kTunnel,
              .protocol = protocol,
              .code = static_cast<std::uint16_t>(code)});
  }
  rows.Add({.kind = RowKind::kShim});
  rows.Add({.kind = RowKind::kCaller,
            .destination = "libcurl.so.4",
            .code = static_cast<std::uint16_t>(Unwinder::kLibunwind)});
  rows.Add({.kind = RowKind::kCaller,
            .destination = "libnet.so",
            .code = static_cast<std::uint16_t>(Unwinder::kLibgcc)});
  rows.AddCodes(RowKind::kPhase, kLastPhase);
  rows.AddCodes(RowKind::kProxyError, kLastProxyError);
  for (const Visibility visibility :
       {Visibility::kPlaintext, Visibility::kInferred}) {
    for (std::uint8_t version = 0; version <= kLastTlsVersion; ++version) {
      for (std::uint8_t alpn = 0; alpn <= kLastAlpn; ++alpn) {
        rows.Add({.kind = RowKind::kTlsSession,
                  .visibility = visibility,
                  .code = TlsSessionCode(static_cast<TlsVersion>(version),
                                         static_cast<Alpn>(alpn))});
      }
    }
  }
  rows.AddCodes(RowKind::kGrpc, kOtherGrpcStatus);
  rows.Add({.kind = kProductRow, .destination = "zone=residential"});
  rows.Add({.kind = kKernelRow});
  rows.AddCodes(kUnmeteredRow, kLastUnmeteredReason);
  rows.Add({.kind = kKernelRttRow});
  return rows.Take();
}

std::string Text() {
  Metrics::View view;
  view.accounts.rows = OneOfEach();
  for (const char* destination : {"", "shop.example"}) {
    view.accounts.costs.push_back({.key = {.vendor = "acme",
                                           .destination = destination,
                                           .currency = "USD"},
                                   .cost = 1});
  }
  const Metrics metrics([&] { return view; },
                        {.name = "crawler-1", .name_space = "crawling"});
  return metrics.Text();
}

}  // namespace
}  // namespace proxymeter::collector

int main() { std::cout << proxymeter::collector::Text(); }
