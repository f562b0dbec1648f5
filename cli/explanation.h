// Which rule decides about a connection, which do not, and why: in words.
#ifndef PROXYMETER_CLI_EXPLANATION_H_
#define PROXYMETER_CLI_EXPLANATION_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "collector/policy/judgement.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::cli {

struct Explanation {
  struct Rule {
    std::string vendor;
    std::string text;  ///< "vendors[0].match[1] (vendors.yaml:7)"
    std::string why;
  };
  bool found = false;
  Rule winner;  ///< `why`: which of its conditions hold, and how
  /// What the vendor's labels are read as from the user name.
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<Rule> lost;     ///< they match too; why the winner goes first
  std::vector<Rule> unmet;    ///< some condition holds; which does not
  std::size_t unrelated = 0;  ///< rules of which no condition holds
  /// Without a rule: what becomes of the connection.
  std::string otherwise;
  /// Not empty: the compiled policy decides otherwise, which is a bug of ours.
  std::string mismatch;
};

/// `view` is `config`, compiled. What is told of ranks comes from the same key
/// that the ranking is made with (collector/policy/rank.h).
Explanation Explain(const collector::VendorConfig& config,
                    const PolicyView& view, const collector::Shown& shown);

/// What the policy alone tells: the winner, and `otherwise`.
Explanation ExplainDecision(const PolicyView& view,
                            const collector::Shown& shown);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_EXPLANATION_H_
