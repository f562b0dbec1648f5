#include "cli/doctor/pod_report.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text_table.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

// Keeps the fields in the order in which they are written here.
using Json = nlohmann::ordered_json;

const char* Word(Covered covered) {
  switch (covered) {
    case Covered::kYes:
      return "yes";
    case Covered::kNo:
      return "no";
    case Covered::kUnknown:
      return "unknown";
    case Covered::kLeftOut:
      return "left out";
  }
  return "unknown";
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

std::string Figure(const std::optional<std::uint64_t>& value) {
  return value.has_value() ? absl::StrCat(*value) : "-";
}

std::vector<std::string> Cells(const Talker& talker) {
  return {Word(talker.coverage.covered),
          talker.pid.has_value() ? absl::StrCat(*talker.pid) : "-",
          talker.pid.has_value() ? OneLine(talker.name)
                                 : absl::StrCat("(user ", talker.uid, "'s)"),
          OneLine(absl::StrJoin(talker.vendors, ", ")),
          absl::StrCat(talker.connections),
          Figure(talker.sent),
          Figure(talker.received)};
}

std::string Table(const std::vector<Talker>& talkers) {
  const std::vector<Column> columns = {{.title = "covered", .text = true},
                                       {.title = "pid"},
                                       {.title = "program", .text = true},
                                       {.title = "vendor", .text = true},
                                       {.title = "connections"},
                                       {.title = "sent"},
                                       {.title = "received"}};
  std::vector<std::vector<std::string>> rows;
  for (const Talker& talker : talkers) rows.push_back(Cells(talker));
  const std::vector<std::string> lines =
      FormatTable(columns, rows, std::numeric_limits<std::size_t>::max());
  std::string text = absl::StrCat("  ", lines.front(), "\n");
  for (std::size_t i = 0; i < talkers.size(); ++i) {
    const ProcessCoverage& coverage = talkers[i].coverage;
    absl::StrAppend(&text, "  ", lines[i + 1], "\n");
    if (coverage.reason.empty()) continue;
    absl::StrAppend(&text, "      ", OneLine(coverage.reason));
    if (!coverage.advice.empty()) {
      absl::StrAppend(&text, " -> ", OneLine(coverage.advice));
    }
    text += "\n";
  }
  return text;
}

std::string Conclusion(const PodReport& report) {
  const auto count = [&](Covered covered) {
    return std::count_if(report.talkers.begin(), report.talkers.end(),
                         [&](const Talker& talker) {
                           return talker.coverage.covered == covered;
                         });
  };
  const auto no = count(Covered::kNo);
  const auto unknown = count(Covered::kUnknown);
  if (report.talkers.empty()) return "Nobody has a connection to a vendor.\n";
  if (no == 0 && unknown == 0) return "All are covered.\n";
  std::vector<std::string> parts;
  if (no > 0) parts.push_back(absl::StrCat(no, " not covered"));
  if (unknown > 0) parts.push_back(absl::StrCat(unknown, " unknown"));
  return absl::StrCat("Of ", report.talkers.size(), ": ",
                      absl::StrJoin(parts, ", "), ".\n");
}

}  // namespace

std::string FormatText(const PodReport& report) {
  std::string text = absl::StrCat("connections to vendors of the policy in ",
                                  OneLine(report.directory), "\n");
  if (!report.talkers.empty()) text += Table(report.talkers);
  if (report.closed > 0) {
    absl::StrAppend(&text, "  ", report.closed,
                    " more, closed already, belong to no process\n");
  }
  if (!report.unresolved_hosts.empty()) {
    absl::StrAppend(&text, "  not resolved here, so not looked for: ",
                    OneLine(absl::StrJoin(report.unresolved_hosts, ", ")),
                    "\n");
  }
  return text + Conclusion(report);
}

std::string FormatJson(const PodReport& report) {
  Json json = {{"directory", report.directory},
               {"all_covered", report.AllCovered()},
               {"processes", Json::array()},
               {"closed_connections", report.closed},
               {"unresolved_hosts", report.unresolved_hosts}};
  const auto figure = [](const std::optional<std::uint64_t>& value) {
    return value.has_value() ? Json(*value) : Json(nullptr);
  };
  for (const Talker& talker : report.talkers) {
    const ProcessCoverage& coverage = talker.coverage;
    json["processes"].push_back(
        {{"pid", talker.pid.has_value() ? Json(*talker.pid) : Json(nullptr)},
         {"name", talker.name},
         {"executable", talker.executable.has_value() ? Json(*talker.executable)
                                                      : Json(nullptr)},
         {"uid", talker.uid},
         {"vendors", talker.vendors},
         {"connections", talker.connections},
         {"sent_bytes", figure(talker.sent)},
         {"received_bytes", figure(talker.received)},
         {"covered", Word(coverage.covered)},
         {"why", coverage.why},
         {"reason", coverage.reason},
         {"advice", coverage.advice}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace proxymeter::cli
