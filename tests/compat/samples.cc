#include "tests/compat/samples.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/journal.h"
#include "proxymeter/proxy_error.h"
#include "proxymeter/tls_session.h"
#include "shim/uplink/frame_encoder.h"

namespace proxymeter::compat {
namespace {

using collector::RowValue;

void FillHeader(const collector::SessionId& session, JournalHeader* header) {
  header->magic = kJournalMagic;
  header->version = kJournalVersion;
  header->header_bytes = kJournalHeaderBytes;
  header->row_bytes = kJournalRowBytes;
  header->max_rows = kMaxJournalRows;
  header->session = session;
  header->started_unix_ns = kSampleStart;
  header->pid = kSamplePid;
  std::strcpy(header->command, kSampleCommand);
}

void FillRow(const RowValue& value, JournalRow* row) {
  row->kind = value.key.kind;
  row->protocol = value.key.protocol;
  row->visibility = value.key.visibility;
  row->code = value.key.code;
  row->vendor_length = static_cast<std::uint8_t>(value.key.vendor.size());
  row->destination_length =
      static_cast<std::uint8_t>(value.key.destination.size());
  value.key.vendor.copy(row->text, value.key.vendor.size());
  value.key.destination.copy(row->text + row->vendor_length,
                             value.key.destination.size());
  for (std::size_t i = 0; i < kRowCounters; ++i) {
    row->counters[i] = value.counters[i];
  }
  row->state = kPublished;
}

}  // namespace

const std::string_view kSampleConfig = R"(version: 1
call_sites: sampled
vendors:
  - name: acme
    match:
      - host: gw.acme.test
        port: [8080, 9000-9010]
      - host: "*.pool.acme.test"
  - name: other
    match:
      - cidr: [192.0.2.0/24, "2001:db8::/32"]
      - port: 24000
)";

std::vector<RowValue> SampleRows() {
  std::vector<RowValue> rows = {
      {.key = {.kind = RowKind::kShim}},
      {.key = {.kind = RowKind::kVendor, .vendor = "acme"}},
      {.key = {.kind = RowKind::kTraffic,
               .vendor = "acme",
               .destination = "shop.example",
               .protocol = Protocol::kHttps1,
               .visibility = Visibility::kPlaintext}},
      {.key = {.kind = RowKind::kTunnel,
               .vendor = "acme",
               .protocol = Protocol::kConnect,
               .code = 407}},
      {.key = {.kind = RowKind::kCaller,
               .vendor = "acme",
               .destination = "libcurl.so.4",
               .code = static_cast<std::uint16_t>(Unwinder::kLibgcc)}},
      {.key = {.kind = RowKind::kTraffic,
               .vendor = "direct",
               .destination = "192.0.2.1",
               .protocol = Protocol::kUdp}},
      {.key = {.kind = RowKind::kPhase,
               .vendor = "acme",
               .code = static_cast<std::uint16_t>(Phase::kRequest)}},
      {.key = {.kind = RowKind::kProxyError,
               .vendor = "acme",
               .code = static_cast<std::uint16_t>(ProxyError::kQuota)}},
      {.key = {.kind = RowKind::kTlsSession,
               .vendor = "acme",
               .visibility = Visibility::kInferred,
               .code = TlsSessionCode(TlsVersion::kTls13, Alpn::kHidden)}},
      {.key = {.kind = RowKind::kGrpc, .vendor = "acme", .code = 14}},
  };
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t i = 0; i < CounterCount(rows[row].key.kind); ++i) {
      rows[row].counters[i] = 1000 * (row + 1) + i;
    }
  }
  // A session that ends gives what its connections hold to `_unknown`.
  collector::Counters& vendor = rows[1].counters;
  vendor[kReleasedSentBytes] = vendor[kHeldSentBytes];
  vendor[kReleasedReceivedBytes] = vendor[kHeldReceivedBytes];
  return rows;
}

std::vector<RowValue> SampleRows2b() {
  std::vector<RowValue> rows = SampleRows();
  collector::Counters& vendor = rows[1].counters;
  std::fill(vendor.begin() + kHandshakeSentBytes, vendor.end(), 0);
  collector::Counters& shim = rows[0].counters;
  std::fill(shim.begin() + kCredentialsUnread, shim.end(), 0);
  return rows;
}

std::vector<RowValue> SampleRows2() {
  std::vector<RowValue> rows = SampleRows2b();
  collector::Counters& shim = rows[0].counters;
  std::fill(shim.begin() + kDesynchronisedTls, shim.end(), 0);
  rows[1].counters[kConnectionsUnsettled] = 0;
  std::erase_if(rows, [](const RowValue& row) {
    return row.key.kind > RowKind::kProxyError;
  });
  return rows;
}

std::vector<RowValue> SampleRows1() {
  std::vector<RowValue> rows = SampleRows2();
  std::erase_if(rows, [](const RowValue& row) {
    return row.key.kind > RowKind::kCaller;
  });
  collector::Counters& shim = rows[0].counters;
  std::fill(shim.begin() + kDesynchronisedSocks, shim.end(), 0);
  return rows;
}

std::string SampleJournal(const collector::SessionId& session,
                          const std::vector<RowValue>& rows) {
  // Of words, for the atomics in it.
  std::vector<std::uint64_t> memory(
      (kJournalHeaderBytes + rows.size() * kJournalRowBytes) / 8);
  char* const bytes = reinterpret_cast<char*>(memory.data());
  auto* const header = reinterpret_cast<JournalHeader*>(bytes);
  FillHeader(session, header);
  header->claimed_rows = static_cast<std::uint32_t>(rows.size());
  header->allocated_rows = RowsInExtents(1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    FillRow(rows[i], reinterpret_cast<JournalRow*>(bytes + kJournalHeaderBytes +
                                                   i * kJournalRowBytes));
  }
  return {bytes, memory.size() * 8};
}

std::string SampleFrame(const std::vector<RowValue>& rows) {
  std::vector<std::uint8_t> buffer(kMaxFrameBytes);
  shim::FrameEncoder encoder(buffer);
  JournalHeader header{};
  FillHeader(kFrameSession, &header);
  bool complete = encoder.Begin(header, /*has_journal=*/false);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    JournalRow row{};
    FillRow(rows[i], &row);
    shim::CounterValues counters;
    std::memcpy(counters, rows[i].counters.data(), sizeof counters);
    complete &= encoder.Append(static_cast<std::uint32_t>(i), row, counters);
  }
  if (!complete) throw std::invalid_argument("rows do not fit a frame");
  const auto frame = encoder.frame();
  return {frame.begin(), frame.end()};
}

std::string SamplePolicy(std::string_view config) {
  const auto parsed = collector::ParseVendorConfig(config, "vendors.yaml");
  if (!parsed.ok()) throw std::invalid_argument(parsed.status().ToString());
  const std::vector<std::byte> policy = *collector::CompilePolicy(*parsed);
  return {reinterpret_cast<const char*>(policy.data()), policy.size()};
}

}  // namespace proxymeter::compat
