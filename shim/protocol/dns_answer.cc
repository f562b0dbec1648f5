#include "shim/protocol/dns_answer.h"

#include <algorithm>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kMaxWireName = 255;
constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kCname = 5;
constexpr std::uint16_t kAaaa = 28;
constexpr std::uint16_t kInternet = 1;

static_assert(kMaxHostLength >= kMaxWireName - 2);

// The caller knows that two bytes are there.
std::uint16_t Read16(Bytes message, std::size_t at) {
  return static_cast<std::uint16_t>(message[at] << 8 | message[at + 1]);
}

// A name, label by label.
class NameReader {
 public:
  enum class Step : std::uint8_t { kLabel, kEnd, kBroken };

  NameReader(Bytes message, std::size_t at)
      : message_(message), at_(at), below_(at) {}

  Step Next(Bytes* label) {
    while (at_ < message_.size()) {
      const std::size_t size = message_[at_];
      if (size >= kPointer) {
        if (!Jump()) return Step::kBroken;
        continue;
      }
      if (size == 0) {
        if (end_ == 0) end_ = at_ + 1;
        return Step::kEnd;
      }
      // The other two kinds of labels were never in use (RFC 6891, 5).
      if (size > kMaxLabel || message_.size() - at_ - 1 < size) break;
      wire_length_ += size + 1;
      if (wire_length_ > kMaxWireName - 1) break;  // the root's byte
      *label = message_.subspan(at_ + 1, size);
      at_ += size + 1;
      return Step::kLabel;
    }
    return Step::kBroken;
  }

  /// Where the message goes on behind the name. After kEnd.
  std::size_t end() const { return end_; }

 private:
  static constexpr std::size_t kPointer = 0xc0;
  static constexpr std::size_t kMaxLabel = 63;
  // One for each label that the longest name can have.
  static constexpr std::size_t kMaxJumps = 127;

  bool Jump() {
    if (message_.size() - at_ < 2) return false;
    const std::size_t to = Read16(message_, at_) & 0x3fff;
    // Each leads before the last: no circle, and no end to it but a label.
    if (to >= below_ || to < kHeader || ++jumps_ > kMaxJumps) return false;
    if (end_ == 0) end_ = at_ + 2;
    at_ = below_ = to;
    return true;
  }

  Bytes message_;
  std::size_t at_;
  std::size_t below_;  // pointers lead below this
  std::size_t end_ = 0;
  std::size_t wire_length_ = 0;
  std::size_t jumps_ = 0;
};

// What stands behind the name at `at`; 0 when there is no whole name.
std::size_t EndOfName(Bytes message, std::size_t at) {
  NameReader reader(message, at);
  for (Bytes label;;) {
    switch (reader.Next(&label)) {
      case NameReader::Step::kLabel:
        break;
      case NameReader::Step::kEnd:
        return reader.end();
      case NameReader::Step::kBroken:
        return 0;
    }
  }
}

bool SameLabel(Bytes a, Bytes b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](std::uint8_t x, std::uint8_t y) { return ToLower(x) == ToLower(y); });
}

// Both are whole.
bool SameName(Bytes message, std::size_t a, std::size_t b) {
  NameReader reader_a(message, a);
  NameReader reader_b(message, b);
  for (Bytes label_a, label_b;;) {
    const NameReader::Step step = reader_a.Next(&label_a);
    if (step != reader_b.Next(&label_b)) return false;
    if (step != NameReader::Step::kLabel) return true;
    if (!SameLabel(label_a, label_b)) return false;
  }
}

// A dot within a label would make other names of it.
bool MayBeOfHost(Bytes label) {
  return std::all_of(label.begin(), label.end(), [](std::uint8_t byte) {
    return byte > ' ' && byte < 0x7f && byte != '.';
  });
}

}  // namespace

bool DnsAnswer::Open(Bytes message) {
  constexpr std::uint8_t kResponse = 0x80;
  constexpr std::uint8_t kOpcode = 0x78;
  constexpr std::uint8_t kResponseCode = 0x0f;
  records_ = 0;
  followed_ = false;
  length_ = 0;
  if (message.size() < kHeader || (message[2] & kResponse) == 0 ||
      (message[2] & kOpcode) != 0 || (message[3] & kResponseCode) != 0 ||
      Read16(message, 4) != 1) {
    return false;
  }
  NameReader reader(message, kHeader);
  std::size_t length = 0;
  NameReader::Step step;
  for (Bytes label; (step = reader.Next(&label)) == NameReader::Step::kLabel;) {
    if (!MayBeOfHost(label)) return false;
    if (length != 0) text_[length++] = '.';
    for (const std::uint8_t byte : label) {
      text_[length++] = static_cast<char>(ToLower(byte));
    }
  }
  if (step == NameReader::Step::kBroken || length == 0) return false;
  const std::size_t end = reader.end();
  if (message.size() - end < 4 || Read16(message, end + 2) != kInternet) {
    return false;
  }
  message_ = message;
  length_ = length;
  host_ = kHeader;
  at_ = end + 4;
  records_ = std::min<std::size_t>(Read16(message, 6), kMaxRecords);
  return true;
}

bool DnsAnswer::ReadRecord(std::size_t at, Record* record) const {
  constexpr std::size_t kFixed = 10;  // type, class, time to live, length
  record->owner = at;
  at = EndOfName(message_, at);
  if (at == 0 || message_.size() - at < kFixed) return false;
  record->type = Read16(message_, at);
  record->internet = Read16(message_, at + 2) == kInternet;
  const std::size_t size = Read16(message_, at + 8);
  record->data = at + kFixed;
  if (message_.size() - record->data < size) return false;
  record->end = record->data + size;
  if (!record->internet) return true;
  switch (record->type) {
    case kA:
      return size == 4;
    case kAaaa:
      return size == 16;
    case kCname:
      return EndOfName(message_, record->data) == record->end;
    default:
      return true;
  }
}

// Where the name stands that host_ is an alias of; 0 when it is none.
std::size_t DnsAnswer::FindAlias() const {
  std::size_t at = at_;
  Record record;
  for (std::size_t i = 0; i < records_ && ReadRecord(at, &record); ++i) {
    if (record.internet && record.type == kCname &&
        SameName(message_, record.owner, host_)) {
      return record.data;
    }
    at = record.end;
  }
  return 0;
}

// Finds whose addresses count. False when there are none.
bool DnsAnswer::Follow() {
  constexpr std::uint8_t kTruncated = 0x02;
  std::size_t at = at_;
  Record record;
  for (std::size_t i = 0; i < records_; ++i) {
    if (!ReadRecord(at, &record)) {
      if ((message_[2] & kTruncated) == 0) return false;
      records_ = i;
      break;
    }
    at = record.end;
  }
  for (std::size_t links = 0;; ++links) {
    const std::size_t alias = FindAlias();
    if (alias == 0) return true;
    if (links == kMaxAliases) return false;
    host_ = alias;
  }
}

bool DnsAnswer::Next(Address* address) {
  if (!followed_) {
    followed_ = true;
    if (!Follow()) records_ = 0;
  }
  Record record;
  while (records_ != 0) {
    --records_;
    ReadRecord(at_, &record);
    at_ = record.end;
    if (!record.internet || (record.type != kA && record.type != kAaaa) ||
        !SameName(message_, record.owner, host_)) {
      continue;
    }
    const Bytes data = message_.subspan(record.data);
    if (record.type == kA) {
      *address = MappedIpv4(data[0], data[1], data[2], data[3]);
    } else {
      std::copy_n(data.begin(), address->size(), address->begin());
    }
    return true;
  }
  return false;
}

}  // namespace proxymeter::protocol
