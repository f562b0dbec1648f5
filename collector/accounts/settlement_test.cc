#include "collector/accounts/settlement.h"

#include <gtest/gtest.h>

#include <map>

#include "collector/accounts/sessions_test.h"

namespace proxymeter::collector {
namespace {

constexpr std::uint32_t kVendorIndex = 0;
constexpr std::uint32_t kRowIndex = 1;
constexpr std::uint64_t kCookie = 77;

class SettlementTest : public testing::Test {
 protected:
  SettlementTest() {
    journal_ =
        Journal(kOne, {{kVendorIndex, VendorRow("acme", 1, 0, 0)},
                       {kRowIndex, TrafficRow("acme", "a.test", 100, 50, 2)}});
    journal_.rows[1].row.key.protocol = Protocol::kHttps1;
  }

  void Open(MeteredConnection connection) {
    connection.cookie = kCookie + journal_.connections.open.size();
    connection.sent = 100;
    if (!connection.vendor_row) connection.vendor_row = kVendorIndex;
    journal_.connections.open.push_back(connection);
  }
  void Settle() {
    collector::Settle(
        [this](std::uint64_t cookie) -> std::optional<std::uint64_t> {
          const auto found = sent_.find(cookie);
          if (found == sent_.end()) return std::nullopt;
          return found->second;
        },
        journal_);
    sessions_.Finish(kOne, &journal_);
  }
  std::uint64_t Total(const std::string& destination, TrafficCounter counter,
                      Visibility visibility) const {
    std::uint64_t sum = 0;
    for (const RowValue& row : sessions_.Snapshot().rows) {
      if (row.key.kind == RowKind::kTraffic &&
          row.key.destination == destination &&
          row.key.visibility == visibility) {
        sum += row.counters[counter];
      }
    }
    return sum;
  }
  std::uint64_t OfVendor(VendorCounter counter) const {
    for (const RowValue& row : sessions_.Snapshot().rows) {
      if (row.key.kind == RowKind::kVendor) return row.counters[counter];
    }
    return 0;
  }

  JournalContents journal_;
  std::map<std::uint64_t, std::uint64_t> sent_;
  Sessions sessions_;
};

TEST_F(SettlementTest, WhatWasReportedIsNotAddedAgain) {
  Open({.row = kRowIndex});
  sent_[kCookie] = 100;
  Settle();
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 100u);
  EXPECT_EQ(OfVendor(kReconciledSentBytes), 0u);
  EXPECT_EQ(OfVendor(kConnectionsUnsettled), 0u);
}

TEST_F(SettlementTest, WhatAResetLeftUnsentStaysAsReported) {
  Open({.row = kRowIndex});
  sent_[kCookie] = 60;
  Settle();
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 100u);
}

TEST_F(SettlementTest, BytesOfAnInterruptedCallGoWhereItsOthersWent) {
  Open({.row = kRowIndex});
  sent_[kCookie] = 140;
  Settle();
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 140u);
  EXPECT_EQ(OfVendor(kReconciledSentBytes), 40u);
}

TEST_F(SettlementTest, WithoutADestinationTheyAreUnknowns) {
  Open({});
  sent_[kCookie] = 140;
  Settle();
  EXPECT_EQ(Total(kUnknownDestination, kSentBytes, Visibility::kNone), 40u);
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 100u);
}

TEST_F(SettlementTest, ARequestThatWasExpectedIsInferredFromItsFirstByte) {
  Open({.request_from = 101, .row = kRowIndex});
  sent_[kCookie] = 101;
  Settle();
  EXPECT_EQ(Total(kUnknownDestination, kRequests, Visibility::kInferred), 1u);
  EXPECT_EQ(Total(kUnknownDestination, kSentBytes, Visibility::kInferred), 1u);
  EXPECT_EQ(Total("a.test", kRequests, Visibility::kPlaintext), 2u);
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 100u);
}

TEST_F(SettlementTest, ARequestThatWasExpectedAndNeverBegunIsNone) {
  Open({.request_from = 101, .row = kRowIndex});
  sent_[kCookie] = 100;
  Settle();
  EXPECT_EQ(Total(kUnknownDestination, kRequests, Visibility::kInferred), 0u);
}

TEST_F(SettlementTest, WithinTlsItGoesToTheDestinationOfItsConnection) {
  Open({.request_from = 90, .row = kRowIndex, .request_row = kRowIndex});
  sent_[kCookie] = 110;
  Settle();
  EXPECT_EQ(Total("a.test", kRequests, Visibility::kInferred), 1u);
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 110u);
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kInferred), 0u);
}

TEST_F(SettlementTest, WhatNobodyCanTellIsCounted) {
  Open({.row = kRowIndex});
  Open({.row = kRowIndex, .may_be_shared = true});
  sent_[kCookie + 1] = 1000;
  Settle();
  EXPECT_EQ(OfVendor(kConnectionsUnsettled), 2u);
  EXPECT_EQ(Total("a.test", kSentBytes, Visibility::kPlaintext), 100u);
}

TEST_F(SettlementTest, SlotsThatNoShimWroteAreHarmless) {
  Open({.row = kVendorIndex, .request_row = 4000, .vendor_row = kRowIndex});
  Open({.row = 4000, .request_row = kVendorIndex, .vendor_row = 3000});
  Open({.request_from = 1, .row = 4000, .request_row = 4000});
  for (std::uint64_t i = 0; i < 3; ++i) sent_[kCookie + i] = 130;
  Settle();
  EXPECT_EQ(OfVendor(kReconciledSentBytes), 30u);
  EXPECT_EQ(Total(kUnknownDestination, kRequests, Visibility::kInferred), 1u);
  EXPECT_EQ(Total(kUnknownDestination, kSentBytes, Visibility::kInferred), 30u);
}

}  // namespace
}  // namespace proxymeter::collector
