// What `proxymeter top` shows: totals of one snapshot, rates between two.
#ifndef PROXYMETER_CLI_TOP_VIEW_H_
#define PROXYMETER_CLI_TOP_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/top_coverage.h"
#include "cli/top_quality.h"
#include "proxymeter/v1/collector.pb.h"

namespace proxymeter::cli {

enum class SortKey {
  kRequests,
  kRate,  ///< requests per second, now
  kSent,
  kReceived,
  kVendor,
};

struct ViewOptions {
  SortKey sort = SortKey::kRequests;
  /// Most traffic rows to keep; 0 for all.
  size_t limit = 0;
};

/// Traffic counters, each a total.
struct Traffic {
  std::uint64_t requests = 0;
  std::uint64_t responses_2xx = 0;
  std::uint64_t responses_3xx = 0;
  std::uint64_t responses_4xx = 0;
  std::uint64_t responses_5xx = 0;
  /// 1xx that are final, and codes outside 100 to 599.
  std::uint64_t responses_other = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;

  Traffic& operator+=(const Traffic& other);
};

/// Growth per second.
struct Rates {
  double requests = 0;
  double sent_bytes = 0;
  double received_bytes = 0;
};

struct TrafficRow {
  std::string vendor;
  std::string destination;
  std::string protocol;
  std::string visibility;
  Traffic total;
  std::optional<Rates> rates{};
};

struct VendorRow {
  std::string vendor;
  Traffic total;
  std::optional<Rates> rates{};
  std::uint64_t connections_ok = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_timed_out = 0;
  std::uint64_t connections_failed = 0;
  std::uint64_t connections_abandoned = 0;
  /// Bytes of open connections that have no destination yet; in no traffic row
  /// and not in `total`.
  std::uint64_t held_sent_bytes = 0;
  std::uint64_t held_received_bytes = 0;
  /// CONNECT and SOCKS replies that opened the tunnel, and those that did not.
  std::uint64_t tunnels_opened = 0;
  std::uint64_t tunnels_refused = 0;
  /// By the kernel.
  Coverage coverage{};
};

struct TunnelRow {
  std::string vendor;
  std::string protocol;
  std::uint32_t code = 0;
  std::uint64_t replies = 0;
};

struct View {
  std::uint64_t unix_ns = 0;
  std::uint64_t since_unix_ns = 0;
  std::uint32_t sessions = 0;
  std::string pod_name;
  std::string pod_namespace;
  std::vector<TrafficRow> traffic{};  ///< sorted, at most the limit
  size_t traffic_beyond_limit = 0;    ///< rows left out
  std::vector<VendorRow> vendors;     ///< sorted in the same way
  std::vector<TunnelRow> tunnels;     ///< by vendor, protocol, code
  Quality quality;
  Witnessed witnessed;
  Traffic total;  ///< of all traffic, shown or not
  std::optional<Rates> rates{};
};

/// `before` may be null: there are no rates then, and neither are there when
/// the two snapshots do not count from the same moment or a counter fell. A row
/// that `before` does not have counts from zero.
View MakeView(const v1::SnapshotResponse& now,
              const v1::SnapshotResponse* before, const ViewOptions& options);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TOP_VIEW_H_
