#include "collector/policy/filters.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "collector/policy/match_rules.h"
#include "collector/policy/yaml_values.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

constexpr std::array<std::string_view, 3> kFilterKeys = {
    "inside", "except_ports", "processes"};
constexpr std::array<std::string_view, 2> kProcessKeys = {"only", "except"};

// TASK_COMM_LEN without its NUL: the kernel cuts the name of a process there.
constexpr std::size_t kMaxProcessName = 15;

absl::Status ParseProcessNames(const YamlNode& node,
                               std::vector<std::string>* names) {
  absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
  if (!values.ok()) return values.status();
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::string> name = value.Text();
    if (!name.ok()) return name.status();
    if (name->size() > kMaxProcessName) {
      return value.Error(fmt::format(
          "'{}' is longer than the {} bytes that the kernel keeps of a "
          "process's name: write '{}'",
          *name, kMaxProcessName, name->substr(0, kMaxProcessName)));
    }
    if (name->find('/') != name->npos) {
      return value.Error(fmt::format(
          "'{}' is a path: the name is expected that /proc/PID/comm shows",
          *name));
    }
    if (std::find(names->begin(), names->end(), *name) != names->end()) {
      return value.Error(fmt::format("'{}' is there twice", *name));
    }
    names->push_back(*std::move(name));
  }
  return absl::OkStatus();
}

absl::Status ParseProcesses(const YamlNode& node, Filters* filters) {
  absl::StatusOr<YamlMapping> mapping = node.Mapping(kProcessKeys);
  if (!mapping.ok()) return mapping.status();
  const YamlNode* only = mapping->Find("only");
  const YamlNode* except = mapping->Find("except");
  if ((only == nullptr) == (except == nullptr)) {
    return node.Error("either 'only' or 'except' is needed");
  }
  filters->processes =
      only != nullptr ? Filters::Processes::kOnly : Filters::Processes::kExcept;
  return ParseProcessNames(only != nullptr ? *only : *except,
                           &filters->process_names);
}

}  // namespace

absl::StatusOr<Filters> ParseFilters(const YamlNode& node) {
  absl::StatusOr<YamlMapping> mapping = node.Mapping(kFilterKeys);
  if (!mapping.ok()) return mapping.status();
  Filters filters;
  if (const YamlNode* inside = mapping->Find("inside")) {
    // An empty list says something: that nothing is the cluster.
    absl::StatusOr<std::vector<YamlNode>> values = inside->List();
    if (!values.ok()) return values.status();
    absl::StatusOr<std::vector<Cidr>> cidrs = ParseCidrList(*values);
    if (!cidrs.ok()) return cidrs.status();
    filters.inside = *std::move(cidrs);
  }
  if (const YamlNode* ports = mapping->Find("except_ports")) {
    absl::StatusOr<std::vector<PortRange>> list = ParsePortList(*ports);
    if (!list.ok()) return list.status();
    filters.left_ports = *std::move(list);
  }
  if (const YamlNode* processes = mapping->Find("processes")) {
    absl::Status status = ParseProcesses(*processes, &filters);
    if (!status.ok()) return status;
  }
  return filters;
}

}  // namespace proxymeter::collector
