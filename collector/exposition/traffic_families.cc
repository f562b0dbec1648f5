#include "collector/exposition/traffic_families.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/exposition/family_builder.h"
#include "collector/exposition/pod_labels.h"
#include "collector/exposition/response_classes.h"
#include "proxymeter/grpc_status.h"
#include "proxymeter/journal.h"
#include "proxymeter/proxy_error.h"
#include "proxymeter/tls_session.h"

namespace proxymeter::collector {
namespace {

using prometheus::MetricType;

// SOCKS reply codes start at 0 (SOCKS 5) or 90 (SOCKS 4): without the prefix
// they could be taken for each other or for a status.
std::string TunnelCode(const RowKey& key) {
  switch (key.protocol) {
    case Protocol::kSocks4:
      return absl::StrCat("socks4_", key.code);
    case Protocol::kSocks5:
      return absl::StrCat("socks5_", key.code);
    default:
      return absl::StrCat(key.code);
  }
}

std::uint64_t Held(std::uint64_t held, std::uint64_t released) {
  // The two are read one after the other while the crawler counts.
  return held > released ? held - released : 0;
}

class Families {
 public:
  explicit Families(const PodIdentity& pod) : labels_(PodLabels(pod)) {}

  void Add(const RowValue& row) {
    switch (row.key.kind) {
      case RowKind::kTraffic:
        AddToVendor(row.key.vendor, row.counters);
        break;
      case RowKind::kVendor:
        AddVendor(row);
        break;
      case RowKind::kTunnel:
        tunnels_.Add({row.key.vendor, TunnelCode(row.key)},
                     row.counters[kTunnelReplies]);
        break;
      case RowKind::kCaller:
        AddCaller(row);
        break;
      case RowKind::kProxyError:
        errors_.Add({row.key.vendor,
                     std::string(Name(static_cast<ProxyError>(row.key.code)))},
                    row.counters[kProxyErrors]);
        break;
      case RowKind::kTlsSession:
        tls_sessions_.Add(
            {row.key.vendor, std::string(Name(VersionOf(row.key.code))),
             std::string(Name(AlpnOf(row.key.code))),
             std::string(Name(row.key.visibility))},
            row.counters[kTlsSessions]);
        break;
      case RowKind::kGrpc:
        grpc_.Add({row.key.vendor, std::string(GrpcStatusName(row.key.code))},
                  row.counters[kGrpcResponses]);
        break;
      default:
        break;
    }
  }

  void AddFolded(const FoldedVendor& vendor) {
    AddToVendor(vendor.vendor, vendor.counters);
    folded_.Add({vendor.vendor}, vendor.destinations);
  }

  std::vector<prometheus::MetricFamily> Build() {
    std::vector<prometheus::MetricFamily> families;
    for (FamilyBuilder* builder :
         {&connections_, &tunnels_, &adopted_, &unsettled_, &held_,
          &reconciled_, &retransmitted_, &callers_, &without_caller_, &walks_,
          &errors_, &tls_sessions_, &grpc_, &vendor_sent_, &vendor_received_,
          &vendor_requests_, &vendor_responses_, &folded_}) {
      prometheus::MetricFamily family = builder->Build();
      if (!family.metric.empty()) families.push_back(std::move(family));
    }
    prometheus::MetricFamily round_trips = BuildRoundTrips();
    if (!round_trips.metric.empty()) families.push_back(std::move(round_trips));
    return families;
  }

 private:
  prometheus::MetricFamily BuildRoundTrips() const {
    prometheus::MetricFamily family{
        "proxymeter_rtt_seconds",
        "Smoothed round-trip time to the vendor's proxy, as the kernel had it "
        "at the end of each connection.",
        MetricType::Summary,
        {}};
    for (const auto& [vendor, round_trips] : round_trips_) {
      if (round_trips.samples == 0) continue;
      prometheus::ClientMetric metric;
      metric.label = {{"proxy_vendor", vendor}};
      metric.label.insert(metric.label.end(), labels_.begin(), labels_.end());
      metric.summary.sample_count = round_trips.samples;
      metric.summary.sample_sum =
          static_cast<double>(round_trips.microseconds) / 1e6;
      family.metric.push_back(std::move(metric));
    }
    return family;
  }

  void AddToVendor(const std::string& vendor, const Counters& counters) {
    vendor_sent_.Add({vendor}, counters[kSentBytes]);
    vendor_received_.Add({vendor}, counters[kReceivedBytes]);
    vendor_requests_.Add({vendor}, counters[kRequests]);
    for (const auto& [counter, name] : kResponseClasses) {
      if (counters[counter] == 0) continue;
      vendor_responses_.Add({vendor, name}, counters[counter]);
    }
    folded_.Add({vendor}, 0);
  }

  void AddVendor(const RowValue& row) {
    constexpr std::pair<VendorCounter, const char*> kResults[] = {
        {kConnectionsOk, "ok"},
        {kConnectionsRefused, "refused"},
        {kConnectionsTimedOut, "timed_out"},
        {kConnectionsFailed, "failed"},
        {kConnectionsAbandoned, "abandoned"}};
    const Counters& counters = row.counters;
    // Of whom nobody has ever got an answer, the rates are 0, not absent: a
    // ratio to them says what is wrong.
    AddToVendor(row.key.vendor, {});
    for (const auto& [counter, name] : kResults) {
      connections_.Add({row.key.vendor, name}, counters[counter]);
    }
    adopted_.Add({row.key.vendor}, counters[kConnectionsAdopted]);
    unsettled_.Add({row.key.vendor}, counters[kConnectionsUnsettled]);
    held_.Add({row.key.vendor, "sent"},
              Held(counters[kHeldSentBytes], counters[kReleasedSentBytes]));
    held_.Add(
        {row.key.vendor, "received"},
        Held(counters[kHeldReceivedBytes], counters[kReleasedReceivedBytes]));
    reconciled_.Add({row.key.vendor, "sent"}, counters[kReconciledSentBytes]);
    reconciled_.Add({row.key.vendor, "received"},
                    counters[kReconciledReceivedBytes]);
    retransmitted_.Add({row.key.vendor}, counters[kRetransmittedBytes]);
    RoundTrips& round_trips = round_trips_[row.key.vendor];
    round_trips.microseconds += counters[kRttMicroseconds];
    round_trips.samples += counters[kRttSamples];
  }

  void AddCaller(const RowValue& row) {
    const RowKey& key = row.key;
    const Counters& counters = row.counters;
    if (counters[kCallerConnections] > 0) {
      callers_.Add({key.vendor, key.destination}, counters[kCallerConnections]);
      walks_.Add({std::string(Name(static_cast<Unwinder>(key.code)))},
                 counters[kCallerConnections]);
    }
    // With zeros: a caller's figure is complete only where these say so.
    without_caller_.Add({key.vendor, "not_sampled"},
                        counters[kCallerNotSampled]);
    without_caller_.Add({key.vendor, "not_safe"}, counters[kCallerNotSafe]);
  }

  const FamilyBuilder::Labels labels_;
  FamilyBuilder connections_{MetricType::Counter,
                             "proxymeter_connections_total",
                             "Attempts to connect to the vendor, by result.",
                             {"proxy_vendor", "result"},
                             labels_};
  FamilyBuilder adopted_{
      MetricType::Counter,
      "proxymeter_adopted_connections_total",
      "Connections to the vendor that another program made: inherited, or "
      "received over a Unix socket.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder unsettled_{
      MetricType::Counter,
      "proxymeter_unsettled_connections_total",
      "Connections open at the end of their process whose last bytes nobody "
      "could tell: what the call moved that the end interrupted may be "
      "missing.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder tunnels_{
      MetricType::Counter,
      "proxymeter_tunnels_total",
      "Replies to CONNECT (status code) and SOCKS (socks4_ or socks5_ and the "
      "reply code).",
      {"proxy_vendor", "response_code"},
      labels_};
  FamilyBuilder errors_{
      MetricType::Counter,
      "proxymeter_proxy_errors_total",
      "What the vendor's proxy did not do, by its own words or by what became "
      "of connections to it; a destination's own errors are in "
      "proxymeter_responses_total.",
      {"proxy_vendor", "reason"},
      labels_};
  FamilyBuilder tls_sessions_{
      MetricType::Counter,
      "proxymeter_tls_sessions_total",
      "TLS sessions in which the client has sent data, by the version agreed "
      "on, the application protocol as far as ALPN shows it, and whether their "
      "plaintext was seen.",
      {"proxy_vendor", "tls_version", "alpn", "visibility"},
      labels_};
  FamilyBuilder grpc_{MetricType::Counter,
                      "proxymeter_grpc_responses_total",
                      "Answers to gRPC calls, by the status that they ended "
                      "with.",
                      {"proxy_vendor", "grpc_status"},
                      labels_};
  FamilyBuilder held_{
      MetricType::Gauge,
      "proxymeter_held_bytes",
      "Bytes of open connections whose destination is not known yet; they are "
      "in no other metric so far.",
      {"proxy_vendor", "direction"},
      labels_};
  FamilyBuilder reconciled_{MetricType::Counter,
                            "proxymeter_reconciled_bytes_total",
                            "Part of the bytes that no hook reported; the "
                            "kernel's count at close, or "
                            "at the end of the process, had them.",
                            {"proxy_vendor", "direction"},
                            labels_};
  FamilyBuilder retransmitted_{
      MetricType::Counter,
      "proxymeter_retransmitted_bytes_total",
      "Bytes that the kernel sent again; in no other metric.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder callers_{
      MetricType::Counter,
      "proxymeter_connections_by_caller_total",
      absl::StrCat(
          "Sample of the connections begun, by the library or program "
          "that opened them: of each process the first ",
          kCallersAllOfFirst, ", then one of ", kCallersOneOf,
          " by chance. proxymeter_connections_without_caller_total has the "
          "others."),
      {"proxy_vendor", "caller"},
      labels_};
  FamilyBuilder without_caller_{
      MetricType::Counter,
      "proxymeter_connections_without_caller_total",
      "Connections begun that were not asked who opened them: left out by "
      "sampling, or met where a stack walk would not have been safe.",
      {"proxy_vendor", "reason"},
      labels_};
  FamilyBuilder walks_{
      MetricType::Counter,
      "proxymeter_caller_walks_total",
      "Stack walks behind proxymeter_connections_by_caller_total, by what "
      "walked: libunwind of the crawler's image, or libgcc within the preload "
      "library.",
      {"unwinder"},
      labels_};
  FamilyBuilder vendor_sent_{
      MetricType::Counter,
      "proxymeter_vendor_sent_bytes_total",
      "All bytes ever sent to the vendor, those of folded destinations "
      "included: what sums by vendor are to be taken from.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder vendor_received_{
      MetricType::Counter,
      "proxymeter_vendor_received_bytes_total",
      "All bytes ever received from the vendor, those of folded destinations "
      "included: what sums by vendor are to be taken from.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder vendor_requests_{
      MetricType::Counter,
      "proxymeter_vendor_requests_total",
      "All requests ever sent through the vendor, those of folded destinations "
      "included: what sums by vendor are to be taken from.",
      {"proxy_vendor"},
      labels_};
  FamilyBuilder vendor_responses_{
      MetricType::Counter,
      "proxymeter_vendor_responses_total",
      "All final responses ever received through the vendor, those of folded "
      "destinations included, by class of their status code.",
      {"proxy_vendor", "response_code_class"},
      labels_};
  FamilyBuilder folded_{
      MetricType::Counter,
      "proxymeter_folded_destinations_total",
      "Destinations whose series ended because they were idle. One that comes "
      "back begins a new series from 0.",
      {"proxy_vendor"},
      labels_};
  struct RoundTrips {
    std::uint64_t microseconds = 0;
    std::uint64_t samples = 0;
  };
  std::map<std::string, RoundTrips> round_trips_;  // by vendor
};

}  // namespace

std::vector<prometheus::MetricFamily> TrafficFamilies(
    const std::vector<RowValue>& rows, const std::vector<FoldedVendor>& folded,
    const PodIdentity& pod) {
  Families families(pod);
  for (const RowValue& row : rows) families.Add(row);
  for (const FoldedVendor& vendor : folded) families.AddFolded(vendor);
  return families.Build();
}

}  // namespace proxymeter::collector
