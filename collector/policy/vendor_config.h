// The vendor configuration: which connections belong to which proxy vendor.
// docs: examples/vendors.yaml shows every field. Precedence among rules is that
// of proxymeter/policy_view.h.
#ifndef PROXYMETER_COLLECTOR_POLICY_VENDOR_CONFIG_H_
#define PROXYMETER_COLLECTOR_POLICY_VENDOR_CONFIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/policy/match_text.h"

namespace proxymeter::collector {

/// One rule. All conditions that are present must hold:
///   host  when `hosts` or `host_addresses` is not empty: any of either
///   cidr  when `cidrs` is not empty: any of them
///   port  when `ports` is not empty: any of them
/// At least one is present.
struct MatchRule {
  std::vector<HostPattern> hosts;
  std::vector<Cidr> host_addresses;  ///< address literals given as hosts
  std::vector<Cidr> cidrs;
  std::vector<PortRange> ports;  ///< sorted, disjoint, not adjacent
  int line = 0;                  ///< in the file, from 1
};

struct Vendor {
  std::string name;  ///< [a-z0-9][a-z0-9_.-]{0,62}, unique, not "direct"
  std::vector<MatchRule> match;  ///< not empty; one is enough
  int line = 0;                  ///< in the file, from 1
};

/// Whether crawlers find out which library or program part opens their
/// connections.
enum class CallSites : std::uint8_t {
  kOff,
  kSampled,  ///< by stack walks, of some connections
};

struct VendorConfig {
  std::string file_name;  ///< as given, for messages
  CallSites call_sites = CallSites::kOff;
  std::vector<Vendor> vendors;
};

/// Reads and parses a file. NotFound, PermissionDenied and the like when it
/// cannot be read, otherwise as ParseVendorConfig.
absl::StatusOr<VendorConfig> LoadVendorConfig(const std::string& path);

/// Parses a configuration. InvalidArgument names the first mistake:
///   "vendors.yaml:9:13: vendors[1].match[0].cidr: '10.0.0.0/33' is not a CIDR:
///   prefix length over 32"
/// Line and column count from 1. Nothing in the file is ignored: unknown and
/// repeated keys are mistakes, and so is the same condition in two vendors.
absl::StatusOr<VendorConfig> ParseVendorConfig(std::string_view yaml,
                                               std::string_view file_name);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_VENDOR_CONFIG_H_
