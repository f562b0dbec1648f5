// Many crawlers' reports, made up for measuring.
#ifndef PROXYMETER_BENCH_CROWD_H_
#define PROXYMETER_BENCH_CROWD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "collector/accounts/frame_codec.h"
#include "collector/accounts/row.h"
#include "collector/accounts/session_id.h"

namespace proxymeter::bench {

/// `sessions` processes that each crawl `rows` destinations of their own: every
/// row of a session is another total. What they have counted grows with
/// `generation`, in each row.
struct Crowd {
  std::uint32_t sessions = 0;
  std::uint32_t rows = 0;

  collector::SessionId Id(std::uint32_t session) const;
  /// Traffic in clear: bytes, requests and their responses.
  collector::RowValue Row(std::uint32_t session, std::uint32_t row,
                          std::uint64_t generation) const;
  /// All rows of a session, as its shim would send them.
  std::string Frame(std::uint32_t session, std::uint64_t generation) const;
  /// The same, decoded.
  collector::DecodedFrame Decoded(std::uint32_t session,
                                  std::uint64_t generation) const;
};

}  // namespace proxymeter::bench

#endif  // PROXYMETER_BENCH_CROWD_H_
