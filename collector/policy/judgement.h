// One rule held against one connection, condition by condition.
#ifndef PROXYMETER_COLLECTOR_POLICY_JUDGEMENT_H_
#define PROXYMETER_COLLECTOR_POLICY_JUDGEMENT_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collector/policy/match_text.h"
#include "collector/policy/rank.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/endpoint.h"

namespace proxymeter::collector {

/// What is known of a connection. An address of zeros and a port of 0 stand for
/// none: no rule is about them, but one about all of IPv6.
struct Shown {
  Endpoint endpoint{};
  std::vector<std::string_view> hosts{};
  std::string_view user{};
};

enum class ConditionState : std::uint8_t {
  kAbsent,  ///< the rule has none
  kHolds,
  kFails,
};

struct Judgement {
  ConditionState host = ConditionState::kAbsent;
  ConditionState cidr = ConditionState::kAbsent;
  ConditionState port = ConditionState::kAbsent;
  ConditionState user = ConditionState::kAbsent;
  /// Set when the rule matches.
  std::optional<Rank> rank{};
  /// The best that holds, into the rule; null for none.
  const HostPattern* name = nullptr;
  const Cidr* address = nullptr;  ///< given as host
  std::optional<Cidr> network{};

  /// Whether some condition holds, so that one may have meant this rule.
  bool any() const {
    return host == ConditionState::kHolds || cidr == ConditionState::kHolds ||
           port == ConditionState::kHolds || user == ConditionState::kHolds;
  }
};

/// `position`: of the rule among those of all vendors.
Judgement Judge(const MatchRule& rule, std::uint32_t position,
                const Shown& shown);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_JUDGEMENT_H_
