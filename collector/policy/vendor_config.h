// The vendor configuration: which connections belong to which proxy vendor.
// docs: examples/vendors.yaml shows every field. Precedence among rules is that
// of proxymeter/policy_view.h.
#ifndef PROXYMETER_COLLECTOR_POLICY_VENDOR_CONFIG_H_
#define PROXYMETER_COLLECTOR_POLICY_VENDOR_CONFIG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/policy/address_list.h"
#include "collector/policy/match_text.h"
#include "collector/price.h"

namespace proxymeter::collector {

/// One rule. All conditions that are present must hold:
///   host  when `hosts` or `host_addresses` is not empty: any of either
///   cidr  when `cidrs` or `address_lists` is not empty: any of either
///   port  when `ports` is not empty: any of them
///   user  when `user` is not empty: the proxy user name matches it
/// At least one is present.
struct MatchRule {
  std::vector<HostPattern> hosts;
  std::vector<Cidr> host_addresses;  ///< address literals given as hosts
  std::vector<Cidr> cidrs;
  /// Files of addresses, which go with `cidrs`; never null.
  std::vector<std::shared_ptr<const AddressList>> address_lists;
  std::vector<PortRange> ports;  ///< sorted, disjoint, not adjacent
  std::string user;              ///< UserGrammar
  int line = 0;                  ///< in the file, from 1
  /// The vendor of the catalogue that it comes from, by what stands on that
  /// line; empty for a rule of the file's own.
  std::string catalogue;
};

struct Vendor {
  std::string name;  ///< [a-z0-9][a-z0-9_.-]{0,62}, unique, not "direct"
  /// One is enough. Empty for a vendor that only X-Proxy-Vendor names.
  std::vector<MatchRule> match;
  /// Grammars of user names and passwords (user_grammar.h): the first that
  /// matches is read.
  std::vector<std::string> user_names;
  std::vector<std::string> passwords;
  /// Values of those grammars that become labels, in this order; at most
  /// kMaxVendorLabels.
  std::vector<std::string> labels;
  std::optional<Price> price;
  /// Destinations of its own beyond which they are folded; 0: the default.
  std::uint32_t max_destinations = 0;
  int line = 0;  ///< in the file, from 1
};

/// What is metered at all. Connections that a rule matches always are.
struct Filters {
  /// What counts as the cluster: traffic to it is not metered. Without it, the
  /// private and special ranges of LeavesCluster.
  std::optional<std::vector<Cidr>> inside;
  std::vector<PortRange> left_ports;  ///< not metered; sorted, disjoint
  enum class Processes : std::uint8_t { kAll, kOnly, kExcept };
  Processes processes = Processes::kAll;
  std::vector<std::string> process_names;  ///< as the kernel has them (comm)
};

/// How destinations are told apart.
enum class DestinationNames : std::uint8_t {
  kHost,
  kRegistrableDomain,  ///< by the public suffix list (libpsl)
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
  bool vendor_header = false;  ///< X-Proxy-Vendor in requests is believed
  Filters filters;
  DestinationNames destinations = DestinationNames::kHost;
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

/// What the accounts have to know of a configuration's vendors.
std::vector<VendorTerms> TermsOf(const VendorConfig& config);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_VENDOR_CONFIG_H_
