// The journal's memory: a file mapped shared, or private memory when no file
// can be had.
#ifndef PROXYMETER_SHIM_METER_JOURNAL_FILE_H_
#define PROXYMETER_SHIM_METER_JOURNAL_FILE_H_

#include <sys/types.h>

#include <cstdint>

#include "proxymeter/journal.h"
#include "shim/environment.h"

namespace proxymeter::shim {

class JournalFile {
 public:
  /// Creates DIR/journals/<session> with its first extent, or takes anonymous
  /// shared memory (forks share it too) when that fails for any reason: no
  /// directory, no permission, no space, a file size limit. Null when not even
  /// that is to be had. The object lives in memory of its own, for good.
  static JournalFile* Create(const Path& directory);

  /// Undoes Create, for a journal that nobody has used.
  static void Discard(JournalFile* journal);

  /// Backs more rows, at least up to `rows`, with allocated space: a sparse
  /// page on a full file system would be SIGBUS in somebody else's program.
  bool Grow(std::uint32_t rows);

  /// The same for slots behind the rows, at least up to `slots`.
  bool GrowSlots(std::uint32_t slots);

  JournalHeader* header() const { return header_; }
  JournalRow* rows() const {
    return reinterpret_cast<JournalRow*>(At(kJournalHeaderBytes));
  }
  /// The slot of a number: first those in the header's page.
  ConnectionSlot* slot(std::uint32_t number) const {
    return number < kFirstSlots
               ? reinterpret_cast<ConnectionSlot*>(At(kFirstSlotsOffset)) +
                     number
               : reinterpret_cast<ConnectionSlot*>(At(kMoreSlotsOffset)) +
                     (number - kFirstSlots);
  }
  /// Slots that may be used.
  std::uint32_t slot_limit() const {
    return kFirstSlots +
           header_->allocated_slots.load(std::memory_order_acquire);
  }
  /// False when the rows live in private memory and die with the process.
  bool is_file() const { return is_file_; }

 private:
  std::uint8_t* At(std::size_t offset) const {
    return reinterpret_cast<std::uint8_t*>(header_) + offset;
  }
  bool CreateFile(const Path& directory);
  bool CreateMemory();
  void WriteHeader(std::uint32_t allocated_rows);
  bool Back(std::uint64_t from, std::uint64_t to) const;

  // All zero at first, as mmap gives it.
  JournalHeader* header_;
  bool is_file_;
  std::uint8_t session_[kSessionIdBytes];
  Path path_;
  dev_t device_;
  ino_t inode_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_METER_JOURNAL_FILE_H_
