#include "collector/audit/audit.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kCrawler = {MappedIpv4(10, 0, 0, 5), 40000};
const Endpoint kProxy = {MappedIpv4(192, 0, 2, 7), 3128};
const Endpoint kElsewhere = {MappedIpv4(198, 51, 100, 1), 443};

class AuditTest : public testing::Test {
 protected:
  AuditTest()
      : audit_({.vendor_of =
                    [this](const Endpoint& remote) {
                      return remote.port == kProxy.port ? vendor_here_
                                                        : std::string();
                    },
                .learn =
                    [this](const Endpoint& remote, const std::string& vendor) {
                      learnt_[remote.port] = vendor;
                    },
                .is_listening =
                    [](const Endpoint& local) { return local.port == 8080; },
                .closed_first =
                    [this](const TcpSocket&) { return closed_first_; }}) {}

  // In order: both sides closed, and everything was read.
  static TcpSocket Socket(std::uint64_t cookie, std::uint64_t sent,
                          std::uint64_t received) {
    return {.cookie = cookie,
            .local = kCrawler,
            .remote = kProxy,
            .state = TcpState::kClosed,
            .has_counts = true,
            .sent = sent,
            .received = received,
            .acked = sent + 2};
  }
  static TcpSocket Open(std::uint64_t cookie, std::uint64_t sent,
                        std::uint64_t received) {
    TcpSocket socket = Socket(cookie, sent, received);
    socket.state = TcpState::kEstablished;
    socket.acked = sent + 1;
    return socket;
  }
  static Claim Claimed(std::uint64_t cookie, std::uint64_t sent,
                       std::uint64_t received,
                       ClaimState state = ClaimState::kEnded) {
    return {.slot = static_cast<std::uint32_t>(cookie),
            .cookie = cookie,
            .vendor = "acme",
            .sent = sent,
            .received = received,
            .state = state};
  }

  void Dump(std::initializer_list<TcpSocket> sockets) {
    audit_.BeginDump(now_);
    for (const TcpSocket& socket : sockets) audit_.OnOpen(socket);
    audit_.EndDump();
  }
  void Settle(milliseconds later = milliseconds(0)) {
    now_ += later;
    audit_.Settle(now_);
    for (const RowValue& row : audit_.TakeDeltas()) {
      Counters& sum = rows_[row.key];
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += row.counters[i];
    }
  }
  Counters Row(RowKind kind, const std::string& vendor = "acme",
               UnmeteredReason reason = UnmeteredReason::kNotPreloaded) {
    const bool by_reason = kind == kUnmeteredRow;
    return rows_[{.kind = kind,
                  .vendor = vendor,
                  .code = static_cast<std::uint16_t>(
                      by_reason ? static_cast<int>(reason) : 0)}];
  }
  Counters Unmetered(UnmeteredReason reason) {
    return Row(kUnmeteredRow, "acme", reason);
  }
  Counters Traffic(const std::string& vendor = "acme") {
    return rows_[{.kind = RowKind::kTraffic,
                  .vendor = vendor,
                  .destination = kUnknownDestination,
                  .protocol = Protocol::kTcp,
                  .visibility = Visibility::kKernel}];
  }
  std::uint64_t Gap(AuditGap gap) const {
    return audit_.gaps()[static_cast<std::size_t>(gap)];
  }
  std::uint64_t Gaps() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t gap : audit_.gaps()) sum += gap;
    return sum;
  }

  const AuditTimes times_;
  std::string vendor_here_ = "acme";
  bool closed_first_ = false;
  std::map<std::uint16_t, std::string> learnt_;  // by remote port
  Audit audit_;
  Audit::TimePoint now_{seconds(1000)};
  std::map<RowKey, Counters> rows_;
};

TEST_F(AuditTest, BothWitnessesAgreeAtOnceInAnyOrder) {
  audit_.OnEnd(Socket(1, 100, 501), now_);  // with the FIN
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  audit_.OnClaim(Claimed(2, 30, 50), now_);
  audit_.OnEnd(Socket(2, 30, 50), now_);  // without one
  Settle();
  const Counters kernel = Row(kKernelRow);
  EXPECT_EQ(kernel[kKernelSentBytes], 130u);
  EXPECT_EQ(kernel[kKernelReceivedBytes], 550u);
  EXPECT_EQ(kernel[kCoveredSentBytes], 130u);
  EXPECT_EQ(kernel[kCoveredReceivedBytes], 550u);
  EXPECT_EQ(kernel[kKernelConnectionsOk], 2u);
  EXPECT_EQ(kernel[kUnsentBytes], 0u);
  EXPECT_EQ(Traffic()[kSentBytes], 0u);
  EXPECT_EQ(Row(RowKind::kVendor)[kConnectionsOk], 0u);
  EXPECT_EQ(audit_.connections(), 0u);
  EXPECT_FALSE(audit_.awaits_claims());
  EXPECT_EQ(Gaps(), 0u);
}

TEST_F(AuditTest, WhatNobodyClaimsIsMeteredAfterAWhile) {
  TcpSocket end = Socket(1, 100, 501);
  end.retransmitted = 20;
  end.rtt_us = 1500;
  audit_.OnEnd(end, now_);
  Settle(times_.grace - milliseconds(1));
  EXPECT_TRUE(rows_.empty());
  EXPECT_TRUE(audit_.awaits_claims());
  Settle(milliseconds(1));
  EXPECT_EQ(Traffic()[kSentBytes], 100u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 500u);
  const Counters kernel = Row(kKernelRow);
  EXPECT_EQ(kernel[kKernelSentBytes], 100u);
  EXPECT_EQ(kernel[kKernelReceivedBytes], 500u);
  EXPECT_EQ(kernel[kCoveredSentBytes], 0u);
  EXPECT_EQ(kernel[kKernelRetransmittedBytes], 20u);
  const Counters unmetered = Unmetered(UnmeteredReason::kNotPreloaded);
  EXPECT_EQ(unmetered[kUnmeteredSentBytes], 100u);
  EXPECT_EQ(unmetered[kUnmeteredReceivedBytes], 500u);
  EXPECT_EQ(unmetered[kUnmeteredConnections], 1u);
  const Counters vendor = Row(RowKind::kVendor);
  EXPECT_EQ(vendor[kConnectionsOk], 1u);
  EXPECT_EQ(vendor[kRetransmittedBytes], 20u);
  EXPECT_EQ(vendor[kRttMicroseconds], 1500u);
  EXPECT_EQ(vendor[kRttSamples], 1u);
  const Counters rtt = Row(kKernelRttRow);
  EXPECT_EQ(rtt[kPhaseMicroseconds], 1500u);
  EXPECT_EQ(rtt[kPhaseBuckets + DurationBucket(1500)], 1u);
  EXPECT_EQ(audit_.connections(), 0u);
  EXPECT_EQ(Gaps(), 0u);
}

TEST_F(AuditTest, OtherPeoplesConnectionsAreNobodysBusiness) {
  TcpSocket accepted = Socket(1, 100, 500);
  accepted.local.port = 8080;
  audit_.OnEnd(accepted, now_);
  TcpSocket elsewhere = Socket(2, 100, 500);
  elsewhere.remote = kElsewhere;
  audit_.OnEnd(elsewhere, now_);
  TcpSocket without_counts = Socket(3, 100, 500);
  without_counts.has_counts = false;
  audit_.OnEnd(without_counts, now_);
  Claim direct = Claimed(4, 1, 1);
  direct.vendor = kDirectVendor;
  audit_.OnClaim(direct, now_);
  audit_.OnEnd(Socket(4, 1, 1), now_);
  Settle(times_.grace);
  EXPECT_TRUE(rows_.empty());
  EXPECT_EQ(audit_.connections(), 0u);
}

TEST_F(AuditTest, TheVendorIsTheCrawlersWord) {
  vendor_here_.clear();
  audit_.OnEnd(Socket(1, 100, 500), now_);
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  Settle();
  EXPECT_EQ(Row(kKernelRow)[kKernelSentBytes], 100u);
}

TEST_F(AuditTest, WhereVendorsAreIsLearntFromClaims) {
  // Though the claim may come first.
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  TcpSocket end = Socket(1, 100, 500);
  end.remote = kElsewhere;
  audit_.OnEnd(end, now_);
  audit_.OnEnd(Socket(2, 100, 500), now_);
  Settle(times_.grace);
  EXPECT_EQ(learnt_,
            (std::map<std::uint16_t, std::string>{{kElsewhere.port, "acme"}}));
}

TEST_F(AuditTest, ReasonsOfWhatAClaimLacks) {
  struct {
    ClaimState state;
    bool adopted;
    std::uint32_t unread;
    UnmeteredReason reason;
  } const kCases[] = {
      {ClaimState::kEnded, false, 0, UnmeteredReason::kPathNotSeen},
      {ClaimState::kEnded, true, 0, UnmeteredReason::kBeforeJournal},
      {ClaimState::kKilled, false, 0, UnmeteredReason::kAfterCrash},
      {ClaimState::kEnded, false, 45, UnmeteredReason::kNotRead},
  };
  std::uint64_t cookie = 0;
  for (const auto& each : kCases) {
    TcpSocket end = Socket(++cookie, 100, 546);
    end.unread = each.unread;
    audit_.OnEnd(end, now_);
    Claim claim = Claimed(cookie, 100, 500, each.state);
    claim.adopted = each.adopted;
    audit_.OnClaim(claim, now_);
    Settle(times_.grace);
    const Counters unmetered = Unmetered(each.reason);
    EXPECT_EQ(unmetered[kUnmeteredSentBytes], 0u);
    EXPECT_EQ(unmetered[kUnmeteredReceivedBytes], 45u) << Name(each.reason);
    EXPECT_EQ(unmetered[kUnmeteredConnections], 0u);
  }
  EXPECT_EQ(Traffic()[kReceivedBytes], 4 * 45u);
  EXPECT_EQ(Row(kKernelRow)[kKernelReceivedBytes], 4 * 545u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 4 * 500u);
}

TEST_F(AuditTest, SeveralProcessesShareAConnection) {
  audit_.OnEnd(Socket(1, 100, 501), now_);
  audit_.OnClaim(Claimed(1, 60, 0), now_);
  Settle();
  Claim other = Claimed(1, 40, 500);
  other.session[0] = 2;
  other.adopted = true;
  audit_.OnClaim(other, now_);
  Settle();
  EXPECT_EQ(Row(kKernelRow)[kCoveredSentBytes], 100u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 500u);
  EXPECT_EQ(Traffic()[kSentBytes], 0u);
}

TEST_F(AuditTest, WhatABrokenConnectionNeverSentIsSaid) {
  TcpSocket end = Socket(1, 60, 0);
  end.acked = 61;
  audit_.OnEnd(end, now_);
  audit_.OnClaim(Claimed(1, 100, 0), now_);
  Settle();
  EXPECT_EQ(Row(kKernelRow)[kUnsentBytes], 40u);
  EXPECT_EQ(Row(kKernelRow)[kKernelSentBytes], 60u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredSentBytes], 60u);
}

TEST_F(AuditTest, AnOpenClaimIsAwaited) {
  audit_.OnEnd(Socket(1, 100, 501), now_);
  audit_.OnClaim(Claimed(1, 100, 200, ClaimState::kOpen), now_);
  Settle(times_.grace);
  EXPECT_TRUE(rows_.empty());
  audit_.OnClaim(Claimed(1, 100, 500, ClaimState::kEnded), now_);
  // What came before does not come again.
  audit_.OnClaim(Claimed(1, 100, 300, ClaimState::kOpen), now_);
  Settle();
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 500u);
  // One that never comes to its end is taken as it is.
  audit_.OnEnd(Socket(2, 100, 501), now_);
  audit_.OnClaim(Claimed(2, 100, 200, ClaimState::kOpen), now_);
  Settle(times_.patience);
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 700u);
  EXPECT_EQ(Unmetered(UnmeteredReason::kPathNotSeen)[kUnmeteredReceivedBytes],
            300u);
  // And goes on being there, for nothing.
  audit_.OnClaim(Claimed(2, 100, 500, ClaimState::kEnded), now_);
  EXPECT_EQ(audit_.connections(), 0u);
  EXPECT_EQ(Gaps(), 0u);
}

TEST_F(AuditTest, AnOverwrittenClaimCoversItAll) {
  audit_.OnEnd(Socket(1, 100, 501), now_);
  audit_.OnClaim(Claimed(1, 3, 4, ClaimState::kOverwritten), now_);
  Settle(times_.grace);
  EXPECT_EQ(Row(kKernelRow)[kKernelReceivedBytes], 500u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 500u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 0u);
}

TEST_F(AuditTest, ALateClaimIsSaid) {
  audit_.OnEnd(Socket(1, 100, 501), now_);
  Settle(times_.grace);
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  Settle();
  EXPECT_EQ(Gap(AuditGap::kLateClaim), 1u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredSentBytes], 0u);
}

TEST_F(AuditTest, InDoubtNothingIsMeteredTwice) {
  audit_.OnEnd(Socket(1, 100, 501), now_);
  audit_.Doubt(now_);
  audit_.OnEnd(Socket(2, 7, 0), now_ + milliseconds(1));
  Settle(times_.grace + milliseconds(1));
  EXPECT_EQ(Gap(AuditGap::kUndecided), 1u);
  EXPECT_EQ(Traffic()[kSentBytes], 7u);
  EXPECT_EQ(Row(kKernelRow)[kKernelSentBytes], 7u);
}

TEST_F(AuditTest, OpenConnectionsCountAsTheyGoOn) {
  Dump({});
  Settle(seconds(1));
  Dump({Open(1, 100, 500), Open(2, 10, 20)});
  audit_.OnClaim(Claimed(1, 100, 450, ClaimState::kOpen), now_);
  Settle();
  // A byte is kept back, which may be a FIN; nobody has claimed the second yet.
  EXPECT_EQ(Row(kKernelRow)[kKernelReceivedBytes], 499u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 450u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 0u);
  now_ += seconds(1);
  Dump({Open(1, 100, 500), Open(2, 30, 40)});
  Settle();
  EXPECT_EQ(Traffic()[kSentBytes], 30u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 39u);
  EXPECT_EQ(Row(RowKind::kVendor)[kConnectionsOk], 1u);
  now_ += seconds(1);
  Dump({Open(1, 100, 500), Open(2, 50, 90)});
  Settle();
  EXPECT_EQ(Traffic()[kSentBytes], 50u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 89u);
  // The end adds what is new, and not what is known.
  audit_.OnEnd(Socket(1, 100, 501), now_);
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  audit_.OnEnd(Socket(2, 60, 101), now_);
  Settle(times_.grace);
  EXPECT_EQ(Traffic()[kSentBytes], 60u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 100u);
  EXPECT_EQ(Row(kKernelRow)[kKernelSentBytes], 160u);
  EXPECT_EQ(Row(kKernelRow)[kKernelReceivedBytes], 600u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredReceivedBytes], 500u);
  EXPECT_EQ(Row(kKernelRow)[kKernelConnectionsOk], 2u);
  EXPECT_EQ(Unmetered(UnmeteredReason::kNotPreloaded)[kUnmeteredConnections],
            1u);
  EXPECT_EQ(Gaps(), 0u);
}

TEST_F(AuditTest, WhatWasOpenAtTheStartCountsFromThereOn) {
  Dump({Open(1, 1000, 5000), Open(2, 1000, 5000)});
  audit_.OnClaim(Claimed(2, 1000, 5000, ClaimState::kOpen), now_);
  Settle();
  now_ += seconds(1);
  Dump({Open(1, 1000, 5000), Open(2, 1000, 5000)});
  Settle();
  EXPECT_EQ(Gap(AuditGap::kOpenAtStart), 1u);
  EXPECT_EQ(Row(kKernelRow)[kKernelSentBytes], 0u);
  audit_.OnEnd(Socket(1, 1100, 5201), now_);
  audit_.OnEnd(Socket(2, 1010, 5021), now_);
  audit_.OnClaim(Claimed(2, 1010, 5020), now_);
  Settle(times_.grace);
  EXPECT_EQ(Traffic()[kSentBytes], 100u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 201u);  // with the byte kept back
  EXPECT_EQ(Row(kKernelRow)[kKernelSentBytes], 110u);
  EXPECT_EQ(Row(kKernelRow)[kCoveredSentBytes], 10u);
  EXPECT_EQ(Row(kKernelRow)[kKernelConnectionsOk], 0u);
}

TEST_F(AuditTest, EndsThatWereNotHeardAreSaid) {
  Dump({});
  now_ += seconds(1);
  Dump({Open(1, 100, 500)});
  Settle();
  now_ += seconds(1);
  Dump({Open(1, 100, 500)});
  Settle();
  now_ += seconds(1);
  Dump({});
  Settle(seconds(5));
  EXPECT_EQ(Gap(AuditGap::kEndUnheard), 0u);
  Dump({});
  Settle(seconds(5));
  EXPECT_EQ(Gap(AuditGap::kEndUnheard), 1u);
  EXPECT_EQ(Traffic()[kSentBytes], 100u);
  EXPECT_EQ(Traffic()[kReceivedBytes], 500u);
  EXPECT_EQ(audit_.connections(), 0u);
}

TEST_F(AuditTest, WhatADumpThatFailedDidNotTellIsNotGone) {
  Dump({});
  now_ += seconds(1);
  Dump({Open(1, 100, 500)});
  audit_.OnClaim(Claimed(1, 100, 450, ClaimState::kOpen), now_);
  Settle();
  for (int i = 0; i < 3; ++i) {
    audit_.BeginDump(now_);  // never comes to its end
    Settle(seconds(5));
  }
  Dump({Open(1, 100, 500)});
  Settle();
  audit_.OnEnd(Socket(1, 100, 501), now_);
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  Settle();
  EXPECT_EQ(Row(kKernelRow)[kKernelReceivedBytes], 500u);
  EXPECT_EQ(Row(kKernelRow)[kKernelConnectionsOk], 1u);
  EXPECT_EQ(Gaps(), 0u);
}

TEST_F(AuditTest, ReportsWithoutAKernelsWordAreSaid) {
  audit_.OnClaim(Claimed(1, 100, 500), now_);
  Settle(times_.forget);
  EXPECT_EQ(Gap(AuditGap::kUnwitnessed), 1u);
  Claim old = Claimed(2, 100, 500);
  old.from_before = true;
  audit_.OnClaim(old, now_);
  Settle(times_.forget);
  EXPECT_EQ(Gap(AuditGap::kUnwitnessed), 1u);
  EXPECT_EQ(audit_.connections(), 0u);
}

TEST_F(AuditTest, FailedConnectionsAreCounted) {
  TcpSocket end = Socket(1, 0, 0);
  end.acked = 0;
  audit_.OnEnd(end, now_);
  Settle(times_.grace);
  EXPECT_EQ(Row(kKernelRow)[kKernelConnectionsFailed], 1u);
  EXPECT_EQ(Row(kKernelRow)[kKernelConnectionsOk], 0u);
  EXPECT_EQ(Row(RowKind::kVendor)[kConnectionsFailed], 1u);
}

TEST_F(AuditTest, AFinIsNoByte) {
  struct {
    std::uint64_t acked_beyond;  // of what was sent; SYN and FIN are one each
    std::uint32_t unread;
    bool closed_first;
    std::uint64_t received;  // of 501
    std::uint64_t unsure;
  } const kCases[] = {
      {2, 0, false, 500, 0},  // the peer closed first
      {2, 0, true, 501, 0},   // we did, and its FIN met TIME_WAIT
      {2, 1, true, 500, 0},   // we did, and its FIN came in time
      {1, 0, false, 501, 1},  // it broke off
      {0, 0, false, 500, 1},  // we wrote to a peer that had closed
      {1, 31, false, 501, 1},
  };
  std::uint64_t cookie = 0;
  std::uint64_t received = 0;
  std::uint64_t unsure = 0;
  for (const auto& each : kCases) {
    TcpSocket end = Socket(++cookie, 100, 501);
    end.acked = end.sent + each.acked_beyond;
    end.unread = each.unread;
    closed_first_ = each.closed_first;
    audit_.OnEnd(end, now_);
    Settle(times_.grace);
    received += each.received;
    unsure += each.unsure;
    EXPECT_EQ(Traffic()[kReceivedBytes], received) << cookie;
    EXPECT_EQ(Gap(AuditGap::kFinUnsure), unsure) << cookie;
  }
}

TEST_F(AuditTest, MemoryIsBounded) {
  for (std::uint64_t cookie = 1; cookie <= Audit::kMaxConnections + 3;
       ++cookie) {
    audit_.OnEnd(Socket(cookie, 1, 0), now_);
  }
  EXPECT_EQ(audit_.connections(), Audit::kMaxConnections);
  EXPECT_EQ(Gap(AuditGap::kNoRoom), 3u);
  Settle(times_.grace);
  EXPECT_EQ(Traffic()[kSentBytes], Audit::kMaxConnections);
  EXPECT_EQ(audit_.connections(), 0u);
}

}  // namespace
}  // namespace proxymeter::collector
