#include "cli/top_table.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/human_units.h"
#include "cli/text_table.h"

namespace proxymeter::cli {
namespace {

using Cells = std::vector<std::string>;

constexpr char kBold[] = "\x1b[1m";
constexpr char kPlain[] = "\x1b[0m";
// Each table of vendors may take this part of the screen; destinations get the
// rest.
constexpr size_t kVendorShare = 3;
constexpr size_t kVendorShareOfTwo = 4;
constexpr size_t kUnmeteredShare = 8;

const std::vector<Column>& VendorColumns() {
  static const auto& columns = *new std::vector<Column>{
      {"VENDOR", true},        {"REQUESTS"},
      {"REQ/S", false, 3},     {"SENT"},
      {"SENT/S", false, 4},    {"RECEIVED"},
      {"RECV/S", false, 4},    {"COVERED"},
      {"CONNECTED", false, 1}, {"REFUSED", false, 6},
      {"TIMEOUT", false, 6},   {"FAILED", false, 2},
      {"ABANDONED", false, 7}, {"TUNNELS", false, 5},
      {"DENIED", false, 5},    {"UNASSIGNED", false, 8}};
  return columns;
}

const std::vector<Column>& UnmeteredColumns() {
  static const auto& columns = *new std::vector<Column>{{"NOT COVERED", true},
                                                        {"WHY", true},
                                                        {"SENT"},
                                                        {"RECEIVED"},
                                                        {"CONNECTIONS"}};
  return columns;
}

// Of times the median, and what 95 of 100 do not exceed.
const std::vector<Column>& QualityColumns() {
  static const auto& columns =
      *new std::vector<Column>{{"VENDOR, 50%/95%", true},
                               {"CONNECT"},
                               {"TUNNEL", false, 4},
                               {"TLS", false, 3},
                               {"1ST BYTE"},
                               {"REQUEST", false, 2},
                               {"ERRORS"},
                               {"MOSTLY", true, 5},
                               {"TLS SESSIONS", false, 7},
                               {"UNREAD", false, 7},
                               {"GRPC", false, 8},
                               {"GRPC BAD", false, 6}};
  return columns;
}

const std::vector<Column>& TrafficColumns() {
  static const auto& columns = *new std::vector<Column>{
      {"VENDOR", true},     {"DESTINATION", true}, {"PROTOCOL", true, 5},
      {"SEEN", true, 9},    {"REQUESTS"},          {"REQ/S", false, 4},
      {"2XX", false, 6},    {"3XX", false, 7},     {"4XX", false, 3},
      {"5XX", false, 3},    {"OTHER", false, 8},   {"SENT"},
      {"SENT/S", false, 6}, {"RECEIVED"},          {"RECV/S", false, 6}};
  return columns;
}

std::string Figure(std::uint64_t value) { return absl::StrCat(value); }
std::string Bytes(std::uint64_t value) {
  return HumanBytes(static_cast<double>(value));
}
std::string RequestRate(const std::optional<Rates>& rates) {
  return rates ? HumanRate(rates->requests) : "-";
}
std::string SentRate(const std::optional<Rates>& rates) {
  return rates ? HumanBytes(rates->sent_bytes) : "-";
}
std::string ReceivedRate(const std::optional<Rates>& rates) {
  return rates ? HumanBytes(rates->received_bytes) : "-";
}

Cells VendorCells(const VendorRow& row) {
  return {Printable(row.vendor),
          Figure(row.total.requests),
          RequestRate(row.rates),
          Bytes(row.total.sent_bytes),
          SentRate(row.rates),
          Bytes(row.total.received_bytes),
          ReceivedRate(row.rates),
          row.coverage.Percent(),
          Figure(row.connections_ok),
          Figure(row.connections_refused),
          Figure(row.connections_timed_out),
          Figure(row.connections_failed),
          Figure(row.connections_abandoned),
          Figure(row.tunnels_opened),
          Figure(row.tunnels_refused),
          Bytes(row.held_sent_bytes + row.held_received_bytes)};
}

std::string Times(const PhaseRow* row) {
  if (row == nullptr) return "-";
  return absl::StrCat(HumanSeconds(row->p50.value_or(0)), "/",
                      HumanSeconds(row->p95.value_or(0)));
}

Cells QualityCells(const std::string& vendor, const VendorQuality& quality) {
  return {Printable(vendor),
          Times(quality.connect),
          Times(quality.tunnel),
          Times(quality.tls_handshake),
          Times(quality.first_byte),
          Times(quality.request),
          Figure(quality.errors),
          quality.most != nullptr ? Printable(quality.most->reason) : "-",
          Figure(quality.tls_sessions),
          Figure(quality.tls_unread),
          Figure(quality.grpc),
          Figure(quality.grpc_not_ok)};
}

// No more rows than `room`, in the order of the vendors.
std::vector<Cells> QualityRows(const View& view, size_t room) {
  std::vector<Cells> rows;
  for (const VendorRow& vendor : view.vendors) {
    const VendorQuality quality = Of(view.quality, vendor.vendor);
    if (quality.empty()) continue;
    if (rows.size() == room) break;
    rows.push_back(QualityCells(vendor.vendor, quality));
  }
  return rows;
}

Cells UnmeteredCells(const UnmeteredRow& row) {
  return {Printable(row.vendor), Printable(row.reason), Bytes(row.sent_bytes),
          Bytes(row.received_bytes), Figure(row.connections)};
}

VendorRow TotalRow(const View& view) {
  VendorRow total{.vendor = "total", .total = view.total, .rates = view.rates};
  for (const VendorRow& row : view.vendors) {
    total.connections_ok += row.connections_ok;
    total.connections_refused += row.connections_refused;
    total.connections_timed_out += row.connections_timed_out;
    total.connections_failed += row.connections_failed;
    total.connections_abandoned += row.connections_abandoned;
    total.held_sent_bytes += row.held_sent_bytes;
    total.held_received_bytes += row.held_received_bytes;
    total.tunnels_opened += row.tunnels_opened;
    total.tunnels_refused += row.tunnels_refused;
    total.coverage += row.coverage;
  }
  return total;
}

Cells TrafficCells(const TrafficRow& row) {
  return {Printable(row.vendor),
          Printable(row.destination),
          row.protocol,
          row.visibility,
          Figure(row.total.requests),
          RequestRate(row.rates),
          Figure(row.total.responses_2xx),
          Figure(row.total.responses_3xx),
          Figure(row.total.responses_4xx),
          Figure(row.total.responses_5xx),
          Figure(row.total.responses_other),
          Bytes(row.total.sent_bytes),
          SentRate(row.rates),
          Bytes(row.total.received_bytes),
          ReceivedRate(row.rates)};
}

std::string Title(const View& view) {
  std::string title = "proxymeter";
  if (!view.pod_name.empty()) {
    absl::StrAppend(&title, "  ", Printable(view.pod_namespace), "/",
                    Printable(view.pod_name));
  }
  absl::StrAppend(&title, "  ", view.sessions,
                  view.sessions == 1 ? " session" : " sessions", "  counting ");
  if (view.unix_ns >= view.since_unix_ns) {
    absl::StrAppend(
        &title, "for ",
        HumanDuration((view.unix_ns - view.since_unix_ns) / 1'000'000'000),
        ", ");
  }
  return absl::StrCat(title, "since ", UtcTime(view.since_unix_ns));
}

class Page {
 public:
  explicit Page(const Screen& screen) : screen_(screen) {}

  size_t lines_left() const { return screen_.height - 1 - lines_; }

  void Add(std::string line, bool bold = false) {
    if (lines_left() == 0) return;
    ++lines_;
    line.resize(std::min(line.size(), screen_.width));
    if (bold && screen_.colour && !line.empty()) {
      line = absl::StrCat(kBold, line, kPlain);
    }
    absl::StrAppend(&text_, line, "\n");
  }

  void AddTable(const std::vector<Column>& columns,
                const std::vector<Cells>& rows, bool bold_last = false) {
    const auto lines = FormatTable(columns, rows, screen_.width);
    for (size_t i = 0; i < lines.size(); ++i) {
      Add(lines[i], i == 0 || (bold_last && i + 1 == lines.size()));
    }
  }

  const std::string& text() const { return text_; }

 private:
  const Screen screen_;
  std::string text_;
  size_t lines_ = 0;
};

// What the kernel saw and nobody reported.
void AddUnmetered(const View& view, size_t room, Page& page) {
  const std::vector<UnmeteredRow>& unmetered = view.witnessed.unmetered;
  if (unmetered.empty()) return;
  std::vector<Cells> rows;
  for (const UnmeteredRow& row : unmetered) {
    if (rows.size() == room) break;
    rows.push_back(UnmeteredCells(row));
  }
  page.AddTable(UnmeteredColumns(), rows);
  if (rows.size() < unmetered.size()) {
    page.Add(absl::StrCat("... ", unmetered.size() - rows.size(),
                          " more that are not covered"));
  }
  page.Add("");
}

}  // namespace

std::string FormatScreen(const View& view, const Screen& screen) {
  Page page({std::max<size_t>(screen.width, 1),
             std::max<size_t>(screen.height, 2),
             screen.colour,
             {}});
  page.Add(Title(view), true);
  page.Add(screen.hint);

  const size_t half = std::max<size_t>(screen.height / kVendorShareOfTwo, 1);
  const std::vector<Cells> quality = QualityRows(view, half);
  const size_t vendor_room =
      quality.empty() ? std::max<size_t>(screen.height / kVendorShare, 1)
                      : half;
  std::vector<Cells> vendors;
  for (const VendorRow& row : view.vendors) {
    if (vendors.size() == vendor_room) break;
    vendors.push_back(VendorCells(row));
  }
  const size_t hidden_vendors = view.vendors.size() - vendors.size();
  vendors.push_back(VendorCells(TotalRow(view)));
  page.AddTable(VendorColumns(), vendors, true);
  if (hidden_vendors > 0) {
    page.Add(absl::StrCat("... ", hidden_vendors, " more vendors"));
  }
  page.Add("");
  if (!quality.empty()) {
    page.AddTable(QualityColumns(), quality);
    page.Add("");
  }

  AddUnmetered(view, std::max<size_t>(screen.height / kUnmeteredShare, 1),
               page);

  if (view.traffic.empty()) {
    page.Add("No traffic yet: run a crawler with 'proxymeter run -- COMMAND'");
    return page.text();
  }
  size_t shown = view.traffic.size();
  const auto left_out = [&] {
    return view.traffic.size() - shown + view.traffic_beyond_limit;
  };
  const size_t room = page.lines_left() > 0 ? page.lines_left() - 1 : 0;
  if (shown > room || left_out() > 0) {
    shown = std::min(shown, room > 0 ? room - 1 : 0);
  }
  std::vector<Cells> traffic;
  for (size_t i = 0; i < shown; ++i) {
    traffic.push_back(TrafficCells(view.traffic[i]));
  }
  page.AddTable(TrafficColumns(), traffic);
  if (left_out() > 0) {
    page.Add(absl::StrCat("... ", left_out(), " more rows"));
  }
  return page.text();
}

}  // namespace proxymeter::cli
