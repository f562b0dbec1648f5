#include "cli/top_quality.h"

#include <cmath>

#include "cli/testing/snapshots.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

v1::PhaseCounters Buckets(std::initializer_list<std::uint64_t> buckets) {
  v1::PhaseCounters counters;
  for (const std::uint64_t bucket : buckets) counters.add_buckets(bucket);
  return counters;
}

TEST(TopQuality, QuantilesAreWithinTheirBuckets) {
  EXPECT_EQ(Quantile(Buckets({}), 0.5), std::nullopt);
  EXPECT_EQ(Quantile(Buckets({0, 0, 0}), 0.5), std::nullopt);
  // Of up to 1, 2.5 and 5 ms.
  EXPECT_DOUBLE_EQ(*Quantile(Buckets({4}), 0.5), 0.0005);
  EXPECT_DOUBLE_EQ(*Quantile(Buckets({4}), 1), 0.001);
  EXPECT_DOUBLE_EQ(*Quantile(Buckets({0, 0, 10}), 0.5), 0.00375);
  const v1::PhaseCounters spread = Buckets({50, 40, 10});
  EXPECT_DOUBLE_EQ(*Quantile(spread, 0.5), 0.001);
  EXPECT_DOUBLE_EQ(*Quantile(spread, 0.9), 0.0025);
  EXPECT_DOUBLE_EQ(*Quantile(spread, 0.95), 0.00375);
  EXPECT_DOUBLE_EQ(*Quantile(spread, 1), 0.005);
}

TEST(TopQuality, WhatIsInTheLastBucketHasNoBound) {
  const v1::PhaseCounters slow =
      Buckets({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1});
  EXPECT_DOUBLE_EQ(*Quantile(slow, 0.9), 60);
  EXPECT_TRUE(std::isinf(*Quantile(slow, 0.95)));
}

TEST(TopQuality, EachVendorHasItsOwn) {
  auto now = SnapshotAt(1);
  AddPhase(now, "acme", "request", {0, 2})->set_microseconds(5'000'000);
  AddPhase(now, "acme", "connect", {1});
  AddPhase(now, "acme", "tunnel", {});
  AddPhase(now, "other", "first_byte", {1});
  AddError(now, "acme", "quota", 2);
  AddError(now, "acme", "dns", 3);
  AddError(now, "acme", "denied", 0);
  AddTls(now, "acme", "1.3", "h2", v1::VISIBILITY_PLAINTEXT, 5);
  AddTls(now, "acme", "quic/1", "h3", v1::VISIBILITY_INFERRED, 7);
  AddGrpc(now, "acme", "UNAVAILABLE", 4);
  AddGrpc(now, "acme", "OK", 9);
  const Quality quality = MakeQuality(now);

  const VendorQuality acme = Of(quality, "acme");
  ASSERT_NE(acme.connect, nullptr);
  ASSERT_NE(acme.request, nullptr);
  EXPECT_EQ(acme.request->count, 2u);
  EXPECT_DOUBLE_EQ(acme.request->seconds, 5);
  EXPECT_DOUBLE_EQ(*acme.request->p50, 0.00175);
  EXPECT_EQ(acme.tunnel, nullptr);
  EXPECT_EQ(acme.first_byte, nullptr);
  EXPECT_EQ(acme.errors, 5u);
  EXPECT_EQ(acme.most->reason, "dns");
  EXPECT_EQ(acme.tls_sessions, 12u);
  EXPECT_EQ(acme.tls_unread, 7u);
  EXPECT_EQ(acme.grpc, 13u);
  EXPECT_EQ(acme.grpc_not_ok, 4u);
  EXPECT_FALSE(acme.empty());
  EXPECT_FALSE(Of(quality, "other").empty());
  EXPECT_TRUE(Of(quality, "nobody").empty());

  ASSERT_EQ(quality.phases.size(), 3u);
  EXPECT_EQ(quality.phases[0].phase, "connect");
  EXPECT_EQ(quality.phases[1].phase, "request");
  ASSERT_EQ(quality.errors.size(), 2u);
  EXPECT_EQ(quality.errors[0].reason, "dns");
  EXPECT_EQ(quality.grpc[0].status, "OK");
  EXPECT_EQ(quality.tls[1].visibility, "inferred");
}

}  // namespace
}  // namespace proxymeter::cli
