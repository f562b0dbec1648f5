#include "collector/policy/vendor_labels.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "collector/policy/grammar_text.h"
#include "collector/policy/yaml_values.h"
#include "fmt/format.h"
#include "proxymeter/limits.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

// What metrics have as labels anyway, and what Prometheus adds when it scrapes.
constexpr std::string_view kTaken[] = {"alpn",
                                       "caller",
                                       "compiler",
                                       "currency",
                                       "direction",
                                       "destination_host",
                                       "event",
                                       "grpc_status",
                                       "instance",
                                       "job",
                                       "le",
                                       "part",
                                       "phase",
                                       "pod_name",
                                       "pod_namespace",
                                       "protocol",
                                       "proxy_vendor",
                                       "quantile",
                                       "reason",
                                       "response_code",
                                       "response_code_class",
                                       "result",
                                       "tls_version",
                                       "unwinder",
                                       "version",
                                       "visibility"};

// By what names credentials, accounts and sessions go in vendors' user names.
constexpr std::string_view kNeverLabels[] = {
    "account",    "api_key",        "apikey",     "auth",        "client",
    "credential", "credentials",    "customer",   "customer_id", "key",
    "login",      "package",        "package_id", "pass",        "passwd",
    "password",   "secret",         "sess",       "sessid",      "session",
    "session_id", "session_number", "sessionid",  "sid",         "token",
    "user",       "user_id",        "username"};

template <std::size_t kCount>
bool Holds(const std::string_view (&names)[kCount], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool IsLabelName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return name.size() <= kMaxLabelName &&
         std::all_of(name.begin(), name.end(), fits) &&
         !(name.front() >= '0' && name.front() <= '9');
}

absl::Status CheckLabel(const YamlNode& node, const std::string& name) {
  if (!IsLabelName(name)) {
    return node.Error(fmt::format(
        "'{}' is not a label: 1 to {} of a-z, 0-9 and '_', the first no digit",
        name, kMaxLabelName));
  }
  if (Holds(kTaken, name) || name.starts_with("__")) {
    return node.Error(
        fmt::format("'{}' is what metrics call something else", name));
  }
  if (Holds(kNeverLabels, name)) {
    return node.Error(fmt::format(
        "'{}' may not become a label: credentials and sessions never leave the "
        "crawler's process",
        name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ParseGrammar(const YamlNode& node) {
  absl::StatusOr<std::string> text = node.Text();
  if (!text.ok()) return text.status();
  const UserGrammar::Error error = UserGrammar(*text).Check();
  if (error == UserGrammar::Error::kOk) return text;
  return node.Error(
      fmt::format("'{}' is not a grammar: {}", *text, Describe(error)));
}

absl::StatusOr<std::vector<std::string>> ParseGrammars(const YamlNode& node) {
  absl::StatusOr<std::vector<YamlNode>> values = node.OneOrMore();
  if (!values.ok()) return values.status();
  std::vector<std::string> grammars;
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::string> grammar = ParseGrammar(value);
    if (!grammar.ok()) return grammar.status();
    for (const std::string& earlier : grammars) {
      if (CanonicalGrammar(earlier) == CanonicalGrammar(*grammar)) {
        return value.Error(fmt::format(
            "'{}' is there before: the first that matches is read", *grammar));
      }
    }
    grammars.push_back(*std::move(grammar));
  }
  return grammars;
}

absl::Status CheckLabelHasValue(const YamlNode& node, const Vendor& vendor,
                                const std::string& label) {
  for (const auto* grammars : {&vendor.user_names, &vendor.passwords}) {
    for (const std::string& grammar : *grammars) {
      const std::vector<std::string> names = GrammarValueNames(grammar);
      if (std::find(names.begin(), names.end(), label) != names.end()) {
        return absl::OkStatus();
      }
    }
  }
  return node.Error(fmt::format(
      "'{}' is no value of this vendor's user_names or passwords", label));
}

absl::StatusOr<std::vector<std::string>> ParseLabels(const YamlNode& node,
                                                     const Vendor& vendor) {
  absl::StatusOr<std::vector<YamlNode>> values =
      node.IsList() ? node.List() : node.OneOrMore();
  if (!values.ok()) return values.status();
  std::vector<std::string> labels;
  for (const YamlNode& value : *values) {
    absl::StatusOr<std::string> name = value.Text();
    if (!name.ok()) return name.status();
    absl::Status status = CheckLabel(value, *name);
    if (status.ok()) status = CheckLabelHasValue(value, vendor, *name);
    if (!status.ok()) return status;
    if (std::find(labels.begin(), labels.end(), *name) != labels.end()) {
      return value.Error(fmt::format("'{}' is there twice", *name));
    }
    if (labels.size() == kMaxVendorLabels) {
      return value.Error(
          fmt::format("'{}' is one too many: a vendor has at most {} labels",
                      *name, kMaxVendorLabels));
    }
    labels.push_back(*std::move(name));
  }
  return labels;
}

}  // namespace proxymeter::collector
