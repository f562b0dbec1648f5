#include "shim/protocol/quic_hello.h"

#include <algorithm>
#include <cstring>

namespace proxymeter::protocol {
namespace {

constexpr std::uint8_t kLongHeader = 0xc0;  // with the fixed bit
constexpr std::size_t kLeastFirst = 1200;   // RFC 9000, 14.1
constexpr std::size_t kLeastId = 8;         // RFC 9000, 7.2
constexpr std::size_t kMostId = 20;
constexpr std::size_t kTag = 16;

constexpr std::uint64_t kPadding = 0, kPing = 1, kAck = 2, kAckEcn = 3,
                        kCrypto = 6;

bool IsInitial(std::uint8_t first, std::uint32_t version) {
  const int type = first >> 4 & 3;
  return version == InitialKeys::kVersion2 ? type == 1 : type == 0;
}

bool IsKnown(std::uint32_t version) {
  return version == InitialKeys::kVersion1 || version == InitialKeys::kVersion2;
}

}  // namespace

// Numbers and runs of bytes, from the front on; once there are too few, never
// again any.
class QuicHello::Reader {
 public:
  explicit Reader(Bytes data) : data_(data) {}

  bool good() const { return good_; }
  bool empty() const { return data_.empty(); }
  std::size_t left() const { return data_.size(); }

  Bytes Take(std::uint64_t size) {
    if (size > data_.size()) {
      good_ = false;
      data_ = {};
      return {};
    }
    const Bytes front = data_.first(static_cast<std::size_t>(size));
    data_ = data_.subspan(static_cast<std::size_t>(size));
    return front;
  }
  std::uint64_t Number(std::size_t size) {
    std::uint64_t number = 0;
    for (const std::uint8_t byte : Take(size)) number = number << 8 | byte;
    return number;
  }
  // RFC 9000, 16.
  std::uint64_t Variable() {
    if (data_.empty()) return Number(1);
    const std::size_t size = std::size_t{1} << (data_.front() >> 6);
    return Number(size) & (~std::uint64_t{0} >> (64 - 8 * size + 2));
  }

 private:
  Bytes data_;
  bool good_ = true;
};

std::uint32_t QuicVersionOfFirst(Bytes datagram) {
  if (datagram.size() < kLeastFirst) return 0;
  if ((datagram[0] & kLongHeader) != kLongHeader) return 0;
  std::uint32_t version = 0;
  for (std::size_t i = 1; i < 5; ++i) version = version << 8 | datagram[i];
  const std::size_t id = datagram[5];
  if (id < kLeastId || id > kMostId || datagram[6 + id] > kMostId) return 0;
  if (IsKnown(version) && !IsInitial(datagram[0], version)) return 0;
  return version;
}

std::size_t SocksDatagramHeader(Bytes datagram, HostName* target) {
  constexpr std::size_t kFront = 4, kPort = 2;
  constexpr std::uint8_t kIpv4 = 1, kDomain = 3, kIpv6 = 4;
  // Reserved, and no fragment.
  if (datagram.size() < kLeastFirst || datagram[0] != 0 || datagram[1] != 0 ||
      datagram[2] != 0) {
    return 0;
  }
  std::size_t at = kFront, size = 0;
  switch (datagram[3]) {
    case kIpv4:
      size = 4;
      break;
    case kIpv6:
      size = 16;
      break;
    case kDomain:
      size = datagram[at++];
      break;
    default:
      return 0;
  }
  const Bytes host = datagram.subspan(at, size);
  const std::size_t whole = at + size + kPort;
  if (QuicVersionOfFirst(datagram.subspan(whole)) == 0) return 0;
  target->Clear();
  if (datagram[3] == kDomain) {
    for (const std::uint8_t byte : host) target->AppendHost(byte);
    target->FinishHost();
  } else {
    target->AssignAddress(host);
  }
  return whole;
}

void QuicHello::Reset() {
  status_ = Status::kNeedMore;
  version_ = 0;
  id_size_ = 0;
  read_ = 0;
  hello_.Reset();
  have_.fill(0);
}

QuicHello::Status QuicHello::Consume(Bytes datagram) {
  Reader in(datagram);
  while (status_ == Status::kNeedMore && !in.empty()) {
    const Bytes rest = in.Take(in.left());
    Reader packet(rest);
    const auto first = static_cast<std::uint8_t>(packet.Number(1));
    const auto version = static_cast<std::uint32_t>(packet.Number(4));
    // Short headers, and what fills a datagram.
    if ((first & kLongHeader) != kLongHeader || !IsKnown(version)) break;
    const Bytes id = packet.Take(packet.Number(1));
    packet.Take(packet.Number(1));
    if (id.size() > kMostId) break;
    const bool initial = IsInitial(first, version);
    if (initial) packet.Take(packet.Variable());  // token
    const std::uint64_t length = packet.Variable();
    const std::size_t header = rest.size() - packet.left();
    const Bytes protected_part = packet.Take(length);
    // Of other types (0-RTT) the next one may be beside it.
    if (!packet.good()) break;
    in = Reader(rest.subspan(header + protected_part.size()));
    if (!initial) continue;
    if (version != version_ || id.size() != id_size_ ||
        !std::equal(id.begin(), id.end(), id_.begin())) {
      version_ = version;
      id_size_ = static_cast<std::uint8_t>(id.size());
      std::copy(id.begin(), id.end(), id_.begin());
      keys_.Derive(version, id);
    }
    if (!OpenPacket(rest.first(header), protected_part)) {
      status_ = Status::kLost;
    }
  }
  return status_;
}

// RFC 9001, 5.4.1 and 5.3.
bool QuicHello::OpenPacket(Bytes header, Bytes packet) {
  constexpr std::size_t kSampleAt = 4;
  Block sample;
  if (packet.size() < kSampleAt + sample.size() ||
      packet.size() > payload_.size()) {
    return false;
  }
  std::copy_n(packet.begin() + kSampleAt, sample.size(), sample.begin());
  const Block mask = keys_.Mask(sample);
  const std::size_t number_size = ((header[0] ^ mask[0]) & 3) + 1u;
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < number_size; ++i) {
    number = number << 8 | static_cast<std::uint8_t>(packet[i] ^ mask[1 + i]);
  }
  const Bytes hidden =
      packet.subspan(number_size, packet.size() - number_size - kTag);
  std::copy(hidden.begin(), hidden.end(), payload_.begin());
  keys_.Decrypt(number, {payload_.data(), hidden.size()});
  return ReadFrames({payload_.data(), hidden.size()});
}

// RFC 9000, 12.4: what an Initial packet may hold.
bool QuicHello::ReadFrames(Bytes payload) {
  Reader in(payload);
  while (!in.empty() && status_ == Status::kNeedMore) {
    switch (const std::uint64_t type = in.Variable()) {
      case kPadding:
      case kPing:
        break;
      case kAck:
      case kAckEcn: {
        in.Variable();  // largest
        in.Variable();  // delay
        const std::uint64_t ranges = in.Variable();
        in.Variable();  // the first one
        const std::uint64_t numbers = type == kAckEcn ? 3 : 0;
        for (std::uint64_t i = 0; i < 2 * ranges + numbers && in.good(); ++i) {
          in.Variable();
        }
        break;
      }
      case kCrypto: {
        const std::uint64_t offset = in.Variable();
        const Bytes data = in.Take(in.Variable());
        if (!in.good() || !Keep(offset, data)) return false;
        ReadHello();
        break;
      }
      default:
        return false;
    }
    if (!in.good()) return false;
  }
  return status_ != Status::kLost;
}

bool QuicHello::Keep(std::uint64_t offset, Bytes data) {
  if (offset > bytes_.size() || data.size() > bytes_.size() - offset) {
    return false;
  }
  const auto at = static_cast<std::size_t>(offset);
  std::copy(data.begin(), data.end(), bytes_.begin() + at);
  for (std::size_t i = at; i < at + data.size(); ++i) {
    have_[i / 8] = static_cast<std::uint8_t>(have_[i / 8] | 1 << i % 8);
  }
  return true;
}

// As far as there is no gap; to the parser it comes in records of TLS.
void QuicHello::ReadHello() {
  std::size_t end = read_;
  while (end < bytes_.size() && (have_[end / 8] >> end % 8 & 1) != 0) ++end;
  const std::size_t size = end - read_;
  if (size == 0) return;
  const std::uint8_t header[] = {22, 3, 1, static_cast<std::uint8_t>(size >> 8),
                                 static_cast<std::uint8_t>(size)};
  hello_.Consume(header);
  const auto status = hello_.Consume({bytes_.data() + read_, size});
  read_ = end;
  if (status == ClientHelloParser::Status::kDone) {
    status_ = Status::kDone;
  } else if (status == ClientHelloParser::Status::kNotTls ||
             end == bytes_.size()) {
    status_ = Status::kLost;
  }
}

}  // namespace proxymeter::protocol
