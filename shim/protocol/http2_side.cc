#include "shim/protocol/http2_side.h"

#include <algorithm>
#include <cstring>

namespace proxymeter::protocol {
namespace {

// RFC 9113, 6.
enum Type : std::uint8_t {
  kDataType = 0,
  kHeadersType = 1,
  kPriorityType = 2,
  kResetType = 3,
  kSettingsType = 4,
  kPushType = 5,
  kPingType = 6,
  kGoawayType = 7,
  kWindowType = 8,
  kContinuationType = 9,
};

constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kEndHeaders = 0x4;
constexpr std::uint8_t kPadded = 0x8;
constexpr std::uint8_t kPriority = 0x20;

constexpr std::size_t kHeaderSize = 9;
constexpr std::size_t kSettingSize = 6;
constexpr std::uint32_t kPrioritySize = 5;
constexpr std::uint32_t kStreamIdSize = 4;
constexpr std::uint32_t kGoawaySize = 8;
constexpr std::uint32_t kStreamIdMask = 0x7fff'ffff;

constexpr int kMaxFrameSizeSetting = 5;
constexpr std::uint32_t kLeastMaxFrame = 1 << 14;

std::uint32_t NumberAt(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool IsClients(std::uint32_t stream) { return stream % 2 == 1; }

}  // namespace

void Http2Side::Begin(Http2Speaker speaker, Http2Streams* streams, void* memory,
                      std::size_t size) {
  skip_ = 0;
  phase_ = speaker == Http2Speaker::kClient ? Phase::kPreface : Phase::kHeader;
  speaker_ = speaker;
  loss_ = Http2Loss::kNone;
  first_frame_ = true;
  in_block_ = false;
  gathered_size_ = 0;
  last_request_ = 0;
  event_stream_ = 0;
  streams_ = streams;
  data_ = {};
  has_memory_ = hpack_.Begin(memory, size);
  fields_.Clear();
}

bool Http2Side::Remember(std::uintptr_t tag, std::uint64_t now_ns) {
  const bool added = streams_->Add(event_stream_, {.tunnel = fields_.tunnel(),
                                                   .grpc = fields_.grpc(),
                                                   .tag = tag,
                                                   .since_ns = now_ns});
  if (speaker_ == Http2Speaker::kClient) streams_->set_newest(event_stream_);
  return added;
}

Http2Step Http2Side::ConsumeFrames(Bytes data) {
  Bytes rest = data.subspan(PassData(data));
  Http2Event event = Http2Event::kNone;
  // What needs no more bytes happens with the last one, however they are cut.
  while (
      event == Http2Event::kNone &&
      (!rest.empty() || phase_ == Phase::kFrameEnd || phase_ == Phase::kLost)) {
    event = Advance(&rest);
  }
  return {data.size() - rest.size(), event};
}

std::size_t Http2Side::PassData(Bytes data) {
  std::size_t passed = 0;
  if (phase_ == Phase::kSkip) {
    if (Skip(data.size())) return data.size();
    if (frame_.type != kDataType || Flag(kEndStream)) return 0;
    passed = skip_;
  } else if (phase_ != Phase::kHeader || gathered_size_ != 0 || first_frame_ ||
             in_block_) {
    return 0;
  }
  if (streams_->has_tunnels()) return 0;
  skip_ = 0;
  phase_ = Phase::kHeader;
  const std::uint32_t longest = streams_->max_frame(speaker_);
  while (data.size() - passed >= kHeaderSize) {
    const std::uint8_t* const header = data.data() + passed;
    const std::uint32_t length = NumberAt(header) >> 8;
    const std::uint32_t stream = NumberAt(header + 5) & kStreamIdMask;
    if (header[3] != kDataType || (header[4] & kEndStream) != 0 ||
        stream == 0 || length > longest) {
      break;
    }
    passed += kHeaderSize;
    const std::size_t left = data.size() - passed;
    if (length > left) {
      frame_ = {.length = length,
                .stream = stream,
                .type = kDataType,
                .flags = header[4],
                .fixed = 0,
                .padding = 0};
      StartSkip(length - static_cast<std::uint32_t>(left));
      return data.size();
    }
    passed += length;
  }
  return passed;
}

Http2Event Http2Side::Advance(Bytes* data) {
  switch (phase_) {
    case Phase::kPreface:
      return TakePreface(data);
    case Phase::kHeader:
      return Gather(data, kHeaderSize) ? OnHeader() : Http2Event::kNone;
    case Phase::kFixed:
      return Gather(data, frame_.fixed) ? OnFixed() : Http2Event::kNone;
    case Phase::kSettings:
      return Gather(data, kSettingSize) ? OnSetting() : Http2Event::kNone;
    case Phase::kFragment:
      return TakeFragment(data);
    case Phase::kContent:
      return TakeContent(data);
    case Phase::kSkip: {
      const std::size_t size = std::min<std::size_t>(skip_, data->size());
      *data = data->subspan(size);
      StartSkip(skip_ - static_cast<std::uint32_t>(size));
      return Http2Event::kNone;
    }
    case Phase::kFrameEnd:
      return EndFrame();
    case Phase::kLost:
      break;
  }
  return Http2Event::kLost;
}

// True when `size` bytes stand in gathered_.
bool Http2Side::Gather(Bytes* data, std::size_t size) {
  const std::size_t part =
      std::min<std::size_t>(size - gathered_size_, data->size());
  std::memcpy(gathered_.data() + gathered_size_, data->data(), part);
  *data = data->subspan(part);
  gathered_size_ = static_cast<std::uint8_t>(gathered_size_ + part);
  if (gathered_size_ != size) return false;
  gathered_size_ = 0;
  return true;
}

std::uint32_t Http2Side::Number(std::size_t at) const {
  return NumberAt(gathered_.data() + at);
}

Http2Event Http2Side::TakePreface(Bytes* data) {
  const auto expected =
      static_cast<std::uint8_t>(kHttp2Preface[gathered_size_]);
  if (data->front() != expected) return Lose(Http2Loss::kNoPreface);
  *data = data->subspan(1);
  if (++gathered_size_ == kHttp2Preface.size()) {
    gathered_size_ = 0;
    phase_ = Phase::kHeader;
  }
  return Http2Event::kNone;
}

Http2Event Http2Side::OnHeader() {
  frame_.length = Number(0) >> 8;
  frame_.type = gathered_[3];
  frame_.flags = gathered_[4];
  frame_.stream = Number(5) & kStreamIdMask;
  frame_.fixed = 0;
  frame_.padding = 0;
  if (first_frame_) {
    // Who is heard from the middle on hardly begins with settings.
    if (frame_.type != kSettingsType || frame_.stream != 0 || Flag(kAck)) {
      return Lose(Http2Loss::kNoPreface);
    }
    first_frame_ = false;
  }
  if (!IsPossible() || frame_.length > streams_->max_frame(speaker_)) {
    return Lose(Http2Loss::kFraming);
  }
  return StartFrame();
}

// By what every endpoint must treat as an error of the connection.
bool Http2Side::IsPossible() const {
  const bool of_stream = frame_.stream != 0;
  const bool continues = frame_.type == kContinuationType;
  if (in_block_) return continues && frame_.stream == block_stream_;
  switch (frame_.type) {
    case kDataType:
    case kPriorityType:
      return of_stream;
    case kHeadersType:
      return of_stream &&
             (speaker_ == Http2Speaker::kServer || IsClients(frame_.stream));
    case kResetType:
      return of_stream && frame_.length == kStreamIdSize;
    case kSettingsType:
      return !of_stream && frame_.length % kSettingSize == 0 &&
             (!Flag(kAck) || frame_.length == 0);
    case kPushType:
      return of_stream && speaker_ == Http2Speaker::kServer;
    case kPingType:
      return !of_stream && frame_.length == 8;
    case kGoawayType:
      return !of_stream && frame_.length >= kGoawaySize;
    case kWindowType:
      return frame_.length == 4;
    default:
      return !continues;
  }
}

Http2Event Http2Side::StartFrame() {
  switch (frame_.type) {
    case kDataType:
      return StartData();
    case kHeadersType:
    case kPushType:
    case kContinuationType:
      return StartBlock();
    case kResetType:
      return StartFixed(kStreamIdSize);
    case kGoawayType:
      return StartFixed(kGoawaySize);
    case kSettingsType:
      phase_ = frame_.length != 0 ? Phase::kSettings : Phase::kFrameEnd;
      return Http2Event::kNone;
    default:
      // Among them the unknown ones, which are to be ignored (RFC 9113, 5.5).
      StartSkip(frame_.length);
      return Http2Event::kNone;
  }
}

Http2Event Http2Side::StartData() {
  if (streams_->has_tunnels() && streams_->Find(frame_.stream).tunnel) {
    return StartFixed(Flag(kPadded) ? 1 : 0);
  }
  StartSkip(frame_.length);
  return Http2Event::kNone;
}

Http2Event Http2Side::StartBlock() {
  if (frame_.type == kContinuationType) return StartFixed(0);
  block_pushes_ = frame_.type == kPushType;
  block_ends_ = !block_pushes_ && Flag(kEndStream);
  block_is_new_ = false;
  block_size_ = 0;
  block_stream_ = frame_.stream;
  fields_.Clear();
  bool awaited = false;
  if (speaker_ == Http2Speaker::kClient) {
    block_is_new_ = frame_.stream > last_request_;
    if (block_is_new_) last_request_ = frame_.stream;
  } else {
    awaited = !block_pushes_ && IsClients(frame_.stream) &&
              frame_.stream > streams_->newest();
  }
  const bool padded = Flag(kPadded);
  const bool weighed = !block_pushes_ && Flag(kPriority);
  const std::uint32_t fixed = (padded ? 1 : 0) + (weighed ? kPrioritySize : 0) +
                              (block_pushes_ ? kStreamIdSize : 0);
  const Http2Event event = StartFixed(fixed);
  if (event != Http2Event::kNone || !awaited) return event;
  event_stream_ = frame_.stream;
  return Http2Event::kAwaited;
}

Http2Event Http2Side::StartFixed(std::uint32_t size) {
  if (size > frame_.length) return Lose(Http2Loss::kFraming);
  frame_.fixed = static_cast<std::uint8_t>(size);
  frame_.length -= size;
  phase_ = Phase::kFixed;
  return size == 0 ? OnFixed() : Http2Event::kNone;
}

Http2Event Http2Side::OnFixed() {
  switch (frame_.type) {
    case kResetType:
      event_stream_ = frame_.stream;
      error_ = Number(0);
      if (speaker_ == Http2Speaker::kServer) {
        ended_ = streams_->Find(frame_.stream);
      }
      streams_->Reset(frame_.stream, speaker_);
      phase_ = Phase::kFrameEnd;
      return Http2Event::kReset;
    case kGoawayType:
      event_stream_ = Number(0) & kStreamIdMask;
      error_ = Number(4);
      StartSkip(frame_.length);
      return Http2Event::kGoaway;
    default:
      break;
  }
  const bool padded = frame_.type != kContinuationType && Flag(kPadded);
  if (padded) {
    frame_.padding = gathered_[0];
    if (frame_.padding > frame_.length) return Lose(Http2Loss::kFraming);
    frame_.length -= frame_.padding;
  }
  if (frame_.type == kPushType) {
    event_stream_ = Number(padded ? 1 : 0) & kStreamIdMask;
    if (event_stream_ == 0 || IsClients(event_stream_)) {
      return Lose(Http2Loss::kFraming);
    }
  }
  if (frame_.type == kDataType) {
    phase_ = Phase::kContent;
  } else {
    phase_ = Phase::kFragment;
    block_size_ += frame_.length;
    if (!has_memory_) return Lose(Http2Loss::kMemory);
    if (block_size_ > kMaxBlock) return Lose(Http2Loss::kHeaders);
  }
  if (frame_.length != 0) return Http2Event::kNone;
  Bytes nothing;
  return Advance(&nothing);
}

Http2Event Http2Side::OnSetting() {
  const int name = gathered_[0] << 8 | gathered_[1];
  const std::uint32_t value = Number(2);
  if (name == kMaxFrameSizeSetting) {
    if (value < kLeastMaxFrame || value > Http2Streams::kMostMaxFrame) {
      return Lose(Http2Loss::kFraming);
    }
    streams_->AllowFrame(speaker_ == Http2Speaker::kClient
                             ? Http2Speaker::kServer
                             : Http2Speaker::kClient,
                         value);
  }
  frame_.length -= kSettingSize;
  if (frame_.length == 0) phase_ = Phase::kFrameEnd;
  return Http2Event::kNone;
}

Http2Event Http2Side::TakeFragment(Bytes* data) {
  Bytes fragment =
      data->first(std::min<std::size_t>(frame_.length, data->size()));
  *data = data->subspan(fragment.size());
  frame_.length -= static_cast<std::uint32_t>(fragment.size());
  const bool last = frame_.length == 0 && Flag(kEndHeaders);
  for (;;) {
    const auto [consumed, status] = hpack_.Consume(fragment, last);
    fragment = fragment.subspan(consumed);
    switch (status) {
      case HpackDecoder::Status::kField:
        fields_.Take(hpack_.name(), hpack_.value());
        continue;
      case HpackDecoder::Status::kNeedMore:
        in_block_ = true;
        if (frame_.length == 0) StartSkip(frame_.padding);
        return Http2Event::kNone;
      case HpackDecoder::Status::kEnd:
        return EndBlock();
      case HpackDecoder::Status::kBroken:
        return Lose(Http2Loss::kHeaders);
      case HpackDecoder::Status::kNoRoom:
        return Lose(Http2Loss::kMemory);
    }
  }
}

Http2Event Http2Side::EndBlock() {
  in_block_ = false;
  StartSkip(frame_.padding);
  // A promise's stream is known since its frame began.
  if (block_pushes_) return Http2Event::kPush;
  event_stream_ = block_stream_;
  if (speaker_ == Http2Speaker::kClient) {
    return block_is_new_ ? Http2Event::kRequest : Http2Event::kTrailers;
  }
  if (!fields_.has_status()) return Http2Event::kTrailers;
  return fields_.status() / 100 == 1 ? Http2Event::kInterim
                                     : Http2Event::kResponse;
}

Http2Event Http2Side::TakeContent(Bytes* data) {
  data_ = data->first(std::min<std::size_t>(frame_.length, data->size()));
  *data = data->subspan(data_.size());
  frame_.length -= static_cast<std::uint32_t>(data_.size());
  if (frame_.length == 0) StartSkip(frame_.padding);
  if (data_.empty()) return Http2Event::kNone;
  event_stream_ = frame_.stream;
  return Http2Event::kData;
}

Http2Event Http2Side::EndFrame() {
  phase_ = Phase::kHeader;
  const bool block =
      frame_.type == kHeadersType || frame_.type == kContinuationType;
  const bool ends = block ? block_ends_ && !in_block_
                          : frame_.type == kDataType && Flag(kEndStream);
  if (!ends) return Http2Event::kNone;
  event_stream_ = frame_.stream;
  if (speaker_ == Http2Speaker::kServer) {
    ended_ = streams_->Find(frame_.stream);
  }
  streams_->End(frame_.stream, speaker_);
  return Http2Event::kEnd;
}

void Http2Side::StartSkip(std::uint32_t size) {
  skip_ = size;
  phase_ = size != 0 ? Phase::kSkip : Phase::kFrameEnd;
}

Http2Event Http2Side::Lose(Http2Loss loss) {
  loss_ = loss;
  skip_ = 0;
  phase_ = Phase::kLost;
  return Http2Event::kLost;
}

void Http2Session::Upgrade(const Http2Streams::Stream& stream) {
  constexpr std::uint32_t kUpgraded = 1;
  streams.Add(kUpgraded, stream);
  streams.Begin(kUpgraded);
  streams.End(kUpgraded, Http2Speaker::kClient);
  streams.set_newest(kUpgraded);
  // What the server may send stood in the request, encoded.
  streams.AllowFrame(Http2Speaker::kServer, Http2Streams::kMostMaxFrame);
}

}  // namespace proxymeter::protocol
