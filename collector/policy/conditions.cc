#include "collector/policy/conditions.h"

#include "collector/policy/grammar_text.h"
#include "collector/policy/match_text.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

// "'gw.example' with port 80 and user 'brd-*'".
std::string Name(const Condition& condition, const MatchRule& rule) {
  std::string name;
  if (!condition.text.empty()) name = fmt::format("'{}'", condition.text);
  if (!rule.ports.empty()) {
    name += fmt::format("{}port {}", name.empty() ? "" : " with ",
                        FormatPorts(rule.ports));
  }
  if (!rule.user.empty()) {
    const std::string_view with = rule.ports.empty() ? " with " : " and ";
    name += fmt::format("{}user '{}'", name.empty() ? "" : with, rule.user);
  }
  if (!rule.catalogue.empty()) {
    name += fmt::format(" of catalogue {}", rule.catalogue);
  }
  return name;
}

}  // namespace

absl::Status Conditions::Claim(const ParsedRule& rule,
                               std::string_view vendor) {
  for (const Condition& condition : rule.conditions) {
    const std::string key =
        fmt::format("{} {} {}", condition.key, FormatPorts(rule.rule.ports),
                    CanonicalGrammar(rule.rule.user));
    const auto [use, added] =
        uses_.emplace(key, Use{std::string(vendor), condition.node.line()});
    if (added || use->second.vendor == vendor) continue;
    return condition.node.Error(fmt::format(
        "overlapping: {} already belongs to vendor '{}' on line {}",
        Name(condition, rule.rule), use->second.vendor, use->second.line));
  }
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
