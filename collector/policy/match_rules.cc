#include "collector/policy/match_rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "collector/policy/vendor_labels.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

constexpr std::array<std::string_view, 5> kRuleKeys = {"host", "port", "cidr",
                                                       "addresses", "user"};

// The same text for the same set of networks, however written.
std::string NetworksKey(const MatchRule& rule) {
  std::vector<std::string> texts;
  for (const Cidr& cidr : rule.cidrs) texts.push_back(FormatCidr(cidr));
  for (const auto& list : rule.address_lists) texts.push_back(list->path);
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return fmt::format("{}", fmt::join(texts, ","));
}

absl::Status ParseCidrs(const YamlNode& node, bool alone, ParsedRule* to) {
  absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
  if (!values.ok()) return values.status();
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::vector<Cidr>> cidrs = ParseCidrList({value});
    if (!cidrs.ok()) return cidrs.status();
    for (const Cidr& cidr : *cidrs) {
      if (alone) {
        to->conditions.push_back({*value.Text(), FormatCidr(cidr), value});
      }
      to->rule.cidrs.push_back(cidr);
    }
  }
  return absl::OkStatus();
}

// What two vendors have of such files is found by the compiler: no claim is
// made for each address.
absl::Status ParseAddresses(const YamlNode& node, MatchRule* rule) {
  absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
  if (!values.ok()) return values.status();
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::string> text = value.Text();
    if (!text.ok()) return text.status();
    const std::filesystem::path path =
        std::filesystem::path(value.file()).parent_path() / *text;
    absl::StatusOr<AddressList> list = LoadAddressList(path.string());
    if (!list.ok()) return value.Error(std::string(list.status().message()));
    rule->address_lists.push_back(
        std::make_shared<const AddressList>(*std::move(list)));
  }
  return absl::OkStatus();
}

absl::Status ParseHosts(const YamlNode& node, ParsedRule* to) {
  MatchRule& rule = to->rule;
  absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
  if (!values.ok()) return values.status();
  const std::string within = NetworksKey(rule);
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::string> text = value.Text();
    if (!text.ok()) return text.status();
    std::string key;
    if (const std::optional<Cidr> address = ParseAddress(*text)) {
      if (!rule.cidrs.empty() && rule.address_lists.empty() &&
          std::none_of(
              rule.cidrs.begin(), rule.cidrs.end(),
              [&](const Cidr& cidr) { return Contains(cidr, *address); })) {
        return value.Error(fmt::format(
            "'{}' lies in none of this rule's cidr: never matches", *text));
      }
      rule.host_addresses.push_back(*address);
      key = FormatCidr(*address);
    } else {
      absl::StatusOr<HostPattern> host = ParseHost(*text);
      if (!host.ok()) return value.Error(std::string(host.status().message()));
      key =
          fmt::format("{}{} {}", host->suffix ? "*." : "", host->name, within);
      rule.hosts.push_back(*std::move(host));
    }
    to->conditions.push_back({*std::move(text), std::move(key), value});
  }
  return absl::OkStatus();
}

absl::StatusOr<ParsedRule> ParseRule(const YamlNode& node) {
  absl::StatusOr<YamlMapping> mapping = node.Mapping(kRuleKeys);
  if (!mapping.ok()) return mapping.status();
  const YamlNode* host = mapping->Find("host");
  const YamlNode* cidr = mapping->Find("cidr");
  const YamlNode* port = mapping->Find("port");
  const YamlNode* addresses = mapping->Find("addresses");
  const YamlNode* user = mapping->Find("user");
  const bool by_network = cidr != nullptr || addresses != nullptr;
  if (host == nullptr && !by_network && port == nullptr && user == nullptr) {
    return node.Error(
        "a rule without condition: host, cidr, addresses, port or user is "
        "needed");
  }
  ParsedRule parsed;
  parsed.rule.line = node.line();
  if (port != nullptr) {
    absl::StatusOr<std::vector<PortRange>> ports = ParsePortList(*port);
    if (!ports.ok()) return ports.status();
    parsed.rule.ports = *std::move(ports);
  }
  if (user != nullptr) {
    absl::StatusOr<std::string> grammar = ParseGrammar(*user);
    if (!grammar.ok()) return grammar.status();
    parsed.rule.user = *std::move(grammar);
  }
  // Before the hosts, which are compared with the networks.
  if (cidr != nullptr) {
    absl::Status status = ParseCidrs(*cidr, host == nullptr, &parsed);
    if (!status.ok()) return status;
  }
  if (addresses != nullptr) {
    absl::Status status = ParseAddresses(*addresses, &parsed.rule);
    if (!status.ok()) return status;
  }
  if (host != nullptr) {
    absl::Status status = ParseHosts(*host, &parsed);
    if (!status.ok()) return status;
  }
  if (host == nullptr && !by_network) {
    parsed.conditions.push_back({"", "", port != nullptr ? *port : *user});
  }
  return parsed;
}

}  // namespace

absl::StatusOr<std::vector<ParsedRule>> ParseRules(const YamlNode& node) {
  absl::StatusOr<std::vector<YamlNode>> nodes = node.List();
  if (!nodes.ok()) return nodes.status();
  if (nodes->empty()) return node.Error("the list is empty");
  std::vector<ParsedRule> rules;
  rules.reserve(nodes->size());
  for (const YamlNode& value : *nodes) {
    absl::StatusOr<ParsedRule> rule = ParseRule(value);
    if (!rule.ok()) return rule.status();
    rules.push_back(*std::move(rule));
  }
  return rules;
}

absl::StatusOr<std::vector<PortRange>> ParsePortList(const YamlNode& node) {
  absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
  if (!values.ok()) return values.status();
  std::vector<PortRange> list;
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::string> text = value.Text();
    if (!text.ok()) return text.status();
    absl::StatusOr<PortRange> ports = ParsePorts(*text);
    if (!ports.ok()) return value.Error(std::string(ports.status().message()));
    list.push_back(*ports);
  }
  return MergePorts(std::move(list));
}

absl::StatusOr<std::vector<Cidr>> ParseCidrList(
    const std::vector<YamlNode>& nodes) {
  std::vector<Cidr> cidrs;
  cidrs.reserve(nodes.size());
  for (const YamlNode& value : nodes) {
    absl::StatusOr<std::string> text = value.Text();
    if (!text.ok()) return text.status();
    if (text->find('-') != std::string::npos) {
      absl::StatusOr<std::vector<Cidr>> range = ParseRange(*text);
      if (!range.ok())
        return value.Error(std::string(range.status().message()));
      cidrs.insert(cidrs.end(), range->begin(), range->end());
      continue;
    }
    absl::StatusOr<Cidr> cidr = ParseCidr(*text);
    if (!cidr.ok()) return value.Error(std::string(cidr.status().message()));
    cidrs.push_back(*cidr);
  }
  return cidrs;
}

}  // namespace proxymeter::collector
