#include "cli/policy_report.h"

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/human_units.h"
#include "cli/text_table.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

using collector::PolicySummary;

std::string Lines(const std::vector<Column>& columns,
                  const std::vector<std::vector<std::string>>& rows) {
  if (rows.empty()) return "";
  std::string text = "\n";
  // Whoever wants it narrower has a pager.
  for (const std::string& line :
       FormatTable(columns, rows, std::numeric_limits<std::size_t>::max())) {
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

std::string Figure(std::uint64_t value) { return absl::StrCat(value); }

/// "host gw.acme.test or *.acme.test, port 80, within 2 networks"
std::string Conditions(const PolicySummary::Rule& rule) {
  std::vector<std::string> conditions;
  if (!rule.hosts.empty()) {
    conditions.push_back(
        absl::StrCat("host ", absl::StrJoin(rule.hosts, " or ")));
  }
  if (!rule.ports.empty()) {
    conditions.push_back(absl::StrCat("port ", rule.ports));
  }
  if (!rule.user.empty()) {
    conditions.push_back(absl::StrCat("user ", rule.user));
  }
  if (rule.within4 + rule.within6 > 0) {
    conditions.push_back(
        absl::StrCat("within ", rule.within4 + rule.within6, " networks"));
  }
  return absl::StrJoin(conditions, ", ");
}

// Every space of which is one of ours.
std::string Field(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text + " ") {
    if (c != ' ') {
      word += c;
      continue;
    }
    words.push_back(Printable(word));
    word.clear();
  }
  return absl::StrJoin(words, " ");
}

}  // namespace

std::string FormatText(const PolicySummary& summary) {
  std::string text =
      absl::StrFormat("policy of version %d, %d bytes, checksum %016x\n",
                      summary.version, summary.bytes, summary.checksum);
  std::vector<std::vector<std::string>> rows;
  for (const PolicySummary::Section& section : summary.sections) {
    rows.push_back(
        {section.name, Figure(section.entries), Figure(section.bytes)});
  }
  absl::StrAppend(
      &text, Lines({{.title = "SECTION", .text = true}, {"ENTRIES"}, {"BYTES"}},
                   rows));
  rows.clear();
  for (const PolicySummary::Vendor& vendor : summary.vendors) {
    rows.push_back({Field(vendor.name), Figure(vendor.rules),
                    Figure(vendor.grammars), Field(vendor.labels)});
  }
  absl::StrAppend(&text, Lines({{.title = "VENDOR", .text = true},
                                {"RULES"},
                                {"GRAMMARS"},
                                {.title = "LABELS", .text = true}},
                               rows));
  rows.clear();
  for (std::size_t i = 0; i < summary.rules.size(); ++i) {
    const PolicySummary::Rule& rule = summary.rules[i];
    rows.push_back({Figure(i), Field(rule.vendor), Field(rule.text),
                    Field(Conditions(rule))});
  }
  absl::StrAppend(&text, Lines({{"RULE"},
                                {.title = "VENDOR", .text = true},
                                {.title = "WHERE", .text = true},
                                {.title = "CONDITIONS", .text = true}},
                               rows));
  return text;
}

std::string FormatJson(const PolicySummary& summary) {
  using Json = nlohmann::ordered_json;
  Json sections = Json::array();
  for (const PolicySummary::Section& section : summary.sections) {
    sections.push_back({{"name", section.name},
                        {"entries", section.entries},
                        {"bytes", section.bytes}});
  }
  Json vendors = Json::array();
  for (const PolicySummary::Vendor& vendor : summary.vendors) {
    vendors.push_back({{"name", vendor.name},
                       {"rules", vendor.rules},
                       {"grammars", vendor.grammars},
                       {"labels", vendor.labels}});
  }
  Json rules = Json::array();
  for (const PolicySummary::Rule& rule : summary.rules) {
    rules.push_back({{"vendor", rule.vendor},
                     {"text", rule.text},
                     {"hosts", rule.hosts},
                     {"ports", rule.ports},
                     {"user", rule.user},
                     {"within_ipv4", rule.within4},
                     {"within_ipv6", rule.within6}});
  }
  const Json record = {{"version", summary.version},
                       {"bytes", summary.bytes},
                       {"checksum", absl::StrFormat("%016x", summary.checksum)},
                       {"sections", sections},
                       {"vendors", vendors},
                       {"rules", rules}};
  return record.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace proxymeter::cli
