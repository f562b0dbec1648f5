#include "collector/ingest/journal_keeper.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "collector/accounts/journal_use.h"
#include "collector/ledger/commit_points.h"

namespace proxymeter::collector {
namespace {

// Bounds what a directory full of rubbish can cost in memory.
constexpr std::size_t kMaxWatches = 16384;
// One owner's rubbish must not hide the journals of the others.
constexpr std::size_t kMaxWatchesOfOwner = kMaxWatches / 4 * 3;
constexpr std::size_t kMaxForeignNames = 1024;
// Of sockets whose end is waited for: about as many are remembered.
constexpr std::size_t kMaxAwaited = 32768;
constexpr std::size_t kMaxAwaitedOfOwner = kMaxAwaited / 4 * 3;
// Of journals left to a newer collector: crawlers need the room too. That of
// 1,024 quiet ones.
constexpr std::uint64_t kMaxLeftBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxLeftBytesOfOwner = kMaxLeftBytes / 4 * 3;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

// False only when the number surely names no process here; it may have been
// given in another PID namespace, where it means something else.
bool MayExist(std::int32_t pid) {
  return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

}  // namespace

JournalKeeper::JournalKeeper(int journals_fd, Sessions& sessions,
                             const JournalTimes& times, HasProcess has_process,
                             FinalSent final_sent,
                             OnLastReading on_last_reading)
    : journals_fd_(journals_fd),
      sessions_(sessions),
      times_(times),
      has_process_(std::move(has_process)),
      final_sent_(std::move(final_sent)),
      on_last_reading_(std::move(on_last_reading)) {}

void JournalKeeper::Heard(const SessionId& id, TimePoint now) {
  // A session with a journal is opened only once the ledger has told.
  if (sessions_.awaits_ledger() && !sessions_.IsOpen(id)) return;
  Watch& watch = WatchOf(id, now);
  watch.last_news = now;
  watch.interval = times_.silence;
  watch.next_reading = now + times_.silence;
}

void JournalKeeper::Tick(TimePoint now) {
  if (sessions_.awaits_ledger()) return;
  Scan(now);
  CloseUnheard(now);
  // Visiting closes sessions: the map changes under an iterator.
  std::vector<SessionId> due;
  for (const auto& [id, watch] : watches_) {
    if (watch.next_reading <= now) due.push_back(id);
  }
  for (const SessionId& id : due) Visit(id, watches_.at(id), now);
}

// Sessions of the ledger that left no journal, and whose senders have not come
// back for so long.
void JournalKeeper::CloseUnheard(TimePoint now) {
  if (!first_tick_) first_tick_ = now;
  if (unheard_closed_ || now - *first_tick_ < times_.abandoned) return;
  unheard_closed_ = true;
  for (const SessionId& id : sessions_.Unheard()) {
    if (!watches_.contains(id)) sessions_.Finish(id);
  }
}

void JournalKeeper::ProcessesGone(const SessionId& id, TimePoint now) {
  if (sessions_.awaits_ledger()) {
    sessions_.Finish(id);
    return;
  }
  Watch& watch = WatchOf(id, now);
  if (UseOfJournal(journals_fd_, id) == JournalUse::kMapped) {
    watch.interval = times_.silence;
    watch.next_reading = now + times_.silence;
    return;
  }
  Close(id, watch, now);
}

void JournalKeeper::Settle(TimePoint now) {
  for (const SessionId& id : std::set<SessionId>(settling_)) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) {
      settling_.erase(id);
      continue;
    }
    Watch& watch = found->second;
    const bool told =
        std::ranges::all_of(watch.unsettled, [this](std::uint64_t cookie) {
          return final_sent_(cookie).has_value();
        });
    if (told || now >= *watch.settle_by) Close(id, watch, now);
  }
}

// Nobody has the session's connections any more, and the kernel sends what is
// still in their buffers: it tells when it has.
bool JournalKeeper::AwaitsKernel(const JournalContents& journal, Watch& watch,
                                 TimePoint now) {
  if (final_sent_ == nullptr) return false;
  watch.unsettled.clear();
  for (const MeteredConnection& connection : journal.connections.open) {
    if (CanBeSettled(connection) && !final_sent_(connection.cookie)) {
      watch.unsettled.push_back(connection.cookie);
    }
  }
  if (!watch.settle_by) watch.settle_by = now + times_.settling;
  watch.owner = journal.owner;
  return !watch.unsettled.empty() && now < *watch.settle_by && MayAwait(watch);
}

// A journal may name sockets that were never there: those of one owner must not
// take the time, or the room, of the others.
bool JournalKeeper::MayAwait(const Watch& watch) const {
  std::size_t awaited = watch.unsettled.size();
  std::size_t of_owner = awaited;
  for (const SessionId& id : settling_) {
    const auto other = watches_.find(id);
    if (other == watches_.end() || &other->second == &watch) continue;
    awaited += other->second.unsettled.size();
    if (other->second.owner == watch.owner) {
      of_owner += other->second.unsettled.size();
    }
  }
  return awaited <= kMaxAwaited && of_owner <= kMaxAwaitedOfOwner;
}

Owner JournalKeeper::OwnerOfFile(const SessionId& id) const {
  return OwnerOfJournal(journals_fd_, id);
}

void JournalKeeper::ReadAll() {
  if (sessions_.awaits_ledger()) return;
  Scan(TimePoint{});
  for (auto& [id, watch] : watches_) {
    if (const auto contents = Read(id, watch)) {
      sessions_.ApplyJournal(*contents);
    }
  }
}

JournalKeeper::Watch& JournalKeeper::WatchOf(const SessionId& id,
                                             TimePoint now) {
  const auto [position, inserted] = watches_.try_emplace(id);
  if (inserted) {
    position->second.next_reading = now;
    position->second.last_news = now;
    position->second.interval = times_.silence;
  }
  return position->second;
}

void JournalKeeper::Scan(TimePoint now) {
  // Its own open file, as reading moves a position that a copy would share.
  const int fd = openat(journals_fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseDirectory> directory(fd < 0 ? nullptr
                                                              : fdopendir(fd));
  if (directory == nullptr) {
    spdlog::error("event=journals_unreadable errno={}", errno);
    if (fd >= 0) close(fd);
    return;
  }
  std::map<Owner, std::size_t> watched;
  for (auto& [id, watch] : watches_) {
    watch.has_file = false;
    ++watched[watch.owner];
  }
  std::set<std::string> foreign;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::optional<SessionId> id = SessionIdFromHex(name);
    if (!id) {
      if (foreign.size() >= kMaxForeignNames) continue;
      if (!foreign_.contains(std::string(name))) {
        sessions_.CountRejection(Rejection::kForeignFile);
      }
      foreign.emplace(name);
    } else if (sessions_.IsRetired(*id)) {
      if (sessions_.AwaitsCommit(*id)) continue;
      ReachCommitPoint("before_removal");
      Remove(*id);
    } else {
      ScanJournal(*id, now, watched);
    }
  }
  foreign_ = std::move(foreign);
  std::erase_if(watches_, [this](const auto& item) {
    return !item.second.has_file && !sessions_.IsOpen(item.first);
  });
}

void JournalKeeper::ScanJournal(const SessionId& id, TimePoint now,
                                std::map<Owner, std::size_t>& watched) {
  if (const auto found = watches_.find(id); found != watches_.end()) {
    found->second.has_file = true;
    return;
  }
  const Owner owner = OwnerOfFile(id);
  std::size_t& of_owner = watched[owner];
  if (watches_.size() >= kMaxWatches || of_owner >= kMaxWatchesOfOwner) {
    sessions_.CountRejection(Rejection::kTooManySessions);
    return;
  }
  ++of_owner;
  Watch& watch = WatchOf(id, now);
  watch.owner = owner;
  watch.has_file = true;
}

void JournalKeeper::Visit(const SessionId& id, Watch& watch, TimePoint now) {
  if (!has_process_(id)) {
    // Asked before reading, so that a free journal is read when it is final.
    const JournalUse use = UseOfJournal(journals_fd_, id);
    if (use == JournalUse::kFree ||
        (use == JournalUse::kUnknown && IsAbandoned(watch, now))) {
      Close(id, watch, now);
      return;
    }
  }
  bool changed = false;
  if (const std::optional<JournalContents> contents = Read(id, watch)) {
    changed = sessions_.ApplyJournal(*contents).changed;
  }
  if (changed) {
    watch.last_news = now;
    watch.interval = times_.silence;
  } else {
    watch.interval = std::min(2 * watch.interval, times_.longest_interval);
  }
  watch.next_reading = now + watch.interval;
}

std::optional<JournalContents> JournalKeeper::Read(const SessionId& id,
                                                   Watch& watch, bool last) {
  auto reading = ReadJournal(journals_fd_, id);
  if (auto* problem = std::get_if<JournalProblem>(&reading)) {
    // Nobody is left who could finish it.
    if (last && *problem == JournalProblem::kUnfinished) {
      *problem = JournalProblem::kMalformed;
    }
    CountProblem(*problem, watch);
    return std::nullopt;
  }
  JournalContents& contents = std::get<JournalContents>(reading);
  watch.pid = contents.pid;
  for (; watch.bad_rows < contents.bad_rows; ++watch.bad_rows) {
    sessions_.CountRejection(Rejection::kBadRow);
  }
  if (contents.truncated) CountProblem(JournalProblem::kMalformed, watch);
  return std::move(contents);
}

void JournalKeeper::CountProblem(JournalProblem problem, Watch& watch) {
  watch.later_version = problem == JournalProblem::kLaterVersion;
  if (watch.problem_counted) return;
  switch (problem) {
    case JournalProblem::kGone:
    case JournalProblem::kUnfinished:
      return;
    case JournalProblem::kForeign:
      sessions_.CountRejection(Rejection::kForeignFile);
      break;
    case JournalProblem::kUnreadable:
      sessions_.CountRejection(Rejection::kUnreadableJournal);
      break;
    case JournalProblem::kMalformed:
      sessions_.CountRejection(Rejection::kMalformedJournal);
      break;
    case JournalProblem::kLaterVersion:
      sessions_.CountRejection(Rejection::kLaterVersion);
      break;
  }
  watch.problem_counted = true;
}

void JournalKeeper::Close(const SessionId& id, Watch& watch, TimePoint now) {
  std::optional<JournalContents> contents = Read(id, watch, /*last=*/true);
  if (watch.later_version && MayStay(id, watch)) {
    watch.next_reading = now + times_.longest_interval;
    return;
  }
  if (contents && AwaitsKernel(*contents, watch, now)) {
    sessions_.ApplyJournal(*contents);
    settling_.insert(id);
    watch.next_reading = *watch.settle_by;
    return;
  }
  settling_.erase(id);
  if (contents) {
    proxymeter::collector::Settle(
        final_sent_ != nullptr
            ? final_sent_
            : [](std::uint64_t) { return std::optional<std::uint64_t>(); },
        *contents);
    if (on_last_reading_ != nullptr) on_last_reading_(*contents);
  }
  sessions_.Finish(id, contents ? &*contents : nullptr);
  // What the ledger does not have yet can be read again: the next scan removes
  // it.
  if (!sessions_.AwaitsCommit(id) && !Remove(id)) {
    spdlog::warn("event=journal_not_removed session={} errno={}", ToHex(id),
                 errno);
  }
  watches_.erase(id);
}

// Settled once: what was refused is removed at once.
bool JournalKeeper::MayStay(const SessionId& id, Watch& watch) const {
  if (watch.left_bytes > 0) return true;
  struct stat info {};
  if (fstatat(journals_fd_, ToHex(id).c_str(), &info, AT_SYMLINK_NOFOLLOW) !=
      0) {
    return false;
  }
  watch.owner = info.st_uid;
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  std::uint64_t left = 0;
  std::uint64_t left_of_owner = 0;
  for (const auto& [other_id, other] : watches_) {
    left += other.left_bytes;
    if (other.owner == watch.owner) left_of_owner += other.left_bytes;
  }
  // Subtracted, since a sparse file is as long as it likes.
  if (bytes > kMaxLeftBytes - left ||
      bytes > kMaxLeftBytesOfOwner - left_of_owner) {
    return false;
  }
  watch.left_bytes = bytes;
  return true;
}

bool JournalKeeper::IsAbandoned(const Watch& watch, TimePoint now) const {
  return now - watch.last_news >= times_.abandoned && !MayExist(watch.pid);
}

bool JournalKeeper::Remove(const SessionId& id) const {
  return unlinkat(journals_fd_, ToHex(id).c_str(), 0) == 0 || errno == ENOENT;
}

}  // namespace proxymeter::collector
