#include "cli/top_record.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/human_units.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

// Keeps the fields in the order in which they are written here.
using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& figure) {
  // Beyond the last bound there is no figure.
  if (!figure || std::isinf(*figure)) return nullptr;
  return *figure;
}

Json TrafficJson(const Traffic& total, const std::optional<Rates>& rates) {
  Json json = {{"requests", total.requests},
               {"responses_2xx", total.responses_2xx},
               {"responses_3xx", total.responses_3xx},
               {"responses_4xx", total.responses_4xx},
               {"responses_5xx", total.responses_5xx},
               {"responses_other", total.responses_other},
               {"sent_bytes", total.sent_bytes},
               {"received_bytes", total.received_bytes},
               {"requests_per_second", nullptr},
               {"sent_bytes_per_second", nullptr},
               {"received_bytes_per_second", nullptr}};
  if (rates.has_value()) {
    json["requests_per_second"] = rates->requests;
    json["sent_bytes_per_second"] = rates->sent_bytes;
    json["received_bytes_per_second"] = rates->received_bytes;
  }
  return json;
}

Json RowJson(const TrafficRow& row) {
  Json json = {{"vendor", row.vendor},
               {"destination", row.destination},
               {"protocol", row.protocol},
               {"visibility", row.visibility}};
  json.update(TrafficJson(row.total, row.rates));
  return json;
}

Json RowJson(const VendorRow& row) {
  Json json = {{"vendor", row.vendor}};
  json.update(TrafficJson(row.total, row.rates));
  json.update({{"connections_ok", row.connections_ok},
               {"connections_refused", row.connections_refused},
               {"connections_timed_out", row.connections_timed_out},
               {"connections_failed", row.connections_failed},
               {"connections_abandoned", row.connections_abandoned},
               {"held_sent_bytes", row.held_sent_bytes},
               {"held_received_bytes", row.held_received_bytes},
               {"tunnels_opened", row.tunnels_opened},
               {"tunnels_refused", row.tunnels_refused},
               {"coverage_ratio", OrNull(row.coverage.ratio())}});
  return json;
}

Json RowJson(const TunnelRow& row) {
  return {{"vendor", row.vendor},
          {"protocol", row.protocol},
          {"code", row.code},
          {"replies", row.replies}};
}

Json RowJson(const PhaseRow& row) {
  return {{"vendor", row.vendor},
          {"phase", row.phase},
          {"count", row.count},
          {"seconds", row.seconds},
          {"p50_seconds", OrNull(row.p50)},
          {"p95_seconds", OrNull(row.p95)},
          {"p99_seconds", OrNull(row.p99)}};
}

Json RowJson(const ErrorRow& row) {
  return {
      {"vendor", row.vendor}, {"reason", row.reason}, {"errors", row.errors}};
}

Json RowJson(const TlsRow& row) {
  return {{"vendor", row.vendor},
          {"tls_version", row.version},
          {"alpn", row.alpn},
          {"visibility", row.visibility},
          {"sessions", row.sessions}};
}

Json RowJson(const GrpcRow& row) {
  return {{"vendor", row.vendor},
          {"grpc_status", row.status},
          {"responses", row.responses}};
}

Json RowJson(const KernelRow& row) {
  return {{"vendor", row.vendor},
          {"sent_bytes", row.sent_bytes},
          {"received_bytes", row.received_bytes},
          {"covered_sent_bytes", row.covered_sent_bytes},
          {"covered_received_bytes", row.covered_received_bytes},
          {"coverage_ratio", OrNull(row.coverage().ratio())},
          {"retransmitted_bytes", row.retransmitted_bytes},
          {"unsent_bytes", row.unsent_bytes},
          {"connections_ok", row.connections_ok},
          {"connections_failed", row.connections_failed},
          {"rtt_count", row.rtt_count},
          {"rtt_seconds", row.rtt_seconds},
          {"rtt_p50_seconds", OrNull(row.rtt_p50)},
          {"rtt_p95_seconds", OrNull(row.rtt_p95)},
          {"rtt_p99_seconds", OrNull(row.rtt_p99)}};
}

Json RowJson(const UnmeteredRow& row) {
  return {{"vendor", row.vendor},
          {"reason", row.reason},
          {"sent_bytes", row.sent_bytes},
          {"received_bytes", row.received_bytes},
          {"connections", row.connections}};
}

template <typename Row>
Json RowsJson(const std::vector<Row>& rows) {
  Json json = Json::array();
  for (const Row& row : rows) json.push_back(RowJson(row));
  return json;
}

std::string Cell(const std::string& name, const Json& value) {
  if (value.is_null()) return "-";
  // Rounded, a ratio of almost 1 would say that nothing is missing.
  if (name.ends_with("_ratio")) return value.dump();
  if (value.is_number_float()) {
    return absl::StrFormat("%.3f", value.get<double>());
  }
  if (value.is_number()) return value.dump();
  // An empty cell would be lost on a reader that splits at white space.
  const std::string text = Printable(value.get<std::string>());
  return text.empty() ? "-" : text;
}

/// The lines of one kind. They are made from the JSON so that a field cannot be
/// in one form and not in the other.
void AppendLines(absl::string_view kind, const Json& rows, std::string& text) {
  if (rows.empty()) return;
  absl::StrAppend(&text, "#", kind);
  for (const auto& [name, value] : rows.front().items()) {
    absl::StrAppend(&text, "\t", name);
  }
  absl::StrAppend(&text, "\n");
  for (const Json& row : rows) {
    absl::StrAppend(&text, kind);
    for (const auto& [name, value] : row.items()) {
      absl::StrAppend(&text, "\t", Cell(name, value));
    }
    absl::StrAppend(&text, "\n");
  }
}

Json HeadJson(const View& view) {
  return {{"time", UtcTime(view.unix_ns)},
          {"since", UtcTime(view.since_unix_ns)},
          {"sessions", view.sessions},
          {"pod_name", view.pod_name},
          {"pod_namespace", view.pod_namespace},
          {"traffic_rows_beyond_limit", view.traffic_beyond_limit}};
}

}  // namespace

std::string FormatLines(const View& view) {
  std::string text;
  AppendLines("snapshot", Json::array({HeadJson(view)}), text);
  AppendLines("traffic", RowsJson(view.traffic), text);
  AppendLines("vendor", RowsJson(view.vendors), text);
  AppendLines("tunnel", RowsJson(view.tunnels), text);
  AppendLines("phase", RowsJson(view.quality.phases), text);
  AppendLines("proxy_error", RowsJson(view.quality.errors), text);
  AppendLines("tls_session", RowsJson(view.quality.tls), text);
  AppendLines("grpc", RowsJson(view.quality.grpc), text);
  AppendLines("kernel", RowsJson(view.witnessed.kernel), text);
  AppendLines("unmetered", RowsJson(view.witnessed.unmetered), text);
  AppendLines("total", Json::array({TrafficJson(view.total, view.rates)}),
              text);
  return text + "\n";
}

std::string FormatJson(const View& view) {
  Json json = HeadJson(view);
  json["traffic"] = RowsJson(view.traffic);
  json["vendors"] = RowsJson(view.vendors);
  json["tunnels"] = RowsJson(view.tunnels);
  json["phases"] = RowsJson(view.quality.phases);
  json["proxy_errors"] = RowsJson(view.quality.errors);
  json["tls_sessions"] = RowsJson(view.quality.tls);
  json["grpc"] = RowsJson(view.quality.grpc);
  json["kernel"] = RowsJson(view.witnessed.kernel);
  json["unmetered"] = RowsJson(view.witnessed.unmetered);
  json["total"] = TrafficJson(view.total, view.rates);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace proxymeter::cli
