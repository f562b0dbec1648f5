// One direction of an HTTP/2 connection.
#ifndef PROXYMETER_SHIM_PROTOCOL_HTTP2_SIDE_H_
#define PROXYMETER_SHIM_PROTOCOL_HTTP2_SIDE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "shim/protocol/bytes.h"
#include "shim/protocol/hpack.h"
#include "shim/protocol/http2.h"
#include "shim/protocol/http2_fields.h"
#include "shim/protocol/http2_streams.h"

namespace proxymeter::protocol {

/// Follows what one speaker says (RFC 9113) from its first byte on: where each
/// header block is complete, and what it says.
///
/// Pull style, as Http1RequestParser: call again with what was not consumed,
/// even if that is nothing, until the event is kNone or kLost.
class Http2Side {
 public:
  /// Longest header block, compressed, in bytes.
  static constexpr std::size_t kMaxBlock = 64 * 1024;

  /// `memory`, of `size` bytes and aligned to 16, is for the header tables;
  /// both it and `streams` outlive this. Where it is too small, the first
  /// header block finds the parser lost.
  void Begin(Http2Speaker speaker, Http2Streams* streams, void* memory,
             std::size_t size);

  /// True if `size` bytes went by that do not matter and more of them are to
  /// come: what Consume would find, without looking at them.
  bool Skip(std::size_t size) {
    if (skip_ <= size) return false;
    skip_ -= static_cast<std::uint32_t>(size);
    return true;
  }

  /// Passes over what begins with DATA that ends no stream and is of no
  /// tunnel, and says how much of `data` that was: what Consume would find, but
  /// without a step for each part of a frame.
  std::size_t PassData(Bytes data);

  /// Consumes up to and including the next event; kEnd may consume nothing.
  /// kLost: no more is understood; `consumed` says how many bytes it took
  /// before that, and later calls take none.
  Http2Step Consume(Bytes data) {
    if (Skip(data.size())) return {data.size(), Http2Event::kNone};
    return ConsumeFrames(data);
  }

  /// To be called at every kRequest and kPush: what the stream is to be known
  /// by when it is answered, and the time. False when there is no room for it.
  bool Remember(std::uintptr_t tag, std::uint64_t now_ns = 0);

  /// The stream of the event; of kPush the one that is promised.
  std::uint32_t stream() const { return event_stream_; }
  /// At the server's kEnd and kReset: what was remembered of the stream until
  /// then; it may be no more.
  const Http2Streams::Stream& ended() const { return ended_; }
  /// At kRequest, kPush, kInterim, kResponse, kTrailers.
  const Http2Fields& fields() const { return fields_; }
  /// When they have been read.
  void WipeCredentials() { fields_.WipeCredentials(); }
  /// At kData; part of what was just consumed.
  Bytes data() const { return data_; }
  /// At kReset and kGoaway (RFC 9113, 7). kGoaway's stream is the last one that
  /// may have been answered.
  std::uint32_t error() const { return error_; }
  /// At kLost.
  Http2Loss loss() const { return loss_; }
  bool lost() const { return loss_ != Http2Loss::kNone; }

 private:
  enum class Phase : std::uint8_t {
    kPreface,   // the client's first bytes
    kHeader,    // of a frame
    kFixed,     // what stands before a frame's content
    kSettings,  // one setting after the other
    kFragment,  // of a header block
    kContent,   // of a tunnel
    kSkip,      // content that does not matter, padding
    kFrameEnd,
    kLost,
  };

  struct Frame {
    std::uint32_t length;  // of its content still to come
    std::uint32_t stream;
    std::uint8_t type;
    std::uint8_t flags;
    std::uint8_t fixed;  // bytes before the content
    std::uint8_t padding;
  };

  Http2Step ConsumeFrames(Bytes data);
  Http2Event Advance(Bytes* data);
  bool Gather(Bytes* data, std::size_t size);
  std::uint32_t Number(std::size_t at) const;
  bool Flag(std::uint8_t flag) const { return (frame_.flags & flag) != 0; }
  Http2Event TakePreface(Bytes* data);
  Http2Event OnHeader();
  bool IsPossible() const;
  Http2Event StartFrame();
  Http2Event StartBlock();
  Http2Event StartData();
  Http2Event StartFixed(std::uint32_t size);
  Http2Event OnFixed();
  Http2Event OnSetting();
  Http2Event TakeFragment(Bytes* data);
  Http2Event EndBlock();
  Http2Event TakeContent(Bytes* data);
  Http2Event EndFrame();
  void StartSkip(std::uint32_t size);
  Http2Event Lose(Http2Loss loss);

  std::uint32_t skip_;  // not zero only in kSkip
  Phase phase_;
  Http2Speaker speaker_;
  Http2Loss loss_;
  bool first_frame_;
  bool in_block_;      // a header block goes on in the next frame
  bool block_ends_;    // and its stream with it
  bool block_pushes_;  // it is a promise's
  bool block_is_new_;  // it is a request's
  std::uint8_t gathered_size_;
  Frame frame_;
  std::uint32_t block_size_;
  std::uint32_t block_stream_;
  std::uint32_t last_request_;
  std::uint32_t event_stream_;
  std::uint32_t error_;
  Http2Streams* streams_;
  Http2Streams::Stream ended_;
  Bytes data_;
  std::array<std::uint8_t, 9> gathered_;
  bool has_memory_;
  HpackDecoder hpack_;
  Http2Fields fields_;
};

/// Both directions, with the memory they need. Bytes of it that were never
/// needed are never touched.
class Http2Session {
 public:
  /// For the header tables of each direction.
  static constexpr std::size_t kMemory = 256 * 1024;

  void Begin() {
    streams.Begin();
    client.Begin(Http2Speaker::kClient, &streams, memory_[0], kMemory);
    server.Begin(Http2Speaker::kServer, &streams, memory_[1], kMemory);
  }

  /// The connection was upgraded from HTTP/1 (RFC 7540, 3.2): `stream` is the
  /// request that asked for it, whose response has begun. To be called before
  /// anything is consumed.
  void Upgrade(const Http2Streams::Stream& stream);

  Http2Streams streams;
  Http2Side client;
  Http2Side server;

 private:
  alignas(16) unsigned char memory_[2][kMemory];
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HTTP2_SIDE_H_
