#include "collector/audit/audit.h"

#include <algorithm>
#include <utility>

#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

constexpr std::chrono::seconds kSweepInterval(5);

// What moves from `told` to `now`, none of it backwards.
std::uint64_t Advance(std::uint64_t* told, std::uint64_t now) {
  if (now <= *told) return 0;
  return now - std::exchange(*told, now);
}

bool IsFinal(const Claim& claim) { return claim.state != ClaimState::kOpen; }

}  // namespace

Audit::Audit(World world, const AuditTimes& times)
    : world_(std::move(world)), times_(times) {}

Audit::Connection* Audit::Find(std::uint64_t cookie, TimePoint now) {
  auto found = connections_.find(cookie);
  if (found == connections_.end()) {
    if (connections_.size() >= kMaxConnections) {
      CountGap(AuditGap::kNoRoom);
      return nullptr;
    }
    found = connections_.try_emplace(cookie).first;
  }
  found->second.touched = now;
  return &found->second;
}

void Audit::OnEnd(const TcpSocket& end, TimePoint now) {
  if (end.cookie == 0 || !end.has_counts || world_.is_listening(end.local)) {
    return;
  }
  Connection* connection = Find(end.cookie, now);
  if (connection == nullptr) return;
  connection->kernel = end;
  connection->ended = now;
  ended_.push_back(end.cookie);
}

void Audit::BeginDump(TimePoint now) { dump_begun_ = now; }

void Audit::OnOpen(const TcpSocket& socket) {
  if (socket.cookie == 0 || !socket.has_counts ||
      world_.is_listening(socket.local)) {
    return;
  }
  // Of the others only those that somebody claims matter, and they are known
  // when a claim has come.
  if (!connections_.contains(socket.cookie) &&
      world_.vendor_of(socket.remote).empty()) {
    return;
  }
  Connection* connection = Find(socket.cookie, dump_begun_);
  if (connection == nullptr || connection->ended) return;
  connection->kernel = socket;
  if (connection->dumps++ == 0) {
    connection->first_dump = dump_begun_;
    connection->told_before = dumps_ == 0;
  }
  connection->last_dump = dumps_ + 1;
}

void Audit::EndDump() {
  dump_is_news_ = true;
  ++dumps_;
}

void Audit::OnClaim(const Claim& claim, TimePoint now) {
  if (const auto found = decided_.find(claim.cookie); found != decided_.end()) {
    found->second.at = now;
    if (std::exchange(found->second.unclaimed, false)) {
      CountGap(AuditGap::kLateClaim);
    }
    return;
  }
  Connection* connection = Find(claim.cookie, now);
  if (connection == nullptr) return;
  for (Claim& known : connection->claims) {
    if (known.session != claim.session || known.slot != claim.slot) continue;
    if (IsFinal(known)) return;
    const std::uint64_t sent = known.sent;
    const std::uint64_t received = known.received;
    known = claim;
    known.sent = std::max(known.sent, sent);
    known.received = std::max(known.received, received);
    return;
  }
  connection->claims.push_back(claim);
}

void Audit::Doubt(TimePoint until) {
  doubt_until_ = std::max(doubt_until_, until);
}

void Audit::Settle(TimePoint now) {
  std::erase_if(ended_, [&](std::uint64_t cookie) {
    const auto found = connections_.find(cookie);
    if (found == connections_.end()) return true;
    if (!MayFinish(found->second, now)) return false;
    Finish(cookie, found->second, now);
    connections_.erase(found);
    return true;
  });
  if (std::exchange(dump_is_news_, false)) {
    for (auto& [cookie, connection] : connections_) {
      if (connection.last_dump == dumps_ && !connection.ended) {
        TellOpen(connection, now);
      }
    }
  }
  if (now >= next_sweep_) {
    next_sweep_ = now + kSweepInterval;
    Sweep(now);
  }
}

// As soon as claims account for all that the kernel counted, else when no more
// of them are to be expected.
bool Audit::MayFinish(const Connection& connection, TimePoint now) const {
  const auto waited = now - *connection.ended;
  if (waited >= times_.patience) return true;
  if (!std::ranges::all_of(connection.claims, IsFinal)) return false;
  if (waited >= times_.grace) return true;
  Bytes claimed;
  for (const Claim& claim : connection.claims) {
    if (claim.state == ClaimState::kOverwritten) return false;
    claimed.sent += claim.sent;
    claimed.received += claim.received;
  }
  return !connection.claims.empty() &&
         claimed.sent >= connection.kernel->sent &&
         claimed.received + 1 >= connection.kernel->received;
}

void Audit::Finish(std::uint64_t cookie, Connection& connection,
                   TimePoint now) {
  const std::string vendor = VendorOf(connection);
  if (vendor.empty()) return;
  if (connection.claims.empty()) {
    // A doubt that came up after it had been metered comes too late.
    if (!connection.counted_unmetered && *connection.ended <= doubt_until_) {
      CountGap(AuditGap::kUndecided);
      return;
    }
  }
  if (!std::ranges::all_of(connection.claims, IsFinal) ||
      connection.claims.empty()) {
    decided_[cookie] = {now, connection.claims.empty()};
  }
  Tell(connection, vendor, Finality::kFinal);
  const TcpSocket& kernel = *connection.kernel;
  if (kernel.rtt_us != 0) {
    Counters& rtt = Row(kKernelRttRow, vendor);
    rtt[kPhaseMicroseconds] += kernel.rtt_us;
    ++rtt[kPhaseBuckets + DurationBucket(kernel.rtt_us)];
    if (connection.claims.empty()) {
      Counters& row = Row(RowKind::kVendor, vendor);
      row[kRttMicroseconds] += kernel.rtt_us;
      ++row[kRttSamples];
    }
  }
}

// One that nobody claims may have been connected a moment ago: it has to be
// there twice.
void Audit::TellOpen(Connection& connection, TimePoint now) {
  constexpr std::chrono::milliseconds kSettled(500);
  const bool claimed = !connection.claims.empty();
  if (!claimed &&
      (connection.dumps < 2 || now - connection.first_dump < kSettled ||
       doubt_until_ >= connection.first_dump)) {
    return;
  }
  const std::string vendor = VendorOf(connection);
  if (!vendor.empty()) Tell(connection, vendor, Finality::kGoesOn);
}

void Audit::Tell(Connection& connection, const std::string& vendor,
                 Finality finality) {
  if (!connection.claims.empty()) {
    world_.learn(connection.kernel->remote, vendor);
  }
  const Bytes witnessed = Witnessed(connection, finality);
  Bytes covered;
  for (const Claim& claim : connection.claims) {
    if (claim.state == ClaimState::kOverwritten) {
      // It was metered; what it came to is all that is missing.
      covered = witnessed;
      break;
    }
    covered.sent += claim.sent;
    covered.received += claim.received;
  }
  const std::uint64_t unsent =
      covered.sent > witnessed.sent ? covered.sent - witnessed.sent : 0;
  covered.sent = std::min(covered.sent, witnessed.sent);
  covered.received = std::min(covered.received, witnessed.received);
  const Bytes missing = {witnessed.sent - covered.sent,
                         witnessed.received - covered.received};
  if (std::exchange(connection.told_before, false)) {
    if (connection.claims.empty()) CountGap(AuditGap::kOpenAtStart);
    connection.witnessed = witnessed;
    connection.covered = covered;
    connection.unmetered = missing;
    connection.retransmitted = connection.kernel->retransmitted;
    connection.counted = connection.counted_unmetered = true;
    return;
  }
  Counters& row = Row(kKernelRow, vendor);
  row[kKernelSentBytes] += Advance(&connection.witnessed.sent, witnessed.sent);
  row[kKernelReceivedBytes] +=
      Advance(&connection.witnessed.received, witnessed.received);
  row[kCoveredSentBytes] += Advance(&connection.covered.sent, covered.sent);
  row[kCoveredReceivedBytes] +=
      Advance(&connection.covered.received, covered.received);
  const std::uint64_t again =
      Advance(&connection.retransmitted, connection.kernel->retransmitted);
  row[kKernelRetransmittedBytes] += again;
  if (connection.claims.empty() && again != 0) {
    Row(RowKind::kVendor, vendor)[kRetransmittedBytes] += again;
  }
  if (finality == Finality::kFinal) {
    Row(kKernelRow, vendor)[kUnsentBytes] += unsent;
  }
  CountConnection(connection, vendor);
  // What a claim lacks may be reported yet, unless it is the last word.
  if (connection.claims.empty() || finality == Finality::kFinal) {
    TellUnmetered(connection, vendor, missing);
  }
}

void Audit::CountConnection(Connection& connection, const std::string& vendor) {
  const TcpSocket& kernel = *connection.kernel;
  const bool answered = kernel.acked != 0;
  if (!answered && !connection.ended) return;  // it is being made
  if (!std::exchange(connection.counted, true)) {
    ++Row(kKernelRow,
          vendor)[answered ? kKernelConnectionsOk : kKernelConnectionsFailed];
  }
  if (connection.claims.empty() &&
      !std::exchange(connection.counted_unmetered, true)) {
    ++Row(RowKind::kVendor,
          vendor)[answered ? kConnectionsOk : kConnectionsFailed];
    ++Row(kUnmeteredRow, vendor,
          static_cast<std::uint16_t>(
              UnmeteredReason::kNotPreloaded))[kUnmeteredConnections];
  }
}

void Audit::TellUnmetered(Connection& connection, const std::string& vendor,
                          const Bytes& missing) {
  const std::uint64_t sent = Advance(&connection.unmetered.sent, missing.sent);
  const std::uint64_t received =
      Advance(&connection.unmetered.received, missing.received);
  if (sent == 0 && received == 0) return;
  const auto any = [&](auto&& is) {
    return std::ranges::any_of(connection.claims, is);
  };
  UnmeteredReason reason = UnmeteredReason::kPathNotSeen;
  if (connection.claims.empty()) {
    reason = UnmeteredReason::kNotPreloaded;
  } else if (any([](const Claim& claim) {
               return claim.state == ClaimState::kKilled;
             })) {
    reason = UnmeteredReason::kAfterCrash;
  } else if (any([](const Claim& claim) { return claim.adopted; })) {
    reason = UnmeteredReason::kBeforeJournal;
  }
  std::uint64_t unread = 0;
  if (reason == UnmeteredReason::kPathNotSeen) {
    unread = std::min<std::uint64_t>(received, connection.kernel->unread);
    Row(kUnmeteredRow, vendor,
        static_cast<std::uint16_t>(
            UnmeteredReason::kNotRead))[kUnmeteredReceivedBytes] += unread;
  }
  Counters& row =
      Row(kUnmeteredRow, vendor, static_cast<std::uint16_t>(reason));
  row[kUnmeteredSentBytes] += sent;
  row[kUnmeteredReceivedBytes] += received - unread;
  const RowKey key = {.kind = RowKind::kTraffic,
                      .vendor = vendor,
                      .destination = kUnknownDestination,
                      .protocol = Protocol::kTcp,
                      .visibility = Visibility::kKernel};
  Counters& traffic = deltas_[key];
  traffic[kSentBytes] += sent;
  traffic[kReceivedBytes] += received;
}

Audit::Bytes Audit::Witnessed(const Connection& connection, Finality finality) {
  const TcpSocket& kernel = *connection.kernel;
  Bytes bytes = {kernel.sent, kernel.received};
  if (bytes.received == 0) return bytes;
  // While it is open one byte is kept back: the kernel reads a socket's state
  // and its counts one after the other, and a FIN may come in between.
  const Fin fin =
      finality == Finality::kGoesOn ? Fin::kIncluded : FinOf(connection);
  if (fin == Fin::kIncluded || fin == Fin::kMaybe) --bytes.received;
  if (fin == Fin::kMaybe || fin == Fin::kMaybeNot) {
    CountGap(AuditGap::kFinUnsure);
  }
  return bytes;
}

// Whether a FIN is among what was received: the kernel counts it, and does not
// say so of a socket that is gone.
Audit::Fin Audit::FinOf(const Connection& connection) const {
  const TcpSocket& kernel = *connection.kernel;
  if (kernel.received == 0) return Fin::kNone;
  if (kernel.state != TcpState::kClosed) {
    return HasFin(kernel) ? Fin::kIncluded : Fin::kNone;
  }
  if (connection.claims.empty()) return FinOfUnclaimed(kernel);
  // Crawlers know what they read; one more is the FIN.
  std::uint64_t claimed = 0;
  for (const Claim& claim : connection.claims) {
    if (claim.state == ClaimState::kOverwritten) return FinOfUnclaimed(kernel);
    claimed += claim.received;
  }
  if (kernel.received > claimed + 1) return FinOfUnclaimed(kernel);
  return kernel.received > claimed ? Fin::kIncluded : Fin::kNone;
}

Audit::Fin Audit::FinOfUnclaimed(const TcpSocket& end) const {
  // Unread data would have made the close a reset: it is the FIN.
  if (end.unread == 1) return Fin::kIncluded;
  // SYN and FIN take a place in the sequence each: our own was acknowledged, so
  // neither side broke the connection off.
  if (end.acked >= end.sent + 2) {
    return end.unread > 1 || !world_.closed_first(end) ? Fin::kIncluded
                                                       : Fin::kNone;
  }
  // Who writes to a peer that has closed gets a reset for it: its FIN came
  // before. Without unanswered data it is the peer that broke off.
  return end.acked <= end.sent && end.unread == 0 ? Fin::kMaybe
                                                  : Fin::kMaybeNot;
}

// Traffic without a vendor is nobody's bill: there is nothing to witness.
std::string Audit::VendorOf(const Connection& connection) const {
  if (connection.claims.empty()) {
    return world_.vendor_of(connection.kernel->remote);
  }
  const std::string& vendor = connection.claims.front().vendor;
  return vendor == kDirectVendor ? std::string() : vendor;
}

void Audit::Sweep(TimePoint now) {
  absl::erase_if(connections_, [&](auto& entry) {
    auto& [cookie, connection] = entry;
    if (connection.ended) return false;
    // It was in the last dump but one, at the latest.
    if (connection.kernel && connection.last_dump + 2 <= dumps_) {
      CountGap(AuditGap::kEndUnheard);
      connection.ended = connection.touched;
      Finish(cookie, connection, now);
      return true;
    }
    if (connection.kernel || now - connection.touched < times_.forget) {
      return false;
    }
    if (std::ranges::all_of(connection.claims, [](const Claim& claim) {
          return IsFinal(claim) && !claim.from_before;
        })) {
      CountGap(AuditGap::kUnwitnessed);
    }
    return true;
  });
  absl::erase_if(decided_, [&](const auto& entry) {
    return now - entry.second.at >= times_.forget;
  });
}

Counters& Audit::Row(RowKind kind, const std::string& vendor,
                     std::uint16_t code) {
  return deltas_[{.kind = kind, .vendor = vendor, .code = code}];
}

std::vector<RowValue> Audit::TakeDeltas() {
  std::vector<RowValue> rows;
  rows.reserve(deltas_.size());
  for (auto& [key, counters] : deltas_) rows.push_back({key, counters});
  deltas_.clear();
  return rows;
}

}  // namespace proxymeter::collector
