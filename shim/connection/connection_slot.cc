// The part of Connection that outlives its process: what stands in its slot in
// the journal.
#include "shim/connection/connection.h"
#include "shim/connection/connections.h"

namespace proxymeter::shim {

// A fork may go on with what its parent has closed, and the other way round:
// the slot stays then.
void Connection::GiveBackSlot() {
  if (IsOfThisProcess() && home_->forks() == forks_before_ &&
      home_->copies() == copies_before_) {
    if (slot_ != nullptr) home_->meter().GiveBackSlot(slot_);
    CountWithoutSlot(-1);
  }
  slot_ = nullptr;
}

// While there are any, the collector cannot tell which of the kernel's
// connections are nobody's.
void Connection::CountWithoutSlot(int change) {
  if (slot_ == nullptr && !is_datagrams()) {
    home_->meter().journal().header()->without_slot.fetch_add(
        static_cast<std::uint32_t>(change), std::memory_order_relaxed);
  }
}

void Connection::ExpectRequest(bool in_tls) {
  if (slot_ == nullptr) return;
  // An alert or a KeyUpdate is shorter than any request: 40 bytes with the
  // record around it, at most (RFC 8446, 5.2; RFC 5246, 6.2.3).
  constexpr std::uint64_t kLongestOther = 40;
  slot_->request_row.store(
      in_tls ? slot_->row.load(std::memory_order_relaxed) : 0,
      std::memory_order_relaxed);
  slot_->request_from.store(
      socket_stream_.moved_sent() + (in_tls ? kLongestOther : 0) + 1,
      std::memory_order_release);
}

void Connection::BeganWithRequest() {
  home_->NoteBeginning(vendor_row(), /*with_request=*/true);
}

void Connection::CarriesNoRequests() {
  home_->NoteBeginning(vendor_row(), /*with_request=*/false);
  if (slot_ != nullptr) {
    slot_->request_from.store(0, std::memory_order_relaxed);
  }
}

void Connection::CountRequest(JournalRow* row) {
  // Before it is counted, not to be counted twice.
  if (slot_ != nullptr) {
    slot_->request_from.store(0, std::memory_order_relaxed);
  }
  Add(row, kRequests, 1);
}

}  // namespace proxymeter::shim
