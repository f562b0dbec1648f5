// A policy from a configuration in a test.
#ifndef PROXYMETER_CLI_TESTING_TEST_POLICY_H_
#define PROXYMETER_CLI_TESTING_TEST_POLICY_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/vendor_config.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::cli {

/// Throws where `yaml` is no configuration.
class TestPolicy {
 public:
  explicit TestPolicy(std::string_view yaml)
      : bytes_(collector::CompilePolicy(
                   collector::ParseVendorConfig(yaml, "vendors.yaml").value())
                   .value()) {
    PolicyView::Open(bytes_, &view_);
  }
  TestPolicy(const TestPolicy&) = delete;
  TestPolicy& operator=(const TestPolicy&) = delete;

  const PolicyView& view() const { return view_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  std::vector<std::byte> bytes_;
  PolicyView view_;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TESTING_TEST_POLICY_H_
