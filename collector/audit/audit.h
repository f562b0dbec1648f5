// Two witnesses of each connection, compared: the kernel and the crawlers.
#ifndef PROXYMETER_COLLECTOR_AUDIT_AUDIT_H_
#define PROXYMETER_COLLECTOR_AUDIT_AUDIT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "collector/accounts/row.h"
#include "collector/audit/audit_health.h"
#include "collector/audit/claim.h"
#include "collector/kernel/tcp_socket.h"

namespace proxymeter::collector {

struct AuditTimes {
  /// How long after the kernel's last word a claim may come.
  std::chrono::milliseconds grace{2500};
  /// The same while a claim is there that is not final: a fork may have the
  /// descriptor's number in use still.
  std::chrono::milliseconds patience = std::chrono::seconds(20);
  /// How long final claims wait for the kernel's last word: it goes on sending
  /// what is in its buffers.
  std::chrono::milliseconds forget = std::chrono::minutes(2);
};

/// Adds up what the kernel witnessed of connections to vendors, the part of it
/// that was reported, and the rest by its reason; and meters that rest, so that
/// what is reported and what is metered here are all bytes there were, each
/// once. Pure: it is told what happens, and when. Not thread-safe.
class Audit {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMaxConnections = 1 << 17;

  struct World {
    /// The vendor of connections to `remote` that nobody reports; empty: none.
    std::function<std::string(const Endpoint& remote)> vendor_of;
    /// A crawler reports a connection of `vendor` to `remote`.
    std::function<void(const Endpoint& remote, const std::string& vendor)>
        learn;
    /// True when somebody listens there: what is connected to it was accepted.
    std::function<bool(const Endpoint& local)> is_listening;
    /// True when the kernel keeps the connection in TIME_WAIT: this side closed
    /// it first.
    std::function<bool(const TcpSocket& end)> closed_first;
  };

  explicit Audit(World world, const AuditTimes& times = {});

  /// The kernel's last word on a socket.
  void OnEnd(const TcpSocket& end, TimePoint now);
  /// A dump of sockets that are open: BeginDump, OnOpen for each, EndDump. Not
  /// to be ended when it was not complete. Claims are to be read behind it.
  void BeginDump(TimePoint now);
  void OnOpen(const TcpSocket& socket);
  void EndDump();

  void OnClaim(const Claim& claim, TimePoint now);
  /// Crawlers have connections that they cannot report one by one: what nobody
  /// has claimed until `until` may be theirs.
  void Doubt(TimePoint until);
  void CountGap(AuditGap gap, std::uint64_t times = 1) {
    gaps_[static_cast<std::size_t>(gap)] += times;
  }

  /// Decides what can be decided. To be called a few times a second.
  void Settle(TimePoint now);

  /// What is to be added to the accounts since the last call.
  std::vector<RowValue> TakeDeltas();
  const AuditGaps& gaps() const { return gaps_; }
  /// True when something waits for claims.
  bool awaits_claims() const { return !ended_.empty(); }
  std::size_t connections() const { return connections_.size(); }

 private:
  struct Bytes {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  struct Connection {
    std::optional<TcpSocket> kernel{};  // its latest word
    std::optional<TimePoint> ended{};
    TimePoint first_dump{};
    std::uint64_t last_dump = 0;  // number of the last one that had it, from 1
    std::uint32_t dumps = 0;
    TimePoint touched{};
    absl::InlinedVector<Claim, 1> claims{};
    // It was there when the audit began: what it had moved by then was told, if
    // anybody did, by the audit before.
    bool told_before = false;
    // Told so far.
    Bytes witnessed{};
    Bytes covered{};
    Bytes unmetered{};
    std::uint64_t retransmitted = 0;
    bool counted = false;            // among the connections
    bool counted_unmetered = false;  // among those that nobody reported
  };
  enum class Finality : std::uint8_t { kGoesOn, kFinal };

  /// Null when there is no room for one more.
  Connection* Find(std::uint64_t cookie, TimePoint now);
  bool MayFinish(const Connection& connection, TimePoint now) const;
  void Finish(std::uint64_t cookie, Connection& connection, TimePoint now);
  void TellOpen(Connection& connection, TimePoint now);
  void Tell(Connection& connection, const std::string& vendor,
            Finality finality);
  void TellUnmetered(Connection& connection, const std::string& vendor,
                     const Bytes& missing);
  void CountConnection(Connection& connection, const std::string& vendor);
  void Sweep(TimePoint now);
  Bytes Witnessed(const Connection& connection, Finality finality);
  enum class Fin : std::uint8_t { kNone, kIncluded, kMaybe, kMaybeNot };
  Fin FinOf(const Connection& connection) const;
  Fin FinOfUnclaimed(const TcpSocket& end) const;
  std::string VendorOf(const Connection& connection) const;
  Counters& Row(RowKind kind, const std::string& vendor,
                std::uint16_t code = 0);

  const World world_;
  const AuditTimes times_;
  absl::flat_hash_map<std::uint64_t, Connection> connections_;  // by cookie
  std::vector<std::uint64_t> ended_;  // cookies that wait to be decided
  // What is decided and may be claimed still.
  struct Decided {
    TimePoint at;
    bool unclaimed;  // metered here
  };
  absl::flat_hash_map<std::uint64_t, Decided> decided_;
  std::uint64_t dumps_ = 0;  // that came to their end
  bool dump_is_news_ = false;
  TimePoint dump_begun_{};
  TimePoint doubt_until_ = TimePoint::min();
  TimePoint next_sweep_ = TimePoint::min();
  absl::node_hash_map<RowKey, Counters> deltas_;
  AuditGaps gaps_{};
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_AUDIT_AUDIT_H_
