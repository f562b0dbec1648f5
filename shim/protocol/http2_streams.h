// Streams of one HTTP/2 connection that wait for their responses.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP2_STREAMS_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP2_STREAMS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "shim/protocol/http2.h"

namespace proxymeter::protocol {

/// What one direction has to know of the other. One thread may parse what is
/// sent while another parses what is received; neither waits.
class Http2Streams {
 public:
  /// So many are remembered at once; of more only the memory is lacking: their
  /// responses are of an unknown request.
  static constexpr std::uint32_t kCapacity = 128;

  /// What stands for an unknown request's tag.
  static constexpr std::uintptr_t kNoTag = 0;

  struct Stream {
    bool known = false;
    bool tunnel = false;  ///< opened by CONNECT
    bool grpc = false;
    bool begun = false;  ///< so has its response (of a tunnel: the reply)
    /// The client's, and its response is still to come, or to end.
    bool awaited = false;
    std::uintptr_t tag = kNoTag;
    std::uint64_t since_ns = 0;  ///< when its request was complete
  };

  void Begin();

  /// Remembers a stream until both sides have ended it. False when there is no
  /// room. Of `stream` the tag, the time and what it is count.
  bool Add(std::uint32_t id, const Stream& stream);
  /// Not known: never added, or ended since.
  Stream Find(std::uint32_t id) const;
  /// Its response begins. False when it has before, or the stream is not known.
  bool Begin(std::uint32_t id);

  /// `side` says no more on the stream.
  void End(std::uint32_t id, Http2Speaker side);
  /// `side` gives it up. What the server has sent by then is still to come.
  void Reset(std::uint32_t id, Http2Speaker side);

  /// Requests of the client's, without a response and with a part of one.
  struct BrokenOff {
    std::uint32_t unanswered = 0;
    std::uint32_t incomplete = 0;
  };
  /// No more is to be expected on streams above `last`: how many that leaves
  /// so. None is told twice.
  BrokenOff BreakOff(std::uint32_t last);

  /// True once a tunnel was added.
  bool has_tunnels() const {
    return has_tunnels_.load(std::memory_order_acquire);
  }

  /// The newest request that has been parsed, and added where there was room.
  std::uint32_t newest() const {
    return newest_.load(std::memory_order_acquire);
  }
  void set_newest(std::uint32_t id) {
    newest_.store(id, std::memory_order_release);
  }

  /// Longest payload of a frame of `speaker`. It grows by what its peer allows
  /// (SETTINGS_MAX_FRAME_SIZE); a peer that allows less again may have to take
  /// what was sent before.
  std::uint32_t max_frame(Http2Speaker speaker) const {
    return max_frame_[Index(speaker)].load(std::memory_order_acquire);
  }
  void AllowFrame(Http2Speaker speaker, std::uint32_t size);
  static constexpr std::uint32_t kMostMaxFrame = (1 << 24) - 1;

 private:
  // Of a slot's state: the stream's id, and below it these. Zero is free.
  enum Bit : std::uint64_t {
    kClientEnded = 1,
    kServerEnded = 2,
    kGivenUp = 4,  // not awaited: may be forgotten for another stream
    kTunnel = 8,
    kGrpc = 16,
    kBusy = 32,   // being filled
    kBegun = 64,  // so has its response
  };
  static constexpr int kIdShift = 8;

  struct Slot {
    std::atomic<std::uint64_t> state;
    std::atomic<std::uintptr_t> tag;
    std::atomic<std::uint64_t> since_ns;
  };

  static std::size_t Index(Http2Speaker speaker) {
    return static_cast<std::size_t>(speaker);
  }
  static bool Is(std::uint64_t state, std::uint32_t id) {
    return state >> kIdShift == id && id != 0;
  }
  static bool Awaited(std::uint64_t state);
  template <typename Self>
  static auto* Lookup(Self* self, std::uint32_t id);
  Slot* Claim(std::uint32_t id, bool need);
  void Mark(std::uint32_t id, std::uint64_t bits);

  std::atomic<bool> has_tunnels_;
  std::atomic<std::uint32_t> newest_;
  std::atomic<std::uint32_t> max_frame_[2];
  std::array<Slot, kCapacity> slots_;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP2_STREAMS_H_
