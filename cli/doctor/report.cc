#include "cli/doctor/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/doctor/tls.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

// Keeps the fields in the order in which they are written here.
using Json = nlohmann::ordered_json;

const char* Word(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "ok";
    case Verdict::kUnknown:
      return "unknown";
    case Verdict::kLimited:
      return "limited";
    case Verdict::kCannot:
      return "cannot";
  }
  return "unknown";
}

const char* Sentence(const Report& report) {
  switch (Conclusion(report)) {
    case Verdict::kCannot:
      return "Not metered as things stand.";
    case Verdict::kLimited:
      return "Can be metered; requests inside TLS are inferred, not read.";
    case Verdict::kUnknown:
      return "Can be metered; whether requests inside TLS are read, or only "
             "inferred, is unknown.";
    case Verdict::kOk:
      break;
  }
  const bool tls = std::any_of(
      report.findings.begin(), report.findings.end(),
      [](const Finding& f) { return f.examination == kTlsExamination; });
  return tls ? "Can be metered, requests inside TLS included."
             : "Nothing here is in the way of metering.";
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

Verdict Conclusion(const Report& report) {
  Verdict verdict = Verdict::kOk;
  for (const Finding& finding : report.findings) {
    if (finding.verdict == Verdict::kCannot) return Verdict::kCannot;
    if (finding.examination == kTlsExamination) verdict = finding.verdict;
  }
  return verdict;
}

std::string FormatText(const Report& report) {
  std::string text = OneLine(report.subject) + "\n";
  for (const Finding& finding : report.findings) {
    absl::StrAppendFormat(&text, "  %-8s %-10s %s", Word(finding.verdict),
                          finding.examination, OneLine(finding.found));
    if (!finding.advice.empty()) {
      absl::StrAppend(&text, " -> ", OneLine(finding.advice));
    }
    text += "\n";
  }
  return absl::StrCat(text, Sentence(report), "\n");
}

std::string FormatJson(const Report& report) {
  Json json = {{"subject", report.subject},
               {"verdict", Word(Conclusion(report))},
               {"findings", Json::array()}};
  for (const Finding& finding : report.findings) {
    json["findings"].push_back({{"examination", finding.examination},
                                {"verdict", Word(finding.verdict)},
                                {"found", finding.found},
                                {"advice", finding.advice}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace proxymeter::cli
