// The part of Connection that tells TLS sessions by their client random.
#include <cstring>

#include "shim/connection/connection.h"
#include "shim/connection/connections.h"

namespace proxymeter::shim {

Connection::Random* Connection::RandomAt(std::uint8_t tls_depth) {
  if (tls_depth < kMaxStreams) return &randoms_[tls_depth];
  Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
  return tunnels != nullptr ? tunnels->RandomAt(tls_depth) : nullptr;
}

void Connection::ForgetRandom(Random* random) {
  const std::uint64_t word =
      (*random)[0].exchange(0, std::memory_order_acq_rel);
  if (word != 0) home_->tls().Remove(word, this);
}

void Connection::SetClientRandom(std::uint8_t tls_depth,
                                 std::span<const std::uint8_t, 32> random) {
  Random* const at = RandomAt(tls_depth);
  if (at == nullptr) return;
  ClientRandom words;
  std::memcpy(words.data(), random.data(), random.size());
  Random& stored = *at;
  for (int i = 3; i >= 0; --i) {
    stored[i].store(words[i], std::memory_order_release);
  }
  if (words[0] == 0 || !home_->tls().Insert(words[0], this)) {
    stored[0].store(0, std::memory_order_relaxed);
  }
}

void Connection::ReplaceClientRandom(std::uint8_t tls_depth,
                                     const ClientRandom& random) {
  if (Random* const before = RandomAt(tls_depth)) ForgetRandom(before);
  std::array<std::uint8_t, 32> bytes;
  std::memcpy(bytes.data(), random.data(), bytes.size());
  SetClientRandom(tls_depth, bytes);
}

bool Connection::HasTunnelRandom(const ClientRandom& random,
                                 std::uint8_t* tls_depth) const {
  Http2Tunnels* const tunnels = tunnels_.load(std::memory_order_acquire);
  for (std::uint8_t depth = kMaxStreams; depth < places(); ++depth) {
    const Random* const stored = tunnels->RandomAt(depth);
    if (random[0] != 0 && stored != nullptr && IsRandom(*stored, random)) {
      *tls_depth = depth;
      return true;
    }
  }
  return false;
}

}  // namespace proxymeter::shim
