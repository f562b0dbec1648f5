// Journals for tests, written as a crawler's shim leaves them.
#ifndef PROXYMETER_COLLECTOR_TESTING_JOURNAL_FIXTURE_H_
#define PROXYMETER_COLLECTOR_TESTING_JOURNAL_FIXTURE_H_

#include <cstdint>
#include <string>

#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {

SessionId TestSession(std::uint8_t number);

RowValue TrafficRow(const std::string& vendor, const std::string& destination,
                    std::uint64_t sent, std::uint64_t received,
                    std::uint64_t requests);
RowValue VendorRow(const std::string& vendor, std::uint64_t connections,
                   std::uint64_t held_sent, std::uint64_t released_sent);

/// A journal file of one extent, mapped shared as the shim maps it: rows can
/// be changed while the collector reads. Unmapped, not removed, at the end.
class JournalFixture {
 public:
  /// Creates DIRECTORY/<hex of session>; throws std::system_error.
  JournalFixture(const std::string& directory, const SessionId& session,
                 std::int32_t pid = 1);
  JournalFixture(const JournalFixture&) = delete;
  JournalFixture& operator=(const JournalFixture&) = delete;
  ~JournalFixture() { Unmap(); }

  /// Publishes the row under the next index.
  std::uint32_t Add(const RowValue& row);
  void SetCounters(std::uint32_t index, const Counters& counters);

  /// The slot of a number, among those in the header's page.
  ConnectionSlot& slot(std::uint32_t number);

  JournalHeader& header() { return *static_cast<JournalHeader*>(memory_); }
  JournalRow& row(std::uint32_t index);
  const std::string& path() const { return path_; }

  /// As exit does.
  void Unmap();

 private:
  std::string path_;
  void* memory_ = nullptr;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_TESTING_JOURNAL_FIXTURE_H_
