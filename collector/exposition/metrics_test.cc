#include "collector/exposition/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Text(const Metrics::View& view) {
  return Metrics([&] { return view; }, {}).Text();
}

TEST(Metrics, TellsOfTheCollectorItself) {
  Sessions sessions;
  sessions.Restore({.since_unix_ns = 1700000000500000000});
  DecodedFrame frame;
  frame.session = TestSession(1);
  RowValue shim{.key = {.kind = RowKind::kShim}};
  shim.counters[kTlsUnpaired] = 7;
  frame.rows = {{0, TrafficRow("acme", "a.example", 10, 20, 1)}, {1, shim}};
  sessions.ApplyFrame(frame);
  sessions.CountRejection(Rejection::kOversizedFrame);
  const std::string text = Text({.accounts = sessions.Snapshot(),
                                 .health = {.ledger_commits = 1,
                                            .ledger_failures = 2,
                                            .ledgers_set_aside = 3,
                                            .policy_failures = 4,
                                            .ledger_degraded = true},
                                 .audit = {.running = true, .ends = 5}});
  for (const char* line :
       {"proxymeter_sent_bytes_total{proxy_vendor=\"acme\",destination_host="
        "\"a.example\"} 10\n",
        "proxymeter_shim_events_total{event=\"tls_unpaired\"} 7\n",
        "proxymeter_shim_events_total{event=\"frames_sent\"} 0\n",
        "proxymeter_rejected_total{reason=\"oversized_frame\"} 1\n",
        "proxymeter_rejected_total{reason=\"malformed_frame\"} 0\n",
        "\nproxymeter_sessions 1\n",
        "\nproxymeter_sessions_total 1\n",
        "\nproxymeter_frames_total 1\n",
        "\nproxymeter_journals_read_total 0\n",
        "\nproxymeter_start_time_seconds 1700000000.5\n",
        "\nproxymeter_degraded{part=\"ledger\"} 1\n",
        "\nproxymeter_degraded{part=\"policy\"} 0\n",
        "\nproxymeter_ledger_commits_total 1\n",
        "\nproxymeter_ledger_failures_total 2\n",
        "\nproxymeter_ledger_set_aside_total 3\n",
        "\nproxymeter_policy_failures_total 4\n",
        "\nproxymeter_audit_running 1\n",
        "\nproxymeter_audit_sockets_total 5\n",
        "\nproxymeter_build_info{version=\"",
        "\nprocess_resident_memory_bytes ",
        "\nprocess_cpu_seconds_total "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(Metrics, ShowsNothingThatIsNotKnown) {
  Sessions sessions;
  sessions.AwaitLedger();
  DecodedFrame frame;
  frame.session = TestSession(1);
  frame.rows = {{0, TrafficRow("acme", "a.example", 10, 20, 1)}};
  ASSERT_EQ(sessions.ApplyFrame(frame), std::nullopt);
  const std::string text = Text(
      {.accounts = sessions.Snapshot(), .health = {.ledger_degraded = true}});
  EXPECT_THAT(text, HasSubstr("\nproxymeter_sessions 1\n"));
  EXPECT_THAT(text, HasSubstr("\nproxymeter_degraded{part=\"ledger\"} 1\n"));
  for (const char* name :
       {"acme", "frames_total", "rejected_total", "start_time"}) {
    EXPECT_THAT(text, Not(HasSubstr(name)));
  }
}

TEST(Metrics, EverySeriesIsUnique) {
  Sessions sessions;
  DecodedFrame frame;
  frame.session = TestSession(1);
  std::uint32_t index = 0;
  for (std::uint8_t protocol = 0; protocol <= kLastProtocol; ++protocol) {
    for (std::uint8_t visibility = 0; visibility <= kLastVisibility;
         ++visibility) {
      RowValue row = TrafficRow("acme", "a.example", 1, 1, 1);
      row.key.protocol = static_cast<Protocol>(protocol);
      row.key.visibility = static_cast<Visibility>(visibility);
      frame.rows.push_back({index++, row});
      RowValue vendor = VendorRow("acme", 1, 1, 0);
      vendor.key.protocol = row.key.protocol;
      vendor.key.visibility = row.key.visibility;
      frame.rows.push_back({index++, vendor});
    }
  }
  ASSERT_EQ(sessions.ApplyFrame(frame), std::nullopt);
  sessions.AddWitnessed(
      {{.key = {.kind = kKernelRow, .vendor = "acme"}, .counters = {5, 6}},
       {.key = {.kind = kUnmeteredRow, .vendor = "acme"}, .counters = {1, 2}},
       {.key = {.kind = kKernelRttRow, .vendor = "acme"}}});
  // A line without its value; heads are lines too.
  std::set<std::string> seen;
  std::istringstream lines(
      Text({.accounts = sessions.Snapshot(), .health = {}}));
  for (std::string line; std::getline(lines, line);) {
    const std::string series = line.substr(0, line.rfind(' '));
    EXPECT_TRUE(seen.insert(series).second) << line;
  }
  EXPECT_GT(seen.size(), 100u);
}

}  // namespace
}  // namespace proxymeter::collector
