// One of a limited number of open streams.
#ifndef PROXYMETER_COLLECTOR_RPC_STREAM_SLOT_H_
#define PROXYMETER_COLLECTOR_RPC_STREAM_SLOT_H_

#include <atomic>
#include <utility>

namespace proxymeter::collector {

/// Counts itself in `open` for its lifetime, unless `limit` of them are there.
class StreamSlot {
 public:
  StreamSlot(std::atomic<int>& open, int limit) : open_(&open) {
    if (open.fetch_add(1) >= limit) Release();
  }
  StreamSlot(StreamSlot&& other) noexcept
      : open_(std::exchange(other.open_, nullptr)) {}
  StreamSlot& operator=(StreamSlot&&) = delete;
  ~StreamSlot() { Release(); }

  bool taken() const { return open_ != nullptr; }

 private:
  void Release() {
    if (open_ != nullptr) open_->fetch_sub(1);
    open_ = nullptr;
  }

  std::atomic<int>* open_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_STREAM_SLOT_H_
