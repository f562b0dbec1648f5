// Frames as the collector's protobuf library reads them. Behind a plain
// structure, since nanopb's header and protobuf's have the same name.
#ifndef PROXYMETER_SHIM_TESTING_FRAME_READER_H_
#define PROXYMETER_SHIM_TESTING_FRAME_READER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace proxymeter::shim {

struct DecodedTraffic {
  std::uint32_t index;
  std::string vendor;
  std::string destination;
  int protocol;
  std::uint64_t sent_bytes;
  std::uint64_t responses_other;
};

struct DecodedCaller {
  std::string vendor;
  std::string caller;
  std::uint32_t unwinder;
  std::uint64_t connections;
  std::uint64_t not_sampled;
  std::uint64_t not_safe;

  friend bool operator==(const DecodedCaller&, const DecodedCaller&) = default;
};

struct DecodedFrame {
  bool valid = false;
  std::uint32_t version = 0;
  std::string session;
  int pid = 0;
  std::string command;
  bool has_journal = false;
  std::vector<DecodedTraffic> traffic;
  std::vector<DecodedCaller> callers;
};

DecodedFrame DecodeFrame(const std::string& bytes);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_TESTING_FRAME_READER_H_
