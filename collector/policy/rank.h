// Which of two rules that match goes first: the documented precedence
// (proxymeter/policy_view.h) as one key, for whoever has to explain it or to
// check the compiled policy against it.
#ifndef PROXYMETER_COLLECTOR_POLICY_RANK_H_
#define PROXYMETER_COLLECTOR_POLICY_RANK_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace proxymeter::collector {

/// How a rule came to match.
enum class RankKind : std::uint8_t {
  kPortOrUser = 0,  ///< by neither host nor network
  kNetwork = 1,     ///< or an address given as host
  kSuffix = 2,
  kExact = 3,
};

/// The parts of the key, the weightiest first.
enum class RankPart : std::uint8_t {
  kUser,
  kKind,
  kLength,
  kPort,
  kHostAndNetwork,
  kLiterals,
  kPosition,
};
inline constexpr std::size_t kRankParts = 7;

struct Rank {
  bool user = false;  ///< has a condition on the user name
  RankKind kind = RankKind::kPortOrUser;
  int length = 0;     ///< of a suffix in characters, of a prefix in bits
  bool port = false;  ///< has a port condition
  bool host_and_network = false;  ///< has both, and matched by a host name
  std::uint32_t literals = 0;     ///< characters of the user condition
  std::uint32_t position = 0;     ///< among all rules; the earlier goes first

  /// Compared from the first to the last: where they differ, the greater wins.
  constexpr std::array<std::int64_t, kRankParts> Key() const {
    return {user,
            static_cast<std::int64_t>(kind),
            length,
            port,
            host_and_network,
            literals,
            -static_cast<std::int64_t>(position)};
  }
  friend constexpr bool operator<(const Rank& a, const Rank& b) {
    return a.Key() < b.Key();
  }
};

/// What decides between two ranks of different rules.
constexpr RankPart Decides(const Rank& a, const Rank& b) {
  const auto first = a.Key();
  const auto second = b.Key();
  std::size_t part = 0;
  while (part + 1 < kRankParts && first[part] == second[part]) ++part;
  return static_cast<RankPart>(part);
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_RANK_H_
