#include "collector/rpc/snapshot_message.h"

#include <gtest/gtest.h>

#include "collector/testing/journal_fixture.h"
#include "proxymeter/tls_session.h"

namespace proxymeter::collector {
namespace {

TEST(SnapshotMessage, TellsEverythingOnce) {
  AccountsSnapshot snapshot;
  snapshot.open_sessions = 3;
  snapshot.since_unix_ns = 10;
  snapshot.rows = {TrafficRow("b", "x.example", 1, 2, 3),
                   TrafficRow("a", "x.example", 4, 5, 6),
                   VendorRow("a", 7, 9, 8), VendorRow("a", 1, 1, 1)};
  snapshot.rows[3].key.visibility = Visibility::kPlaintext;
  RowValue tunnel{.key = {.kind = RowKind::kTunnel,
                          .vendor = "a",
                          .protocol = Protocol::kConnect,
                          .code = 407}};
  tunnel.counters[kTunnelReplies] = 11;
  snapshot.rows.push_back(tunnel);
  snapshot.rows.push_back({.key = {.kind = RowKind::kShim}});
  const v1::SnapshotResponse message =
      SnapshotMessage(snapshot, {"pod", "space"}, 20);
  EXPECT_EQ(message.unix_ns(), 20u);
  EXPECT_EQ(message.since_unix_ns(), 10u);
  EXPECT_EQ(message.sessions(), 3u);
  EXPECT_EQ(message.pod_name(), "pod");
  EXPECT_EQ(message.pod_namespace(), "space");
  ASSERT_EQ(message.traffic_size(), 2);
  EXPECT_EQ(message.traffic(0).vendor(), "a");
  EXPECT_EQ(message.traffic(0).destination(), "x.example");
  EXPECT_EQ(message.traffic(0).protocol(), v1::PROTOCOL_HTTP1);
  EXPECT_EQ(message.traffic(0).visibility(), v1::VISIBILITY_PLAINTEXT);
  EXPECT_EQ(message.traffic(0).counters().received_bytes(), 5u);
  EXPECT_EQ(message.traffic(1).counters().requests(), 3u);
  ASSERT_EQ(message.vendors_size(), 1);
  EXPECT_EQ(message.vendors(0).counters().connections_ok(), 8u);
  EXPECT_EQ(message.vendors(0).counters().held_sent_bytes(), 10u);
  EXPECT_EQ(message.vendors(0).counters().released_sent_bytes(), 9u);
  ASSERT_EQ(message.tunnels_size(), 1);
  EXPECT_EQ(message.tunnels(0).protocol(), v1::PROTOCOL_CONNECT);
  EXPECT_EQ(message.tunnels(0).code(), 407u);
  EXPECT_EQ(message.tunnels(0).replies(), 11u);
}

TEST(SnapshotMessage, TlsSessionsAreApartByVisibility) {
  AccountsSnapshot snapshot;
  for (const Visibility visibility :
       {Visibility::kPlaintext, Visibility::kInferred}) {
    snapshot.rows.push_back(
        {.key = {.kind = RowKind::kTlsSession,
                 .vendor = "a",
                 .visibility = visibility,
                 .code = TlsSessionCode(TlsVersion::kTls13, Alpn::kHttp1)},
         .counters = {static_cast<std::uint64_t>(visibility)}});
  }
  const v1::SnapshotResponse message = SnapshotMessage(snapshot, {}, 0);
  ASSERT_EQ(message.tls_sessions_size(), 2);
  for (int i = 0; i < 2; ++i) {
    const v1::TlsSessionTotal& total = message.tls_sessions(i);
    EXPECT_EQ(total.vendor(), "a");
    EXPECT_EQ(total.version(), "1.3");
    EXPECT_EQ(total.alpn(), "http/1.1");
    EXPECT_EQ(total.visibility(), i + 1);
    EXPECT_EQ(total.sessions(), static_cast<std::uint64_t>(i + 1));
  }
}

TEST(SnapshotMessage, TellsWhatTheKernelWitnessed) {
  AccountsSnapshot snapshot;
  for (const UnmeteredReason reason :
       {UnmeteredReason::kNotRead, UnmeteredReason::kNotPreloaded}) {
    snapshot.rows.push_back(
        {.key = {.kind = kUnmeteredRow,
                 .vendor = "a",
                 .code = static_cast<std::uint16_t>(reason)},
         .counters = {7, 8}});
  }
  RowValue rtt{.key = {.kind = kKernelRttRow, .vendor = "a"}};
  rtt.counters[kPhaseMicroseconds] = 3'000;
  rtt.counters[kPhaseBuckets + 1] = 2;
  snapshot.rows.push_back(rtt);
  const v1::SnapshotResponse message = SnapshotMessage(snapshot, {}, 0);
  EXPECT_EQ(message.kernel_size(), 0);
  ASSERT_EQ(message.unmetered_size(), 2);
  EXPECT_EQ(message.unmetered(0).vendor(), "a");
  EXPECT_EQ(message.unmetered(0).reason(), "not_preloaded");
  EXPECT_EQ(message.unmetered(1).reason(), "not_read");
  EXPECT_EQ(message.unmetered(1).counters().received_bytes(), 8u);
  ASSERT_EQ(message.kernel_round_trips_size(), 1);
  EXPECT_EQ(message.kernel_round_trips(0).vendor(), "a");
  const v1::PhaseCounters& times = message.kernel_round_trips(0).counters();
  EXPECT_EQ(times.microseconds(), 3'000u);
  ASSERT_EQ(times.buckets_size(), static_cast<int>(kDurationBuckets));
  EXPECT_EQ(times.buckets(1), 2u);
  EXPECT_EQ(times.buckets(0), 0u);
}

TEST(SnapshotMessage, CallersAreSummedOverUnwinders) {
  AccountsSnapshot snapshot;
  for (const Unwinder unwinder : {Unwinder::kLibunwind, Unwinder::kLibgcc}) {
    snapshot.rows.push_back(
        {.key = {.kind = RowKind::kCaller,
                 .vendor = "a",
                 .destination = "libcurl.so.4",
                 .code = static_cast<std::uint16_t>(unwinder)},
         .counters = {2}});
  }
  const v1::SnapshotResponse message = SnapshotMessage(snapshot, {}, 0);
  ASSERT_EQ(message.callers_size(), 1);
  EXPECT_EQ(message.callers(0).vendor(), "a");
  EXPECT_EQ(message.callers(0).caller(), "libcurl.so.4");
  EXPECT_EQ(message.callers(0).counters().connections(), 4u);
}

// Counter i is field i+1: with distinct values, one put into another's place
// shows.
TEST(SnapshotMessage, PutsEachCounterIntoItsField) {
  AccountsSnapshot snapshot;
  snapshot.rows = {
      TrafficRow("a", "x.example", 0, 0, 0),
      VendorRow("a", 0, 0, 0),
      {.key = {.kind = RowKind::kCaller, .vendor = "a", .destination = "curl"}},
      {.key = {.kind = kKernelRow, .vendor = "a"}},
      {.key = {.kind = kUnmeteredRow, .vendor = "a"}}};
  for (RowValue& row : snapshot.rows) {
    for (std::size_t i = 0; i < CounterCount(row.key.kind); ++i) {
      row.counters[i] = 100 + i;
    }
  }
  const v1::SnapshotResponse message = SnapshotMessage(snapshot, {}, 0);
  const auto check = [](const google::protobuf::Message& counters) {
    const auto* descriptor = counters.GetDescriptor();
    for (int i = 0; i < descriptor->field_count(); ++i) {
      const auto* field = descriptor->field(i);
      EXPECT_EQ(counters.GetReflection()->GetUInt64(counters, field),
                100u + static_cast<unsigned>(field->number()) - 1)
          << field->full_name();
    }
  };
  ASSERT_EQ(message.traffic_size(), 1);
  ASSERT_EQ(message.vendors_size(), 1);
  check(message.traffic(0).counters());
  check(message.vendors(0).counters());
  ASSERT_EQ(message.callers_size(), 1);
  check(message.callers(0).counters());
  ASSERT_EQ(message.kernel_size(), 1);
  EXPECT_EQ(message.kernel(0).vendor(), "a");
  EXPECT_EQ(message.kernel(0).counters().GetDescriptor()->field_count(),
            kKernelCounters);
  check(message.kernel(0).counters());
  ASSERT_EQ(message.unmetered_size(), 1);
  EXPECT_EQ(message.unmetered(0).counters().GetDescriptor()->field_count(),
            kUnmeteredCounters);
  check(message.unmetered(0).counters());
}

}  // namespace
}  // namespace proxymeter::collector
