// Tunnels by CONNECT within an HTTP/2 connection.
#ifndef PROXYMETER_SHIM_CONNECTION_HTTP2_TUNNELS_H_
#define PROXYMETER_SHIM_CONNECTION_HTTP2_TUNNELS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "shim/protocol/http2_streams.h"

namespace proxymeter::shim {

class Stream;

/// What the streams of an HTTP/2 connection carry that CONNECT opened (RFC
/// 9113, 8.5). Each tunnel is a stream of its connection, with the plaintext of
/// the TLS session in it as another. They have places as the connection's
/// streams have depths: no tunnel's are next to another's.
///
/// Only the side that sends opens tunnels.
class Http2Tunnels {
 public:
  using Random = std::array<std::atomic<std::uint64_t>, 4>;

  /// So many are followed at once.
  static constexpr std::uint8_t kMost = 16;
  /// Where the first one stands.
  static constexpr std::uint8_t kFirst = 4;

  struct Tunnel {
    /// Its stream in HTTP/2; 0 is none.
    std::atomic<std::uint32_t> id{0};
    std::atomic<Stream*> content{nullptr};
    std::atomic<Stream*> plaintext{nullptr};
    Random random{};  ///< of the session in it; as in Connection
  };

  static constexpr std::uint8_t PlaceOf(std::uint8_t tunnel) {
    return static_cast<std::uint8_t>(kFirst + tunnel * kStride);
  }

  static constexpr std::uint8_t kNone = kMost;
  /// The place for another tunnel: a free one, or that of the tunnel that came
  /// first among those that `known` no longer knows. kNone: none.
  std::uint8_t Choose(const protocol::Http2Streams& known) const {
    std::uint8_t chosen = kNone;
    std::uint32_t oldest = 0;
    for (std::uint8_t i = 0; i < kMost; ++i) {
      const std::uint32_t id = tunnels_[i].id.load(std::memory_order_relaxed);
      if (id == 0) return i;
      if (known.Find(id).known || (chosen != kNone && id > oldest)) continue;
      chosen = i;
      oldest = id;
    }
    return chosen;
  }

  Tunnel& at(std::uint8_t tunnel) { return tunnels_[tunnel]; }
  /// What the tunnel carries that HTTP/2's stream `id` is; null when that is
  /// none, or is not followed.
  Stream* ContentOf(std::uint32_t id) {
    Tunnel* tunnel = Find(id);
    return tunnel != nullptr ? tunnel->content.load(std::memory_order_acquire)
                             : nullptr;
  }
  /// It was not granted: what comes on its stream is no tunnel's.
  void Refuse(std::uint32_t id) {
    if (Tunnel* tunnel = Find(id)) {
      tunnel->id.store(0, std::memory_order_release);
    }
  }
  /// What is kept for the stream at `place`; null when it is no tunnel's.
  std::atomic<Stream*>* At(std::uint8_t place) {
    if (place < kFirst || place >= PlaceOf(kMost)) return nullptr;
    Tunnel& tunnel = tunnels_[(place - kFirst) / kStride];
    switch ((place - kFirst) % kStride) {
      case 0:
        return &tunnel.content;
      case 1:
        return &tunnel.plaintext;
      default:
        return nullptr;
    }
  }
  /// Of the session that the stream at `place` carries; null as above, and for
  /// what is a session's plaintext already.
  Random* RandomAt(std::uint8_t place) {
    if (place < kFirst || place >= PlaceOf(kMost) ||
        (place - kFirst) % kStride != 0) {
      return nullptr;
    }
    return &tunnels_[(place - kFirst) / kStride].random;
  }

 private:
  static constexpr std::uint8_t kStride = 4;

  Tunnel* Find(std::uint32_t id) {
    for (Tunnel& tunnel : tunnels_) {
      if (tunnel.id.load(std::memory_order_acquire) == id) return &tunnel;
    }
    return nullptr;
  }

  std::array<Tunnel, kMost> tunnels_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_HTTP2_TUNNELS_H_
