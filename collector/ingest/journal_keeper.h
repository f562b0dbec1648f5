// Reads journals when they have something to say that frames do not.
#ifndef PROXYMETER_COLLECTOR_INGEST_JOURNAL_KEEPER_H_
#define PROXYMETER_COLLECTOR_INGEST_JOURNAL_KEEPER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "collector/accounts/journal_reader.h"
#include "collector/accounts/session_id.h"
#include "collector/accounts/sessions.h"
#include "collector/accounts/settlement.h"

namespace proxymeter::collector {

struct JournalTimes {
  /// A session that sends no frame for so long is read through its journal.
  std::chrono::milliseconds silence = std::chrono::seconds(2);
  /// Readings that find nothing new double their interval up to this.
  std::chrono::milliseconds longest_interval = std::chrono::seconds(10);
  /// A session of which no live process is known, and whose journal the
  /// kernel tells nothing about, is closed when it has been still for so long.
  std::chrono::milliseconds abandoned = std::chrono::minutes(10);
  /// Of a process that ended with connections open, how long the kernel's last
  /// word on them is waited for.
  std::chrono::milliseconds settling = std::chrono::seconds(5);
};

/// Follows every session of the Unix socket and every file in journals/. While
/// the sessions await their ledger, files are left alone: they keep what they
/// have to tell. Not synchronised. Time is given by the caller.
class JournalKeeper {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using HasProcess = std::function<bool(const SessionId&)>;
  using OnLastReading = std::function<void(const JournalContents&)>;

  /// `journals_fd` and `sessions` must outlive the keeper. `has_process` says
  /// whether a live process of a session is known.
  /// Without `final_sent` the kernel is not heard. `on_last_reading`, if given,
  /// gets what a journal said last, settled, before it is removed.
  JournalKeeper(int journals_fd, Sessions& sessions, const JournalTimes& times,
                HasProcess has_process, FinalSent final_sent = nullptr,
                OnLastReading on_last_reading = nullptr);

  /// A frame of the session came: its journal need not be read for a while.
  void Heard(const SessionId& id, TimePoint now);

  /// Looks for journals of unknown sessions and reads those that are due.
  void Tick(TimePoint now);

  /// The last known process of the session is gone. Reads the journal a last
  /// time, closes the session and removes the file; or waits, when another
  /// process, one that never reported, still maps it. A journal of a later
  /// version stays, session and all, as far as there is room for such: a newer
  /// collector can read it.
  void ProcessesGone(const SessionId& id, TimePoint now);

  /// True while a session waits for the kernel's last word on a connection:
  /// Settle is to be called every few milliseconds.
  bool settling() const { return !settling_.empty(); }
  /// Closes the sessions that have it, or have waited long enough.
  void Settle(TimePoint now);

  /// The uid of the session's journal; nothing when there is none.
  Owner OwnerOfFile(const SessionId& id) const;

  /// Reads every journal, closing no session.
  void ReadAll();

 private:
  struct Watch {
    TimePoint next_reading;
    TimePoint last_news;
    std::chrono::milliseconds interval{};
    Owner owner{};               // of the file, when the scan found it
    std::int32_t pid = 0;        // creator's, as the journal says
    std::uint32_t bad_rows = 0;  // counted so far
    bool problem_counted = false;
    bool has_file = false;
    bool later_version = false;
    std::uint64_t left_bytes = 0;  // it stays, for a newer collector
    std::optional<TimePoint> settle_by{};
    std::vector<std::uint64_t> unsettled{};  // cookies of its connections
  };

  void ScanJournal(const SessionId& id, TimePoint now,
                   std::map<Owner, std::size_t>& watched);
  Watch& WatchOf(const SessionId& id, TimePoint now);
  void Scan(TimePoint now);
  void CloseUnheard(TimePoint now);
  void Visit(const SessionId& id, Watch& watch, TimePoint now);
  std::optional<JournalContents> Read(const SessionId& id, Watch& watch,
                                      bool last = false);
  void CountProblem(JournalProblem problem, Watch& watch);
  void Close(const SessionId& id, Watch& watch, TimePoint now);
  bool AwaitsKernel(const JournalContents& journal, Watch& watch,
                    TimePoint now);
  bool MayAwait(const Watch& watch) const;
  bool MayStay(const SessionId& id, Watch& watch) const;
  bool IsAbandoned(const Watch& watch, TimePoint now) const;
  bool Remove(const SessionId& id) const;

  const int journals_fd_;
  Sessions& sessions_;
  const JournalTimes times_;
  const HasProcess has_process_;
  const FinalSent final_sent_;
  const OnLastReading on_last_reading_;
  std::set<SessionId> settling_;
  std::map<SessionId, Watch> watches_;
  std::optional<TimePoint> first_tick_;
  bool unheard_closed_ = false;
  std::set<std::string> foreign_;  // names counted as foreign
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_INGEST_JOURNAL_KEEPER_H_
