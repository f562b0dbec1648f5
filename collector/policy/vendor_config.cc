#include "collector/policy/vendor_config.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "collector/policy/yaml_node.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"
#include "proxymeter/vendor_name.h"

namespace proxymeter::collector {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::array<std::string_view, 3> kTopKeys = {"version", "vendors",
                                                      "call_sites"};
constexpr std::array<std::string_view, 2> kVendorKeys = {"name", "match"};
constexpr std::array<std::string_view, 3> kRuleKeys = {"host", "port", "cidr"};

class Parser {
 public:
  explicit Parser(VendorConfig* config) : config_(config) {}

  absl::Status ParseTop(const YamlNode& top) {
    absl::StatusOr<YamlMapping> mapping = top.Mapping(kTopKeys);
    if (!mapping.ok()) return mapping.status();
    absl::StatusOr<YamlNode> version = top.Required(*mapping, "version");
    if (!version.ok()) return version.status();
    absl::StatusOr<std::string> number = version->Text();
    if (!number.ok()) return number.status();
    if (*number != kVersion) {
      return version->Error(fmt::format(
          "version '{}' is not supported, only {}", *number, kVersion));
    }
    if (const YamlNode* call_sites = mapping->Find("call_sites")) {
      if (absl::Status status = ParseCallSites(*call_sites); !status.ok()) {
        return status;
      }
    }
    absl::StatusOr<YamlNode> vendors = top.Required(*mapping, "vendors");
    if (!vendors.ok()) return vendors.status();
    absl::StatusOr<std::vector<YamlNode>> list = vendors->List();
    if (!list.ok()) return list.status();
    for (const YamlNode& vendor : *list) {
      if (absl::Status status = ParseVendor(vendor); !status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }

 private:
  // Who was the first to use a condition, and on which line.
  struct Use {
    std::size_t vendor;
    int line;
  };

  absl::Status ParseCallSites(const YamlNode& node) {
    absl::StatusOr<std::string> value = node.Text();
    if (!value.ok()) return value.status();
    if (*value == "sampled") {
      config_->call_sites = CallSites::kSampled;
    } else if (*value != "off") {
      return node.Error(
          fmt::format("'{}' is neither 'off' nor 'sampled'", *value));
    }
    return absl::OkStatus();
  }

  absl::Status ParseVendor(const YamlNode& node) {
    absl::StatusOr<YamlMapping> mapping = node.Mapping(kVendorKeys);
    if (!mapping.ok()) return mapping.status();
    absl::StatusOr<YamlNode> name = node.Required(*mapping, "name");
    if (!name.ok()) return name.status();
    Vendor vendor;
    if (absl::Status status = ParseName(*name, &vendor); !status.ok()) {
      return status;
    }
    absl::StatusOr<YamlNode> match = node.Required(*mapping, "match");
    if (!match.ok()) return match.status();
    absl::StatusOr<std::vector<YamlNode>> rules = match->List();
    if (!rules.ok()) return rules.status();
    if (rules->empty()) return match->Error("the list is empty");
    config_->vendors.push_back(std::move(vendor));
    for (const YamlNode& rule : *rules) {
      if (absl::Status status = ParseRule(rule); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status ParseName(const YamlNode& node, Vendor* vendor) {
    absl::StatusOr<std::string> name = node.Text();
    if (!name.ok()) return name.status();
    if (*name == kDirectVendor) {
      return node.Error(fmt::format(
          "'{}' is reserved for traffic that uses no vendor", *name));
    }
    if (!IsVendorName(*name)) {
      return node.Error(
          fmt::format("'{}' is not a vendor name: 1 to {} of a-z, 0-9, '_', "
                      "'.', '-', the first a letter or digit",
                      *name, kMaxVendorLength));
    }
    const auto [known, added] = vendor_lines_.emplace(*name, node.line());
    if (!added) {
      return node.Error(fmt::format("'{}' is already the vendor on line {}",
                                    *name, known->second));
    }
    vendor->name = *std::move(name);
    vendor->line = node.line();
    return absl::OkStatus();
  }

  absl::Status ParseRule(const YamlNode& node) {
    absl::StatusOr<YamlMapping> mapping = node.Mapping(kRuleKeys);
    if (!mapping.ok()) return mapping.status();
    const YamlNode* host = mapping->Find("host");
    const YamlNode* cidr = mapping->Find("cidr");
    const YamlNode* port = mapping->Find("port");
    if (host == nullptr && cidr == nullptr && port == nullptr) {
      return node.Error(
          "a rule without condition: host, cidr or port is needed");
    }
    MatchRule rule;
    rule.line = node.line();
    // Conditions of other rules are compared with their ports and networks, so
    // these come first.
    if (port != nullptr) {
      if (absl::Status status = ParsePort(*port, &rule); !status.ok()) {
        return status;
      }
    }
    if (cidr != nullptr) {
      if (absl::Status status = ParseCidrs(*cidr, host == nullptr, &rule);
          !status.ok()) {
        return status;
      }
    }
    if (host != nullptr) {
      if (absl::Status status = ParseHosts(*host, &rule); !status.ok()) {
        return status;
      }
    }
    if (host == nullptr && cidr == nullptr) {
      if (absl::Status status = Claim(*port, "", "port", rule); !status.ok()) {
        return status;
      }
    }
    config_->vendors.back().match.push_back(std::move(rule));
    return absl::OkStatus();
  }

  absl::Status ParsePort(const YamlNode& node, MatchRule* rule) {
    absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
    if (!values.ok()) return values.status();
    for (const YamlNode& value : *values) {
      absl::StatusOr<std::string> text = value.Text();
      if (!text.ok()) return text.status();
      absl::StatusOr<PortRange> ports = ParsePorts(*text);
      if (!ports.ok())
        return value.Error(std::string(ports.status().message()));
      rule->ports.push_back(*ports);
    }
    rule->ports = MergePorts(std::move(rule->ports));
    return absl::OkStatus();
  }

  absl::Status ParseCidrs(const YamlNode& node, bool alone, MatchRule* rule) {
    absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
    if (!values.ok()) return values.status();
    for (const YamlNode& value : *values) {
      absl::StatusOr<std::string> text = value.Text();
      if (!text.ok()) return text.status();
      absl::StatusOr<Cidr> cidr = ParseCidr(*text);
      if (!cidr.ok()) return value.Error(std::string(cidr.status().message()));
      if (alone) {
        absl::Status status = Claim(value, *text, FormatCidr(*cidr), *rule);
        if (!status.ok()) return status;
      }
      rule->cidrs.push_back(*cidr);
    }
    return absl::OkStatus();
  }

  absl::Status ParseHosts(const YamlNode& node, MatchRule* rule) {
    absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
    if (!values.ok()) return values.status();
    const std::string within = NetworksKey(rule->cidrs);
    for (const YamlNode& value : *values) {
      absl::StatusOr<std::string> text = value.Text();
      if (!text.ok()) return text.status();
      std::string condition;
      if (const std::optional<Cidr> address = ParseAddress(*text)) {
        if (!rule->cidrs.empty() &&
            std::none_of(
                rule->cidrs.begin(), rule->cidrs.end(),
                [&](const Cidr& cidr) { return Contains(cidr, *address); })) {
          return value.Error(fmt::format(
              "'{}' lies in none of this rule's cidr: never matches", *text));
        }
        rule->host_addresses.push_back(*address);
        condition = FormatCidr(*address);
      } else {
        absl::StatusOr<HostPattern> host = ParseHost(*text);
        if (!host.ok())
          return value.Error(std::string(host.status().message()));
        condition = fmt::format("{}{} {}", host->suffix ? "*." : "", host->name,
                                within);
        rule->hosts.push_back(*std::move(host));
      }
      absl::Status status = Claim(value, *text, condition, *rule);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // The same text for the same set of networks, however written.
  static std::string NetworksKey(const std::vector<Cidr>& cidrs) {
    std::vector<std::string> texts;
    for (const Cidr& cidr : cidrs) texts.push_back(FormatCidr(cidr));
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    return fmt::format("{}", fmt::join(texts, ","));
  }

  // Gives `condition`, with the rule's ports, to the current vendor. `text` is
  // how the configuration writes it; empty for a port alone.
  absl::Status Claim(const YamlNode& node, std::string_view text,
                     std::string_view condition, const MatchRule& rule) {
    const std::size_t vendor = config_->vendors.size() - 1;
    const std::string ports = FormatPorts(rule.ports);
    const auto [use, added] = uses_.emplace(
        fmt::format("{} {}", condition, ports), Use{vendor, node.line()});
    if (added || use->second.vendor == vendor) return absl::OkStatus();
    std::string what;
    if (!text.empty()) what = fmt::format("'{}'", text);
    if (!ports.empty()) {
      what += fmt::format("{}port {}", what.empty() ? "" : " with ", ports);
    }
    return node.Error(fmt::format(
        "overlapping: {} already belongs to vendor '{}' on line {}", what,
        config_->vendors[use->second.vendor].name, use->second.line));
  }

  VendorConfig* config_;
  absl::flat_hash_map<std::string, int> vendor_lines_;
  absl::flat_hash_map<std::string, Use> uses_;
};

}  // namespace

absl::StatusOr<VendorConfig> ParseVendorConfig(std::string_view yaml,
                                               std::string_view file_name) {
  absl::StatusOr<YamlNode> top = YamlNode::Parse(yaml, file_name);
  if (!top.ok()) return top.status();
  VendorConfig config;
  config.file_name = std::string(file_name);
  if (absl::Status status = Parser(&config).ParseTop(*top); !status.ok()) {
    return status;
  }
  return config;
}

absl::StatusOr<VendorConfig> LoadVendorConfig(const std::string& path) {
  const auto failed = [&path](int error) {
    return absl::ErrnoToStatus(error, path + ": cannot be read");
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return failed(errno);
  std::string text;
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t length = read(file, buffer.data(), buffer.size());
    if (length == 0) break;
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) {
      const int error = errno;
      close(file);
      return failed(error);
    }
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
  close(file);
  return ParseVendorConfig(text, path);
}

}  // namespace proxymeter::collector
