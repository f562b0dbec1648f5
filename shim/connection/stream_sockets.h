// Which descriptors socket() made for streams: what a sandboxed process knows
// of a socket without asking.
#ifndef PROXYMETER_SHIM_CONNECTION_STREAM_SOCKETS_H_
#define PROXYMETER_SHIM_CONNECTION_STREAM_SOCKETS_H_

#include <atomic>
#include <cstdint>

namespace proxymeter::shim {

/// A bit for each of the lowest descriptors; of those above nothing is known.
class StreamSockets {
 public:
  static constexpr std::uint32_t kDescriptors = 1u << 14;

  constexpr StreamSockets() = default;

  void Set(int fd, bool stream) {
    const auto index = static_cast<std::uint32_t>(fd);
    if (index >= kDescriptors) return;
    const std::uint64_t bit = std::uint64_t{1} << index % 64;
    std::atomic<std::uint64_t>& word = words_[index / 64];
    if (stream) {
      word.fetch_or(bit, std::memory_order_relaxed);
    } else {
      word.fetch_and(~bit, std::memory_order_relaxed);
    }
  }

  bool Has(int fd) const {
    const auto index = static_cast<std::uint32_t>(fd);
    return index < kDescriptors &&
           (words_[index / 64].load(std::memory_order_relaxed) >> index % 64 &
            1) != 0;
  }

 private:
  std::atomic<std::uint64_t> words_[kDescriptors / 64]{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_STREAM_SOCKETS_H_
