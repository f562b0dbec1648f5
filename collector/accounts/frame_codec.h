// Frames, from the wire to validated rows.
#ifndef PROXYMETER_COLLECTOR_ACCOUNTS_FRAME_CODEC_H_
#define PROXYMETER_COLLECTOR_ACCOUNTS_FRAME_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "collector/accounts/rejection.h"
#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"
#include "proxymeter/v1/frame.pb.h"

namespace proxymeter::collector {

inline constexpr std::uint32_t kFrameVersion = 1;

/// What a process says of itself: for people, never for identity.
struct ProcessInfo {
  std::int32_t pid = 0;
  std::string command;  ///< printable ASCII, at most 16 bytes
  std::uint64_t started_unix_ns = 0;
  bool has_journal = false;
};

struct DecodedFrame {
  SessionId session{};
  ProcessInfo process;
  std::vector<IndexedRow> rows;
  /// Indexes, as they came, of rows that were left out: those that IsValidRow
  /// refuses, or of an index that no journal has. In a frame of a newer shim
  /// they are what this collector does not know yet.
  std::vector<std::uint32_t> bad_rows;
};

/// Refused whole when its version, its session or its number of rows is wrong,
/// or two rows have one index; otherwise without the rows that are. Takes the
/// text of the rows out of `frame`.
std::variant<DecodedFrame, Rejection> DecodeFrame(v1::Frame& frame);
std::variant<DecodedFrame, Rejection> DecodeFrame(std::string_view bytes);

/// `text` cut to 16 bytes, with whatever is not printable ASCII as '?'.
std::string PrintableCommand(std::string_view text);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_ACCOUNTS_FRAME_CODEC_H_
