#include "collector/testing/journal_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "collector/scoped_fd.h"

namespace proxymeter::collector {

SessionId TestSession(std::uint8_t number) {
  SessionId id{};
  id.fill(0xa0);
  id.back() = number;
  return id;
}

RowValue TrafficRow(const std::string& vendor, const std::string& destination,
                    std::uint64_t sent, std::uint64_t received,
                    std::uint64_t requests) {
  RowValue row{.key = {.kind = RowKind::kTraffic,
                       .vendor = vendor,
                       .destination = destination,
                       .protocol = Protocol::kHttp1,
                       .visibility = Visibility::kPlaintext}};
  row.counters[kSentBytes] = sent;
  row.counters[kReceivedBytes] = received;
  row.counters[kRequests] = requests;
  row.counters[kResponses2xx] = requests;
  return row;
}

RowValue VendorRow(const std::string& vendor, std::uint64_t connections,
                   std::uint64_t held_sent, std::uint64_t released_sent) {
  RowValue row{.key = {.kind = RowKind::kVendor, .vendor = vendor}};
  row.counters[kConnectionsOk] = connections;
  row.counters[kHeldSentBytes] = held_sent;
  row.counters[kReleasedSentBytes] = released_sent;
  return row;
}

JournalFixture::JournalFixture(const std::string& directory,
                               const SessionId& session, std::int32_t pid)
    : path_(directory + "/" + ToHex(session)) {
  const ScopedFd fd(open(
      path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd.valid() || ftruncate(fd.get(), kJournalExtentBytes) != 0) {
    throw std::system_error(errno, std::generic_category(), path_);
  }
  memory_ = mmap(nullptr, kJournalExtentBytes, PROT_READ | PROT_WRITE,
                 MAP_SHARED, fd.get(), 0);
  if (memory_ == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mmap");
  }
  header().version = kJournalVersion;
  header().header_bytes = kJournalHeaderBytes;
  header().row_bytes = kJournalRowBytes;
  header().max_rows = kMaxJournalRows;
  header().session = session;
  header().started_unix_ns = 1;
  header().tells_ends = 1;
  header().pid = pid;
  std::strcpy(header().command, "crawler");
  header().allocated_rows = RowsInExtents(1);
  header().magic = kJournalMagic;
}

JournalRow& JournalFixture::row(std::uint32_t index) {
  return *reinterpret_cast<JournalRow*>(static_cast<char*>(memory_) +
                                        kJournalHeaderBytes +
                                        index * kJournalRowBytes);
}

ConnectionSlot& JournalFixture::slot(std::uint32_t number) {
  return *reinterpret_cast<ConnectionSlot*>(static_cast<char*>(memory_) +
                                            kFirstSlotsOffset +
                                            number * sizeof(ConnectionSlot));
}

std::uint32_t JournalFixture::Add(const RowValue& value) {
  const std::uint32_t index = header().claimed_rows.fetch_add(1);
  JournalRow& to = row(index);
  to.kind = value.key.kind;
  to.protocol = value.key.protocol;
  to.visibility = value.key.visibility;
  to.code = value.key.code;
  to.vendor_length = static_cast<std::uint8_t>(value.key.vendor.size());
  to.destination_length =
      static_cast<std::uint8_t>(value.key.destination.size());
  to.labels_length = static_cast<std::uint8_t>(value.key.labels.size());
  const std::string text =
      value.key.vendor + value.key.destination + value.key.labels;
  std::ranges::copy(text, to.text);
  SetCounters(index, value.counters);
  to.state.store(kPublished, std::memory_order_release);
  return index;
}

void JournalFixture::SetCounters(std::uint32_t index,
                                 const Counters& counters) {
  for (std::size_t i = 0; i < counters.size(); ++i) {
    row(index).counters[i] = counters[i];
  }
}

void JournalFixture::Unmap() {
  if (memory_ != nullptr) munmap(memory_, kJournalExtentBytes);
  memory_ = nullptr;
}

}  // namespace proxymeter::collector
