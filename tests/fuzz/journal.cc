// Any file among the journals: valid rows, or a problem. The input is a journal
// without the gap between its header and its rows.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <variant>

#include "collector/accounts/journal_reader.h"
#include "collector/accounts/settlement.h"
#include "collector/scoped_fd.h"
#include "collector/testing/test_directory.h"
#include "tests/fuzz/accounts.h"

namespace {

using proxymeter::collector::ScopedFd;
using proxymeter::fuzz::Expect;

// One file for all inputs, of the session whose name is all zeros.
class JournalFile {
 public:
  void Write(const std::uint8_t* data, std::size_t size) {
    const std::size_t head = std::min(size, sizeof(proxymeter::JournalHeader));
    Expect(ftruncate(file_.get(), 0) == 0, "the file can be emptied");
    Put(data, head, 0);
    Put(data + head, size - head, proxymeter::kJournalHeaderBytes);
    // The same once more, as slots.
    Put(data + head,
        std::min(size - head,
                 proxymeter::kFirstSlots * sizeof(proxymeter::ConnectionSlot)),
        proxymeter::kFirstSlotsOffset);
  }
  int directory() const { return descriptor_.get(); }
  const proxymeter::collector::SessionId session{};

 private:
  void Put(const std::uint8_t* data, std::size_t size, off_t offset) {
    if (size == 0) return;
    Expect(
        pwrite(file_.get(), data, size, offset) == static_cast<ssize_t>(size),
        "the file can be written");
  }

  // In memory, as journals are in a pod.
  proxymeter::collector::TestDirectory directory_{"/dev/shm"};
  ScopedFd descriptor_{open(directory_.path().c_str(), O_RDONLY | O_DIRECTORY)};
  ScopedFd file_{openat(descriptor_.get(),
                        proxymeter::collector::ToHex(session).c_str(),
                        O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  static JournalFile file;
  file.Write(data, size);
  const auto read = collector::ReadJournal(file.directory(), file.session);
  const auto* contents = std::get_if<collector::JournalContents>(&read);
  if (contents == nullptr) return 0;
  fuzz::ExpectValid(contents->rows);
  for (std::size_t i = 1; i < contents->rows.size(); ++i) {
    Expect(contents->rows[i - 1].index < contents->rows[i].index,
           "each index comes once");
  }
  Expect(contents->rows.size() * kJournalRowBytes <= size,
         "a row is in the file");
  collector::Sessions sessions;
  Expect(!sessions.ApplyJournal(*contents).rejection,
         "a new session is welcome");
  const auto totals = fuzz::Totals(sessions);
  Expect(!sessions.ApplyJournal(*contents).changed, "it counts once");
  Expect(fuzz::Totals(sessions) == totals, "the totals stand");
  collector::JournalContents settled = *contents;
  collector::Settle(
      [](std::uint64_t cookie) {
        return cookie % 2 == 0 ? std::optional(cookie / 2) : std::nullopt;
      },
      settled);
  sessions.Finish(file.session, &settled);
  Expect(sessions.IsRetired(file.session), "its session ends");
  return 0;
}
