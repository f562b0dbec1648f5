#include "collector/audit/auditor.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace proxymeter::collector {
namespace {

// Of ends that wait to be taken: some seconds of many.
constexpr std::size_t kMaxEndings = 1 << 17;

}  // namespace

absl::StatusOr<std::unique_ptr<Auditor>> Auditor::Create(
    Sessions& sessions, const AuditorOptions& options) {
  absl::StatusOr<SocketDump> dump = SocketDump::Open();
  if (!dump.ok()) return dump.status();
  return std::unique_ptr<Auditor>(
      new Auditor(sessions, options, *std::move(dump)));
}

Auditor::Auditor(Sessions& sessions, const AuditorOptions& options,
                 SocketDump dump)
    : sessions_(sessions),
      options_(options),
      claims_(options.journals_fd),
      dump_(std::move(dump)),
      addresses_(options.policy_file),
      audit_({.vendor_of =
                  [this](const Endpoint& remote) {
                    return addresses_.VendorOf(remote);
                  },
              .learn =
                  [this](const Endpoint& remote, const std::string& vendor) {
                    addresses_.Learn(remote, vendor);
                  },
              .is_listening =
                  [this](const Endpoint& local) {
                    return listeners_.Accepted(local);
                  },
              .closed_first =
                  [this](const TcpSocket& end) { return ClosedFirst(end); }},
             options.times) {
  health_.running = true;
}

void Auditor::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Auditor::OnEnd(const TcpSocket& end) {
  const TimePoint now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  ++health_.ends;
  if (endings_.size() < kMaxEndings) {
    endings_.push_back({end, now});
  } else {
    ++overruns_;
  }
}

void Auditor::OnOverrun() {
  const std::lock_guard lock(mutex_);
  ++overruns_;
}

void Auditor::SetNames(
    absl::flat_hash_map<Address, std::vector<std::string>> names) {
  const std::lock_guard lock(mutex_);
  names_ = std::move(names);
}

void Auditor::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

AuditHealth Auditor::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void Auditor::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    const bool last = stopping_;
    lock.unlock();
    Look(std::chrono::steady_clock::now(), last);
    lock.lock();
    if (last) return;
    wake_.wait_for(lock, options_.tick, [this] { return stopping_; });
  }
}

void Auditor::Look(TimePoint now, bool last) {
  addresses_.Refresh();
  const bool dumps = last || now >= next_dump_;
  const bool reads = dumps || now >= next_reading_;
  if (reads) {
    FindListeners();
    next_reading_ = now + options_.interval;
  }
  if (dumps) Dump(now);
  TakeEndings();
  if (dumps || (reads && audit_.awaits_claims())) ReadClaims(now);
  // What nobody has claimed by the end, nobody will.
  audit_.Settle(last ? now + options_.times.patience : now);
  TellAccounts();
}

void Auditor::TakeEndings() {
  std::vector<Ending> endings;
  std::uint64_t overruns;
  {
    const std::lock_guard lock(mutex_);
    endings.swap(endings_);
    overruns = std::exchange(overruns_, 0);
    if (names_) {
      addresses_.SetNames(*std::move(names_));
      names_.reset();
    }
  }
  for (const Ending& ending : endings) {
    audit_.OnEnd(ending.socket, ending.at);
  }
  if (overruns != 0) audit_.CountGap(AuditGap::kOverrun, overruns);
}

void Auditor::ReadClaims(TimePoint now) {
  const ClaimNews news = claims_.Read();
  for (const Claim& claim : news.claims) audit_.OnClaim(claim, now);
  if (news.overwritten != 0) {
    audit_.CountGap(AuditGap::kOverwritten, news.overwritten);
  }
  if (news.overwritten != 0 || news.incomplete ||
      sessions_.WithoutJournal() != 0) {
    audit_.Doubt(now);
  }
}

void Auditor::Dump(TimePoint now) {
  audit_.BeginDump(now);
  const absl::Status done =
      dump_.Visit(kConnectionStates,
                  [this](const TcpSocket& socket) { audit_.OnOpen(socket); });
  const TimePoint end = std::chrono::steady_clock::now();
  next_dump_ = end + std::max<std::chrono::nanoseconds>(
                         options_.interval, (end - now) * options_.dump_share);
  if (done.ok()) audit_.EndDump();
  const std::lock_guard lock(mutex_);
  if (done.ok()) {
    ++health_.dumps;
  } else if (health_.failed_dumps++ == 0) {
    spdlog::warn("event=socket_dump_failed error=\"{}\"",
                 std::string(done.message()));
  }
}

void Auditor::FindListeners() {
  Listeners listeners;
  const absl::Status done = dump_.Visit(
      kListening,
      [&](const TcpSocket& socket) { listeners.Add(socket.local); });
  // Those that are known serve.
  if (done.ok()) listeners_ = std::move(listeners);
}

bool Auditor::ClosedFirst(const TcpSocket& end) {
  const auto found = dump_.Find(end.local, end.remote);
  // Another connection may have the same ends by now.
  return found.ok() && *found && (*found)->cookie == end.cookie;
}

void Auditor::TellAccounts() {
  if (!sessions_.awaits_ledger()) sessions_.AddWitnessed(audit_.TakeDeltas());
  const std::lock_guard lock(mutex_);
  health_.gaps = audit_.gaps();
  health_.connections = audit_.connections();
}

}  // namespace proxymeter::collector
