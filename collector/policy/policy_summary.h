// What is in a policy file, for people and scripts.
#ifndef PROXYMETER_COLLECTOR_POLICY_POLICY_SUMMARY_H_
#define PROXYMETER_COLLECTOR_POLICY_POLICY_SUMMARY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace proxymeter::collector {

struct PolicySummary {
  struct Section {
    std::string name;  ///< "kind 77" for one that this version does not know
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
  };
  struct Vendor {
    std::string name;
    std::string labels;          ///< separated by commas; empty for none
    std::uint64_t grammars = 0;  ///< of user names and passwords
    std::uint64_t rules = 0;
  };
  struct Rule {
    std::string vendor;
    std::string text;                ///< where it stands in the configuration
    std::vector<std::string> hosts;  ///< "gw.acme.test", "*.acme.test"
    std::string ports;               ///< "80,7000-7999"; empty: any
    std::string user;                ///< grammar; empty: any
    /// Networks that must hold beside the host.
    std::uint64_t within4 = 0;
    std::uint64_t within6 = 0;
  };
  std::uint32_t version = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
  std::vector<Section> sections;
  std::vector<Vendor> vendors;
  std::vector<Rule> rules;  ///< in the order of the configuration
};

/// Reads all of `file`, which begins at a multiple of 8. InvalidArgument says
/// why it is no policy that this version would use.
absl::StatusOr<PolicySummary> SummarisePolicy(std::string_view file);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_POLICY_SUMMARY_H_
