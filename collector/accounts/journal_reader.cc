#include "collector/accounts/journal_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "collector/accounts/frame_codec.h"
#include "collector/scoped_fd.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

// Bytes copied from `offset` on: fewer than asked at the end of the file;
// nothing on an error.
std::optional<std::size_t> ReadAt(int fd, char* to, std::size_t bytes,
                                  std::size_t offset) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        pread(fd, to + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// The copies are private to this thread: their atomics are read plainly.
template <typename T>
T Field(const char* record, std::size_t offset) {
  T value;
  std::memcpy(&value, record + offset, sizeof value);
  return value;
}
#define PROXYMETER_HEADER_FIELD(type, name) \
  Field<type>(header, offsetof(JournalHeader, name))
#define PROXYMETER_ROW_FIELD(type, name) \
  Field<type>(record, offsetof(JournalRow, name))
#define PROXYMETER_SLOT_FIELD(type, name) \
  Field<type>(record, offsetof(ConnectionSlot, name))

// What differs between versions.
struct Layout {
  std::size_t row_bytes;  // 0: not a version that is known
  std::size_t counters;
};

Layout LayoutOf(const char* header) {
  switch (PROXYMETER_HEADER_FIELD(std::uint32_t, version)) {
    case kJournalVersion1:
      return {kJournalRowBytes1, kRowCounters1};
    case kJournalVersion:
      return {kJournalRowBytes, kRowCounters};
    default:
      return {};
  }
}

bool IsHeaderOf(const char* header, const SessionId& session) {
  return PROXYMETER_HEADER_FIELD(std::uint64_t, magic) == kJournalMagic &&
         PROXYMETER_HEADER_FIELD(std::uint32_t, header_bytes) ==
             kJournalHeaderBytes &&
         LayoutOf(header).row_bytes != 0 &&
         PROXYMETER_HEADER_FIELD(std::uint32_t, row_bytes) ==
             LayoutOf(header).row_bytes &&
         PROXYMETER_HEADER_FIELD(std::uint32_t, max_rows) == kMaxJournalRows &&
         PROXYMETER_HEADER_FIELD(SessionId, session) == session;
}

std::optional<RowValue> ParseRow(const char* record, std::size_t counters) {
  const std::size_t vendor_length =
      PROXYMETER_ROW_FIELD(std::uint8_t, vendor_length);
  const std::size_t destination_length =
      PROXYMETER_ROW_FIELD(std::uint8_t, destination_length);
  const std::size_t labels_length =
      PROXYMETER_ROW_FIELD(std::uint8_t, labels_length);
  if (vendor_length + destination_length + labels_length > kRowTextBytes) {
    return std::nullopt;
  }
  const char* text = record + offsetof(JournalRow, text);
  RowValue row;
  row.key.kind = static_cast<RowKind>(PROXYMETER_ROW_FIELD(std::uint8_t, kind));
  row.key.protocol =
      static_cast<Protocol>(PROXYMETER_ROW_FIELD(std::uint8_t, protocol));
  row.key.visibility =
      static_cast<Visibility>(PROXYMETER_ROW_FIELD(std::uint8_t, visibility));
  row.key.code = PROXYMETER_ROW_FIELD(std::uint16_t, code);
  row.key.vendor.assign(text, vendor_length);
  row.key.destination.assign(text + vendor_length, destination_length);
  row.key.labels.assign(text + vendor_length + destination_length,
                        labels_length);
  std::memcpy(row.counters.data(), record + offsetof(JournalRow, counters),
              counters * sizeof(std::uint64_t));
  // Those of a newer shim, as in a frame, where protobuf passes over fields
  // that it does not know: the row counts without them.
  std::fill(row.counters.begin() + CounterCount(row.key.kind),
            row.counters.end(), 0);
  if (!IsValidRow(row)) return std::nullopt;
  return row;
}

// What refers to no row of the file is found so where it is used.
MeteredConnection ParseSlot(const char* record, std::uint32_t number,
                            std::uint64_t cookie) {
  const auto row_at = [](std::uint32_t row) {
    return row == 0 ? std::optional<std::uint32_t>() : row - 1;
  };
  return {
      .cookie = cookie,
      .slot = number,
      .sent = PROXYMETER_SLOT_FIELD(std::uint64_t, sent),
      .received = PROXYMETER_SLOT_FIELD(std::uint64_t, received),
      .request_from = PROXYMETER_SLOT_FIELD(std::uint64_t, request_from),
      .row = row_at(PROXYMETER_SLOT_FIELD(std::uint32_t, row)),
      .request_row = row_at(PROXYMETER_SLOT_FIELD(std::uint32_t, request_row)),
      .vendor_row = row_at(PROXYMETER_SLOT_FIELD(std::uint32_t, vendor_row)),
      .may_be_shared = PROXYMETER_SLOT_FIELD(std::uint32_t, may_be_shared) != 0,
      .adopted = PROXYMETER_SLOT_FIELD(std::uint32_t, adopted) != 0,
  };
}

void AddSlot(const char* record, std::uint32_t number,
             MeteredConnections* connections) {
  const auto cookie = PROXYMETER_SLOT_FIELD(std::uint64_t, cookie);
  const auto ended = PROXYMETER_SLOT_FIELD(std::uint64_t, ended_cookie);
  if (ended != 0 && (cookie == 0 || cookie == ended)) {
    connections->ended.push_back(ParseSlot(record, number, ended));
  } else if (ended == 0 && cookie != 0 && cookie != kSlotClaimed) {
    connections->open.push_back(ParseSlot(record, number, cookie));
  }
}

// Adds those among `slots` slots from `offset` on that have something to tell.
// A file that is too short for them has fewer.
bool ReadSlots(int fd, std::size_t offset, std::uint32_t first,
               std::size_t slots, MeteredConnections* connections) {
  const auto records = std::make_unique<char[]>(slots * sizeof(ConnectionSlot));
  const std::optional<std::size_t> bytes =
      ReadAt(fd, records.get(), slots * sizeof(ConnectionSlot), offset);
  if (!bytes) return false;
  for (std::uint32_t i = 0; i < *bytes / sizeof(ConnectionSlot); ++i) {
    AddSlot(records.get() + i * sizeof(ConnectionSlot), first + i, connections);
  }
  return true;
}

// `header` was read first: what has ended by then is found, or overwritten.
bool ReadAllSlots(int fd, const char* header, MeteredConnections* connections) {
  connections->ended_in_all =
      PROXYMETER_HEADER_FIELD(std::uint64_t, ended_connections);
  connections->without_slot =
      PROXYMETER_HEADER_FIELD(std::uint32_t, without_slot);
  connections->tells_ends =
      PROXYMETER_HEADER_FIELD(std::uint32_t, tells_ends) != 0;
  const std::size_t more = std::min<std::size_t>(
      PROXYMETER_HEADER_FIELD(std::uint32_t, allocated_slots), kMaxMoreSlots);
  return ReadSlots(fd, kFirstSlotsOffset, 0, kFirstSlots, connections) &&
         (more == 0 ||
          ReadSlots(fd, kMoreSlotsOffset, kFirstSlots, more, connections));
}

JournalProblem ProblemOfOpen(int error) {
  switch (error) {
    case ENOENT:
      return JournalProblem::kGone;
    case ELOOP:  // O_NOFOLLOW
    case ENXIO:  // a socket, or a device without a driver
      return JournalProblem::kForeign;
    default:
      return JournalProblem::kUnreadable;
  }
}

struct OpenJournal {
  ScopedFd fd;
  struct stat info {};
  char header[sizeof(JournalHeader)] = {};
};

std::optional<JournalProblem> OpenForReading(int journals_fd,
                                             const SessionId& session,
                                             OpenJournal* journal) {
  journal->fd.Reset(openat(journals_fd, ToHex(session).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const int fd = journal->fd.get();
  if (fd < 0) return ProblemOfOpen(errno);
  if (fstat(fd, &journal->info) != 0) return JournalProblem::kUnreadable;
  if (!S_ISREG(journal->info.st_mode)) return JournalProblem::kForeign;

  const char* header = journal->header;
  const std::optional<std::size_t> header_bytes =
      ReadAt(fd, journal->header, sizeof journal->header, 0);
  if (!header_bytes) return JournalProblem::kUnreadable;
  if (PROXYMETER_HEADER_FIELD(std::uint64_t, magic) == 0) {
    return JournalProblem::kUnfinished;
  }
  // Whatever else it has changed: these two stand where they stood.
  if (PROXYMETER_HEADER_FIELD(std::uint64_t, magic) == kJournalMagic &&
      PROXYMETER_HEADER_FIELD(std::uint32_t, version) > kJournalVersion) {
    return JournalProblem::kLaterVersion;
  }
  if (*header_bytes < sizeof journal->header || !IsHeaderOf(header, session)) {
    return JournalProblem::kMalformed;
  }
  return std::nullopt;
}

}  // namespace

std::variant<JournalContents, JournalProblem> ReadJournal(
    int journals_fd, const SessionId& session) {
  OpenJournal journal;
  if (const auto problem = OpenForReading(journals_fd, session, &journal)) {
    return *problem;
  }
  const ScopedFd& fd = journal.fd;
  const struct stat& info = journal.info;
  const char* header = journal.header;
  JournalContents contents;
  contents.session = session;
  contents.owner = info.st_uid;
  contents.file_bytes = static_cast<std::uint64_t>(info.st_size);
  contents.pid = PROXYMETER_HEADER_FIELD(std::int32_t, pid);
  contents.started_unix_ns =
      PROXYMETER_HEADER_FIELD(std::uint64_t, started_unix_ns);
  const char* command = header + offsetof(JournalHeader, command);
  contents.command = PrintableCommand(std::string_view(
      command, strnlen(command, sizeof JournalHeader::command)));

  const std::size_t promised = std::min<std::size_t>(
      {PROXYMETER_HEADER_FIELD(std::uint32_t, claimed_rows),
       PROXYMETER_HEADER_FIELD(std::uint32_t, allocated_rows),
       kMaxJournalRows});
  const Layout layout = LayoutOf(header);
  const auto records = std::make_unique<char[]>(promised * layout.row_bytes);
  const std::optional<std::size_t> row_bytes =
      ReadAt(fd.get(), records.get(), promised * layout.row_bytes,
             kJournalHeaderBytes);
  if (!row_bytes) return JournalProblem::kUnreadable;
  const std::size_t present = *row_bytes / layout.row_bytes;
  contents.truncated = present < promised;
  for (std::size_t i = 0; i < present; ++i) {
    const char* record = records.get() + i * layout.row_bytes;
    if (PROXYMETER_ROW_FIELD(std::uint32_t, state) != kPublished) continue;
    if (std::optional<RowValue> row = ParseRow(record, layout.counters)) {
      contents.rows.push_back({static_cast<std::uint32_t>(i), *std::move(row)});
    } else {
      ++contents.bad_rows;
    }
  }
  if (!ReadAllSlots(fd.get(), header, &contents.connections)) {
    return JournalProblem::kUnreadable;
  }
  return contents;
}

std::variant<MeteredConnections, JournalProblem> ReadConnections(
    int journals_fd, const SessionId& session) {
  OpenJournal journal;
  if (const auto problem = OpenForReading(journals_fd, session, &journal)) {
    return *problem;
  }
  MeteredConnections connections;
  if (!ReadAllSlots(journal.fd.get(), journal.header, &connections)) {
    return JournalProblem::kUnreadable;
  }
  return connections;
}

std::optional<std::string> ReadVendor(int journals_fd, const SessionId& session,
                                      std::uint32_t index) {
  OpenJournal journal;
  if (OpenForReading(journals_fd, session, &journal) ||
      index >= kMaxJournalRows) {
    return std::nullopt;
  }
  const Layout layout = LayoutOf(journal.header);
  char record[kJournalRowBytes] = {};
  const std::optional<std::size_t> bytes =
      ReadAt(journal.fd.get(), record, layout.row_bytes,
             kJournalHeaderBytes + index * layout.row_bytes);
  if (!bytes || *bytes < layout.row_bytes ||
      PROXYMETER_ROW_FIELD(std::uint32_t, state) != kPublished) {
    return std::nullopt;
  }
  std::optional<RowValue> row = ParseRow(record, layout.counters);
  if (!row || row->key.kind != RowKind::kVendor) return std::nullopt;
  return std::move(row->key.vendor);
}

}  // namespace proxymeter::collector
