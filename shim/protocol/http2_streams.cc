#include "shim/protocol/http2_streams.h"

namespace proxymeter::protocol {
namespace {

constexpr std::uint32_t kDefaultMaxFrame = 16 * 1024;  // RFC 9113, 6.5.2

// Ids of one side go by twos.
std::uint32_t Home(std::uint32_t id, std::uint32_t probe) {
  return (id / 2 + probe) % Http2Streams::kCapacity;
}

}  // namespace

void Http2Streams::Begin() {
  has_tunnels_.store(false, std::memory_order_relaxed);
  newest_.store(0, std::memory_order_relaxed);
  for (auto& size : max_frame_) {
    size.store(kDefaultMaxFrame, std::memory_order_relaxed);
  }
  for (Slot& slot : slots_) slot.state.store(0, std::memory_order_relaxed);
}

template <typename Self>
auto* Http2Streams::Lookup(Self* self, std::uint32_t id) {
  for (std::uint32_t probe = 0; probe < kCapacity; ++probe) {
    auto* slot = &self->slots_[Home(id, probe)];
    if (Is(slot->state.load(std::memory_order_acquire), id)) return slot;
  }
  return static_cast<decltype(self->slots_.data())>(nullptr);
}

// A slot that is free or, if need be, of a stream given up.
Http2Streams::Slot* Http2Streams::Claim(std::uint32_t id, bool need) {
  for (std::uint32_t probe = 0; probe < kCapacity; ++probe) {
    Slot* slot = &slots_[Home(id, probe)];
    std::uint64_t state = slot->state.load(std::memory_order_relaxed);
    if (state != 0 && (!need || (state & kGivenUp) == 0)) continue;
    if (slot->state.compare_exchange_strong(state, kBusy,
                                            std::memory_order_acq_rel)) {
      return slot;
    }
  }
  return nullptr;
}

bool Http2Streams::Add(std::uint32_t id, const Stream& stream) {
  Slot* slot = Claim(id, /*need=*/false);
  if (slot == nullptr) slot = Claim(id, /*need=*/true);
  if (slot == nullptr) return false;
  // Whoever reads this tag in place of an older one sees the state changed.
  slot->tag.store(stream.tag, std::memory_order_release);
  slot->since_ns.store(stream.since_ns, std::memory_order_release);
  std::uint64_t state = std::uint64_t{id} << kIdShift;
  if (stream.tunnel) state |= kTunnel;
  if (stream.grpc) state |= kGrpc;
  slot->state.store(state, std::memory_order_release);
  if (stream.tunnel) has_tunnels_.store(true, std::memory_order_release);
  return true;
}

Http2Streams::Stream Http2Streams::Find(std::uint32_t id) const {
  const Slot* slot = Lookup(this, id);
  if (slot == nullptr) return {};
  const std::uintptr_t tag = slot->tag.load(std::memory_order_acquire);
  const std::uint64_t since = slot->since_ns.load(std::memory_order_acquire);
  const std::uint64_t state = slot->state.load(std::memory_order_relaxed);
  if (!Is(state, id)) return {};
  return {.known = true,
          .tunnel = (state & kTunnel) != 0,
          .grpc = (state & kGrpc) != 0,
          .begun = (state & kBegun) != 0,
          .awaited = Awaited(state),
          .tag = tag,
          .since_ns = since};
}

bool Http2Streams::Begin(std::uint32_t id) {
  Slot* slot = Lookup(this, id);
  if (slot == nullptr) return false;
  std::uint64_t state = slot->state.load(std::memory_order_relaxed);
  do {
    if (!Is(state, id) || (state & kBegun) != 0) return false;
  } while (!slot->state.compare_exchange_weak(state, state | kBegun,
                                              std::memory_order_acq_rel));
  return true;
}

// What a server pushes nobody has asked for, and a tunnel has been answered
// when it stands.
bool Http2Streams::Awaited(std::uint64_t state) {
  return (state >> kIdShift) % 2 == 1 &&
         (state & (kServerEnded | kGivenUp)) == 0 &&
         ((state & kTunnel) == 0 || (state & kBegun) == 0);
}

Http2Streams::BrokenOff Http2Streams::BreakOff(std::uint32_t last) {
  BrokenOff sum;
  for (Slot& slot : slots_) {
    std::uint64_t state = slot.state.load(std::memory_order_acquire);
    while (Awaited(state) && state >> kIdShift > last) {
      if (!slot.state.compare_exchange_weak(state, state | kGivenUp,
                                            std::memory_order_acq_rel)) {
        continue;
      }
      ++((state & kBegun) != 0 ? sum.incomplete : sum.unanswered);
      break;
    }
  }
  return sum;
}

void Http2Streams::Mark(std::uint32_t id, std::uint64_t bits) {
  Slot* slot = Lookup(this, id);
  if (slot == nullptr) return;
  constexpr std::uint64_t kOver = kClientEnded | kServerEnded;
  std::uint64_t state = slot->state.load(std::memory_order_relaxed);
  std::uint64_t next;
  do {
    if (!Is(state, id)) return;
    next = state | bits;
    if ((next & kOver) == kOver) next = 0;
  } while (!slot->state.compare_exchange_weak(state, next,
                                              std::memory_order_acq_rel));
}

void Http2Streams::End(std::uint32_t id, Http2Speaker side) {
  Mark(id, side == Http2Speaker::kClient ? kClientEnded : kServerEnded);
}

void Http2Streams::Reset(std::uint32_t id, Http2Speaker side) {
  Mark(id, side == Http2Speaker::kClient ? kClientEnded | kGivenUp
                                         : kClientEnded | kServerEnded);
}

void Http2Streams::AllowFrame(Http2Speaker speaker, std::uint32_t size) {
  auto& allowed = max_frame_[Index(speaker)];
  // Only its peer's direction writes it.
  if (size > allowed.load(std::memory_order_relaxed)) {
    allowed.store(size, std::memory_order_release);
  }
}

}  // namespace proxymeter::protocol
