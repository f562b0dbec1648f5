// What a client of QUIC sends first: as it is, and as the frames of a packet
// that is protected as it should be.
#include "shim/protocol/quic_hello.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace proxymeter::protocol;

// Two CRYPTO frames or more may be among the bytes.
std::vector<std::uint8_t> Protected(const std::uint8_t* data,
                                    std::size_t size) {
  constexpr std::size_t kTag = 16;
  std::vector<std::uint8_t> packet = {0xc3, 0, 0, 0, 1, 8, 1, 2, 3,
                                      4,    5, 6, 7, 8, 0, 0, 0, 0};
  const std::size_t length = size + 4 + kTag;
  packet[16] = static_cast<std::uint8_t>(0x40 | length >> 8);
  packet[17] = static_cast<std::uint8_t>(length);
  packet.insert(packet.end(), {0, 0, 0, 0});
  packet.insert(packet.end(), data, data + size);
  packet.resize(packet.size() + kTag);
  InitialKeys keys;
  keys.Derive(InitialKeys::kVersion1, Bytes(packet.data() + 6, 8));
  // The same key stream hides and shows.
  keys.Decrypt(0, {packet.data() + 22, size});
  Block sample;
  std::copy_n(packet.begin() + 22, sample.size(), sample.begin());
  const Block mask = keys.Mask(sample);
  packet[0] ^= mask[0] & 15;
  for (std::size_t i = 0; i < 4; ++i) packet[18 + i] ^= mask[1 + i];
  return packet;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto hello = std::make_unique<QuicHello>();
  hello->Reset();
  HostName target;
  const std::vector<std::uint8_t> datagram(data, data + size);
  SocksDatagramHeader(datagram, &target);
  QuicVersionOfFirst(datagram);
  hello->Consume(datagram);
  hello->Reset();
  if (size < 16 || size > 1400) return 0;
  const auto packet = Protected(data, size);
  if (hello->Consume(packet) == QuicHello::Status::kDone) {
    const auto name = hello->hello().server_name().view();
    if (name.size() > 253) __builtin_trap();
  }
  return 0;
}
