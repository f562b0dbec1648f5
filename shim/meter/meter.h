// Rows of counters. Finding a row takes a look-up; adding to one is a relaxed
// atomic add and nothing else.
#ifndef PROXYMETER_SHIM_METER_METER_H_
#define PROXYMETER_SHIM_METER_METER_H_

#include <atomic>
#include <cstdint>
#include <string_view>

#include "proxymeter/journal.h"
#include "shim/meter/connection_slots.h"
#include "shim/meter/journal_file.h"

namespace proxymeter::shim {

struct RowKey {
  RowKind kind = RowKind::kNone;
  Protocol protocol = Protocol::kUnknown;
  Visibility visibility = Visibility::kNone;
  std::uint16_t code = 0;
  std::string_view vendor = {};
  std::string_view destination = {};
  std::string_view labels = {};  ///< of traffic rows
};

inline void Add(JournalRow* row, std::uint8_t counter, std::uint64_t amount) {
  row->counters[counter].fetch_add(amount, std::memory_order_relaxed);
}

class Meter {
 public:
  constexpr Meter() = default;

  /// Creates the journal, once per process and its forks. False when not even
  /// memory is to be had: nothing can be counted then.
  bool Open(const Path& directory);

  bool open() const { return file() != nullptr; }

  /// Backs `rows` rows ahead of need, as far as there is room.
  void Reserve(std::uint32_t rows);

  /// The row of `key`, made when new. Never null once open: without a vendor
  /// nothing is counted, so that is a row outside the journal; a traffic or
  /// caller row that finds no room is the vendor's `_other` row, so that vendor
  /// totals stay exact; rows are never given back.
  JournalRow* Find(const RowKey& key);

  /// Counts an event of the shim's own; without a journal it goes nowhere.
  void Count(ShimCounter counter);

  /// As ConnectionSlots::Take. Once open.
  ConnectionSlot* TakeSlot(const SocketIdentity& socket,
                           const JournalRow* vendor_row) {
    return slots_.Take(*file(), socket, vendor_row);
  }

  /// As ConnectionSlots::GiveBack, for one that was taken.
  void GiveBackSlot(ConnectionSlot* slot) {
    ConnectionSlots::GiveBack(*file(), slot);
  }

  /// Once open.
  const JournalFile& journal() const { return *file(); }
  /// Rows that may be published; each must be checked.
  std::uint32_t row_limit() const;

 private:
  // Twice the rows, so that probing stays short.
  static constexpr std::uint32_t kIndexSlots = 2 * kMaxJournalRows;
  // Kept free of traffic rows, so that vendors, tunnels and overflow rows find
  // room in a full journal.
  static constexpr std::uint32_t kReservedRows = 64;

  JournalRow* Lookup(const RowKey& key, std::uint32_t hash) const;
  JournalRow* Claim(const RowKey& key, std::uint32_t hash, bool may_reserve);
  bool Grow(std::uint32_t rows);
  JournalRow* Overflow(const RowKey& key);

  JournalFile* file() const { return file_.load(std::memory_order_acquire); }

  std::atomic<JournalFile*> file_{nullptr};
  // Row number + 1, or 0. Private to the process: after a fork both sides may
  // make a row of the same key, which the collector adds up.
  std::atomic<std::uint32_t> index_[kIndexSlots]{};
  std::atomic<std::uint64_t> next_growth_ns_{0};
  ConnectionSlots slots_;
  // Takes what not even an overflow row could: unseen, but counted so.
  JournalRow nowhere_{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_METER_METER_H_
