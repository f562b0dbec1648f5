#include "shim/meter/meter.h"

#include "shim/clock.h"

namespace proxymeter::shim {
namespace {

constexpr std::uint32_t kShimRow = 0;
constexpr std::uint64_t kGrowthRetryNs = 1'000'000'000;

// FNV-1a: keys are short, and the table is private, so nobody gains from
// colliding.
class Hash {
 public:
  void Mix(std::uint8_t byte) { value_ = (value_ ^ byte) * 16777619u; }
  void Mix(std::string_view text) {
    for (const char c : text) Mix(static_cast<std::uint8_t>(c));
    Mix(std::uint8_t{0});
  }
  std::uint32_t value() const { return value_; }

 private:
  std::uint32_t value_ = 2166136261u;
};

std::uint32_t HashOf(const RowKey& key) {
  Hash hash;
  hash.Mix(static_cast<std::uint8_t>(key.kind));
  hash.Mix(static_cast<std::uint8_t>(key.protocol));
  hash.Mix(static_cast<std::uint8_t>(key.visibility));
  hash.Mix(static_cast<std::uint8_t>(key.code));
  hash.Mix(static_cast<std::uint8_t>(key.code >> 8));
  hash.Mix(key.vendor);
  hash.Mix(key.destination);
  hash.Mix(key.labels);
  return hash.value();
}

// Those that a program can make without end; the others are few.
bool CanOverflow(const RowKey& key) {
  return (key.kind == RowKind::kTraffic || key.kind == RowKind::kCaller) &&
         (key.destination != kOtherDestination || !key.labels.empty());
}

bool HasKey(const JournalRow& row, const RowKey& key) {
  return row.kind == key.kind && row.protocol == key.protocol &&
         row.visibility == key.visibility && row.code == key.code &&
         row.vendor() == key.vendor && row.destination() == key.destination &&
         row.labels() == key.labels;
}

void WriteKey(const RowKey& key, JournalRow* row) {
  row->kind = key.kind;
  row->protocol = key.protocol;
  row->visibility = key.visibility;
  row->code = key.code;
  row->vendor_length = static_cast<std::uint8_t>(key.vendor.size());
  row->destination_length = static_cast<std::uint8_t>(key.destination.size());
  key.vendor.copy(row->text, key.vendor.size());
  row->labels_length = static_cast<std::uint8_t>(key.labels.size());
  char* text = row->text + key.vendor.size();
  key.destination.copy(text, key.destination.size());
  text += key.destination.size();
  key.labels.copy(text, key.labels.size());
  row->state.store(kPublished, std::memory_order_release);
}

}  // namespace

bool Meter::Open(const Path& directory) {
  if (open()) return true;
  // Threads that open their first connections together each make a journal,
  // and all but one throw theirs away: nobody waits, and no connection goes
  // uncounted.
  JournalFile* fresh = JournalFile::Create(directory);
  if (fresh == nullptr) return false;
  fresh->header()->claimed_rows.store(kShimRow + 1, std::memory_order_relaxed);
  WriteKey({.kind = RowKind::kShim}, &fresh->rows()[kShimRow]);
  JournalFile* other = nullptr;
  if (!file_.compare_exchange_strong(other, fresh, std::memory_order_acq_rel)) {
    JournalFile::Discard(fresh);
  } else if (!fresh->is_file()) {
    Count(kJournalFailures);
  }
  return true;
}

void Meter::Reserve(std::uint32_t rows) {
  if (open() && journal().header()->allocated_rows.load(
                    std::memory_order_acquire) < rows) {
    Grow(rows);
  }
}

void Meter::Count(ShimCounter counter) {
  if (open()) Add(&journal().rows()[kShimRow], counter, 1);
}

std::uint32_t Meter::row_limit() const {
  const JournalHeader* header = journal().header();
  const std::uint32_t claimed =
      header->claimed_rows.load(std::memory_order_acquire);
  const std::uint32_t allocated =
      header->allocated_rows.load(std::memory_order_acquire);
  return claimed < allocated ? claimed : allocated;
}

JournalRow* Meter::Find(const RowKey& key) {
  if (key.vendor.empty() && key.kind != RowKind::kShim) return &nowhere_;
  if (key.vendor.size() + key.destination.size() + key.labels.size() >
      kRowTextBytes) {
    // Only beside a very long host name.
    RowKey bare = key;
    bare.labels = {};
    Count(kLabelsDropped);
    return Find(bare);
  }
  const std::uint32_t hash = HashOf(key);
  if (JournalRow* row = Lookup(key, hash)) return row;
  if (JournalRow* row = Claim(key, hash, /*may_reserve=*/!CanOverflow(key))) {
    return row;
  }
  Count(kRowsOverflowed);
  return Overflow(key);
}

JournalRow* Meter::Overflow(const RowKey& key) {
  if (!CanOverflow(key)) return &nowhere_;
  RowKey other = key;
  other.destination = kOtherDestination;
  other.labels = {};
  const std::uint32_t hash = HashOf(other);
  if (JournalRow* row = Lookup(other, hash)) return row;
  JournalRow* row = Claim(other, hash, /*may_reserve=*/true);
  return row != nullptr ? row : &nowhere_;
}

JournalRow* Meter::Lookup(const RowKey& key, std::uint32_t hash) const {
  for (std::uint32_t probe = 0; probe < kIndexSlots; ++probe) {
    const std::uint32_t number =
        index_[(hash + probe) % kIndexSlots].load(std::memory_order_acquire);
    if (number == 0) return nullptr;
    JournalRow* row = &journal().rows()[number - 1];
    if (HasKey(*row, key)) return row;
  }
  return nullptr;
}

bool Meter::Grow(std::uint32_t rows) {
  // A full disk stays full for a while: do not ask again at every request.
  const std::uint64_t now = MonotonicNs();
  if (now < next_growth_ns_.load(std::memory_order_relaxed)) return false;
  if (file()->Grow(rows)) return true;
  next_growth_ns_.store(now + kGrowthRetryNs, std::memory_order_relaxed);
  Count(kJournalFailures);
  return false;
}

JournalRow* Meter::Claim(const RowKey& key, std::uint32_t hash,
                         bool may_reserve) {
  JournalHeader* header = journal().header();
  const std::uint32_t reserve = may_reserve ? 0 : kReservedRows;
  std::uint32_t claimed = header->claimed_rows.load(std::memory_order_acquire);
  do {
    // Grown one extent ahead, so that the reserve is always backed.
    if (claimed + reserve >= kMaxJournalRows) return nullptr;
    if (claimed + reserve >=
            header->allocated_rows.load(std::memory_order_acquire) &&
        !Grow(claimed + reserve + 1)) {
      return nullptr;
    }
  } while (!header->claimed_rows.compare_exchange_weak(
      claimed, claimed + 1, std::memory_order_acq_rel));
  JournalRow* row = &journal().rows()[claimed];
  WriteKey(key, row);
  for (std::uint32_t probe = 0; probe < kIndexSlots; ++probe) {
    std::uint32_t empty = 0;
    if (index_[(hash + probe) % kIndexSlots].compare_exchange_strong(
            empty, claimed + 1, std::memory_order_acq_rel)) {
      break;
    }
  }
  return row;
}

}  // namespace proxymeter::shim
