#include "cli/explanation_report.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "collector/policy/match_text.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

using collector::FormatCidr;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMostRules = 20;

// Empty when none is known.
std::string AddressText(const collector::Shown& shown) {
  if (shown.endpoint.address == Address{}) return "";
  const std::string text = FormatCidr({shown.endpoint.address, 128});
  return text.substr(0, text.find('/'));
}

// User names and what the configuration says may hold anything.
std::string Clean(std::string text) {
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

std::string Subject(const collector::Shown& shown) {
  std::string subject;
  for (const std::string_view host : shown.hosts) {
    absl::StrAppend(&subject, "host ", std::string(host), ", ");
  }
  const std::string address = AddressText(shown);
  absl::StrAppend(&subject, address.empty() ? "address not known" : "address ",
                  address, ", ");
  if (shown.endpoint.port == 0) {
    absl::StrAppend(&subject, "port not known");
  } else {
    absl::StrAppend(&subject, "port ", shown.endpoint.port);
  }
  if (!shown.user.empty()) {
    absl::StrAppend(&subject, ", user ", std::string(shown.user));
  }
  return Clean(subject);
}

void AppendRules(const char* title, const std::vector<Explanation::Rule>& rules,
                 bool all, std::string& text) {
  if (rules.empty()) return;
  absl::StrAppend(&text, title, "\n");
  const std::size_t shown =
      all ? rules.size() : std::min(rules.size(), kMostRules);
  for (std::size_t i = 0; i < shown; ++i) {
    absl::StrAppend(&text, "    ", Clean(rules[i].vendor), "  ",
                    Clean(rules[i].text), "\n      ", Clean(rules[i].why),
                    "\n");
  }
  if (shown < rules.size()) {
    absl::StrAppend(&text, "    and ", rules.size() - shown, " more (--all)\n");
  }
}

Json Rules(const std::vector<Explanation::Rule>& rules) {
  Json array = Json::array();
  for (const Explanation::Rule& rule : rules) {
    array.push_back(
        {{"vendor", rule.vendor}, {"rule", rule.text}, {"why", rule.why}});
  }
  return array;
}

}  // namespace

std::string FormatText(const std::vector<Explained>& explanations, bool all) {
  std::string text;
  for (const auto& [shown, explanation] : explanations) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", Subject(shown), "\n");
    if (explanation.found) {
      absl::StrAppend(&text, "  vendor  ", Clean(explanation.winner.vendor),
                      "\n  rule    ", Clean(explanation.winner.text), "\n");
      if (!explanation.winner.why.empty()) {
        absl::StrAppend(&text, "  holds   ", Clean(explanation.winner.why),
                        "\n");
      }
      for (const auto& [label, value] : explanation.labels) {
        absl::StrAppend(&text, "  label   ", Clean(label), "=\"", Clean(value),
                        "\"\n");
      }
    } else {
      absl::StrAppend(&text, "  no rule matches: ", explanation.otherwise,
                      "\n");
    }
    AppendRules("  these match too, and lose", explanation.lost, all, text);
    AppendRules("  these match in part", explanation.unmet, all, text);
    if (explanation.unrelated > 0) {
      absl::StrAppend(&text,
                      "  rules of which nothing holds: ", explanation.unrelated,
                      "\n");
    }
  }
  return text;
}

std::string FormatJson(const std::vector<Explained>& explanations) {
  Json array = Json::array();
  for (const auto& [shown, explanation] : explanations) {
    Json labels = Json::object();
    for (const auto& [label, value] : explanation.labels) labels[label] = value;
    const auto text = [](const std::string& value) {
      return value.empty() ? Json() : Json(value);
    };
    const std::string host =
        shown.hosts.empty() ? "" : std::string(shown.hosts.front());
    array.push_back(
        {{"host", text(host)},
         {"address", text(AddressText(shown))},
         {"port",
          shown.endpoint.port == 0 ? Json() : Json(shown.endpoint.port)},
         {"vendor", text(explanation.winner.vendor)},
         {"rule", text(explanation.winner.text)},
         {"holds", text(explanation.winner.why)},
         {"labels", labels},
         {"lost", Rules(explanation.lost)},
         {"unmet", Rules(explanation.unmet)},
         {"unrelated", explanation.unrelated},
         {"otherwise", text(explanation.otherwise)}});
  }
  return array.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace proxymeter::cli
