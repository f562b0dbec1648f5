// Any text as vendor configuration: a policy that opens and knows the hosts of
// its rules, or an error that says where.
#include <string>
#include <vector>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/policy_view.h"
#include "tests/fuzz/fuzz_target.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  using fuzz::Expect;
  const auto config =
      collector::ParseVendorConfig(fuzz::AsText(data, size), "fuzz.yaml");
  if (!config.ok()) {
    Expect(config.status().code() == absl::StatusCode::kInvalidArgument &&
               config.status().message().substr(0, 9) == "fuzz.yaml",
           "an error names the file");
    return 0;
  }
  const auto policy = collector::CompilePolicy(*config);
  if (!policy.ok()) {
    Expect(policy.status().message().find("overlapping") != std::string::npos,
           "only two vendors' claims cannot be compiled");
    return 0;
  }
  PolicyView view;
  Expect(PolicyView::Open(*policy, &view) == PolicyError::kOk,
         "what is compiled can be read");
  for (const collector::Vendor& vendor : config->vendors) {
    for (const collector::MatchRule& rule : vendor.match) {
      for (const collector::HostPattern& host : rule.hosts) {
        const std::string name = host.suffix ? "x." + host.name : host.name;
        // As a suffix may be of any length, the name below it may be too long.
        Expect(view.NamesHost(name) || name.size() > kMaxHostLength,
               "a host of a rule is known");
      }
    }
  }
  return 0;
}
