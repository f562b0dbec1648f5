#include "collector/policy/policy_summary.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "absl/status/status.h"
#include "collector/policy/match_text.h"
#include "fmt/format.h"
#include "proxymeter/policy.h"
#include "proxymeter/policy_table.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::collector {
namespace {

std::string SectionName(std::uint32_t kind) {
  switch (static_cast<PolicySectionKind>(kind)) {
    case PolicySectionKind::kStrings:
      return "strings";
    case PolicySectionKind::kVendors:
      return "vendors";
    case PolicySectionKind::kRules:
      return "rules";
    case PolicySectionKind::kPorts:
      return "ports";
    case PolicySectionKind::kWithin4:
      return "within4";
    case PolicySectionKind::kWithin6:
      return "within6";
    case PolicySectionKind::kLists:
      return "lists";
    case PolicySectionKind::kHosts:
      return "hosts";
    case PolicySectionKind::kNetworks:
      return "networks";
    case PolicySectionKind::kPortRules:
      return "port rules";
    case PolicySectionKind::kSettings:
      return "settings";
    case PolicySectionKind::kGrammars:
      return "grammars";
    case PolicySectionKind::kUserRules:
      return "user rules";
    case PolicySectionKind::kInside4:
      return "inside4";
    case PolicySectionKind::kInside6:
      return "inside6";
    case PolicySectionKind::kLeftPorts:
      return "left ports";
    case PolicySectionKind::kProcesses:
      return "processes";
    case PolicySectionKind::kHosts4:
      return "addresses4";
    case PolicySectionKind::kTop4:
      return "networks4 top";
    case PolicySectionKind::kPages4:
      return "networks4 pages";
    case PolicySectionKind::kPoints4:
      return "networks4 points";
    case PolicySectionKind::kHosts6:
      return "addresses6";
    case PolicySectionKind::kKeys6:
      return "networks6 keys";
    case PolicySectionKind::kBranches6:
      return "networks6 branches";
    case PolicySectionKind::kLows6:
      return "networks6 lows";
  }
  return fmt::format("kind {}", kind);
}

// What PolicyView keeps to itself. The file has been validated by it.
class Reader {
 public:
  explicit Reader(std::string_view file)
      : bytes_(std::as_bytes(std::span(file.data(), file.size()))) {}

  PolicySummary Read() {
    PolicyHeader header;
    std::memcpy(&header, bytes_.data(), sizeof(header));
    summary_.version = header.version;
    summary_.bytes = header.file_bytes;
    summary_.checksum = header.checksum;
    for (std::uint32_t i = 0; i < header.section_count; ++i) {
      const PolicySection section = SectionAt(i);
      summary_.sections.push_back({SectionName(section.kind), section.count,
                                   section.count * section.stride});
    }
    section_count_ = header.section_count;
    strings_ = Table<char>(PolicySectionKind::kStrings);
    AddVendors();
    AddRules();
    AddHosts();
    return std::move(summary_);
  }

 private:
  PolicySection SectionAt(std::uint32_t index) const {
    PolicySection section;
    std::memcpy(&section,
                bytes_.data() + sizeof(PolicyHeader) + index * sizeof(section),
                sizeof(section));
    return section;
  }

  template <typename Entry>
  PolicyTable<Entry> Table(PolicySectionKind kind) const {
    for (std::uint32_t i = 0; i < section_count_; ++i) {
      const PolicySection section = SectionAt(i);
      if (section.kind == static_cast<std::uint32_t>(kind)) {
        return {bytes_.data() + section.offset, section.count};
      }
    }
    return {};
  }

  std::string Text(PolicyText text) const {
    return std::string(strings_.Text(text));
  }

  void AddVendors() {
    const auto vendors = Table<PolicyVendor>(PolicySectionKind::kVendors);
    PolicyVendor vendor;
    for (std::uint64_t i = 0; vendors.Get(i, &vendor); ++i) {
      summary_.vendors.push_back({.name = Text(vendor.name),
                                  .labels = Text(vendor.labels),
                                  .grammars = vendor.grammars.count});
    }
  }

  void AddRules() {
    const auto rules = Table<PolicyRule>(PolicySectionKind::kRules);
    const auto ports = Table<PolicyPorts>(PolicySectionKind::kPorts);
    PolicyRule rule;
    for (std::uint64_t i = 0; rules.Get(i, &rule); ++i) {
      PolicySummary::Rule& added = summary_.rules.emplace_back();
      if (rule.vendor < summary_.vendors.size()) {
        added.vendor = summary_.vendors[rule.vendor].name;
        ++summary_.vendors[rule.vendor].rules;
      }
      added.text = Text(rule.text);
      added.user = Text(rule.user);
      added.within4 = rule.within4.count;
      added.within6 = rule.within6.count;
      std::vector<PortRange> ranges;
      PolicyPorts range;
      for (std::uint32_t p = 0; p < rule.ports.count; ++p) {
        if (!ports.Get(std::uint64_t{rule.ports.first} + p, &range)) break;
        ranges.push_back({range.first, range.last});
      }
      added.ports = FormatPorts(ranges);
    }
  }

  // In an order that does not depend on the hash.
  void AddHosts() {
    const auto hosts = Table<PolicyHost>(PolicySectionKind::kHosts);
    const auto lists = Table<std::uint32_t>(PolicySectionKind::kLists);
    PolicyHost host;
    for (std::uint64_t i = 0; hosts.Get(i, &host); ++i) {
      if (host.kind == PolicyHostKind::kNone) continue;
      const bool suffix = host.kind == PolicyHostKind::kSuffix;
      const std::string name = (suffix ? "*." : "") + Text(host.name);
      std::uint32_t count = 0;
      std::uint32_t rule = 0;
      lists.Get(host.list, &count);
      for (std::uint32_t n = 0; n < count; ++n) {
        const std::uint64_t at =
            std::uint64_t{host.list} + kPolicyListHeaderWords + n;
        if (!lists.Get(at, &rule) || rule >= summary_.rules.size()) break;
        summary_.rules[rule].hosts.push_back(name);
      }
    }
    for (PolicySummary::Rule& rule : summary_.rules) {
      std::ranges::sort(rule.hosts);
    }
  }

  const std::span<const std::byte> bytes_;
  std::uint32_t section_count_ = 0;
  PolicyTable<char> strings_;
  PolicySummary summary_;
};

}  // namespace

absl::StatusOr<PolicySummary> SummarisePolicy(std::string_view file) {
  PolicyView view;
  const PolicyError error = PolicyView::Open(
      std::as_bytes(std::span(file.data(), file.size())), &view);
  if (error != PolicyError::kOk) {
    return absl::InvalidArgumentError(std::string(Describe(error)));
  }
  return Reader(file).Read();
}

}  // namespace proxymeter::collector
