#include "cli/explain_command.h"

#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cli/connection_text.h"
#include "cli/directory.h"
#include "cli/explanation.h"
#include "cli/explanation_report.h"
#include "cli/synopsis_formatter.h"
#include "collector/policy/text_file.h"
#include "collector/reload/compiled_config.h"
#include "proxymeter/limits.h"

namespace proxymeter::cli {
namespace {

constexpr int kUndecided = 1;
constexpr int kUsageError = 2;

constexpr char kHelp[] = R"(Examples:
  proxymeter explain gw.acme.test:8080
  proxymeter explain --config vendors.yaml 203.0.113.9:8080
  proxymeter explain --config vendors.yaml '[2001:db8::1]:8080'
  proxymeter explain brd-customer-c1-zone-dc@brd.superproxy.io:33335
  proxymeter explain --resolve --json gw.acme.test:8080 | jq .[0].vendor

Says which rule decides about a connection to that proxy and which of its
conditions hold; which other rules match, and why they lose; and which nearly
match, and what is missing. Without --config it is about the policy in force in
DIR. A host is not looked up unless --resolve says so: rules by network then do
not hold, as in crawlers that resolve names by themselves. A password is never
looked at; keep it out of the command line.

Variables:
  PROXYMETER_DIR  the directory, when --dir is not given

Exit status: 0 when a rule decides, 1 when none does or it cannot be told, 2 when
the command line is wrong.)";

/// What is asked.
struct Source {
  /// Null when the configuration is not what was compiled into the policy.
  std::shared_ptr<const collector::VendorConfig> config;
  std::string policy;  // the bytes
  PolicyView view;     // of them
  std::string note;
};

absl::Status Open(Source& source) {
  const PolicyError error = PolicyView::Open(
      std::as_bytes(std::span(source.policy.data(), source.policy.size())),
      &source.view);
  if (error == PolicyError::kOk) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string(Describe(error)));
}

std::string Bytes(const std::vector<std::byte>& policy) {
  return {reinterpret_cast<const char*>(policy.data()), policy.size()};
}

// Of "vendors[0].match[1] (vendors.yaml:7)".
std::string ConfigFile(std::string_view rule) {
  const std::size_t begin = rule.find(" (");
  const std::size_t end = rule.rfind(':');
  if (begin == rule.npos || end == rule.npos || end < begin + 2) return "";
  return std::string(rule.substr(begin + 2, end - begin - 2));
}

absl::Status OpenConfig(const std::string& file, Source& source) {
  auto compiled = collector::CompileConfig(file);
  if (!compiled.ok()) return compiled.status();
  source.policy = Bytes(compiled->policy);
  source.config = std::move(compiled->facts.config);
  return Open(source);
}

absl::Status OpenInForce(const std::string& directory, Source& source) {
  const auto chosen = ChooseDirectory(directory, OwnSurroundings());
  if (!chosen.ok()) return chosen.status();
  const std::string path = absl::StrCat(*chosen, "/", kPolicyName);
  auto policy = collector::ReadTextFile(path);
  if (!policy.ok()) {
    return absl::NotFoundError(
        absl::StrCat(policy.status().message(),
                     "; start a collector there, or name a file by --config"));
  }
  source.policy = *std::move(policy);
  if (const absl::Status opened = Open(source); !opened.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", opened.message()));
  }
  const std::string file = ConfigFile(source.view.RuleText(0));
  if (file.empty()) return absl::OkStatus();
  const auto compiled = collector::CompileConfig(file);
  if (compiled.ok() && Bytes(compiled->policy) == source.policy) {
    source.config = compiled->facts.config;
    return absl::OkStatus();
  }
  source.note =
      absl::StrCat(file, " is not what is in force (",
                   compiled.ok() ? "it has changed since"
                                 : std::string(compiled.status().message()),
                   "): only what the policy in force decides is told");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Address>> Resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return absl::NotFoundError(absl::StrCat(host, ": ", gai_strerror(error)));
  }
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    Address address{};
    if (each->ai_family == AF_INET) {
      sockaddr_in in;
      std::memcpy(&in, each->ai_addr, sizeof(in));
      address = MappedIpv4(0, 0, 0, 0);
      std::memcpy(address.data() + 12, &in.sin_addr, 4);
    } else if (each->ai_family == AF_INET6) {
      sockaddr_in6 in6;
      std::memcpy(&in6, each->ai_addr, sizeof(in6));
      std::memcpy(address.data(), &in6.sin6_addr, 16);
    } else {
      continue;
    }
    if (std::ranges::find(addresses, address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  freeaddrinfo(found);
  return addresses;
}

// One of zeros stands for none.
absl::StatusOr<std::vector<Address>> Addresses(
    const ExplainOptions& options, const ConnectionText& connection) {
  if (connection.address.has_value()) return std::vector{*connection.address};
  if (!options.address.empty()) {
    const auto given = ParseConnection(options.address);
    if (!given.ok() || !given->address.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", options.address, "' is not an address"));
    }
    return std::vector{*given->address};
  }
  if (options.resolve) return Resolve(connection.host);
  return std::vector{Address{}};
}

}  // namespace

CLI::App* AddExplainCommand(CLI::App& app, ExplainOptions* options) {
  CLI::App* explain = app.add_subcommand(
      "explain", "Say which rule decides about a connection, and why");
  explain->formatter(std::make_shared<SynopsisFormatter>(
      "[OPTIONS] HOST[:PORT] | ADDRESS[:PORT] | USER@HOST[:PORT]"));
  CLI::Option* config =
      explain
          ->add_option("--config", options->config,
                       "Vendors and their rules (YAML), instead of the policy "
                       "in force")
          ->type_name("FILE");
  explain
      ->add_option("--dir", options->directory,
                   "Where the policy in force is (default: $PROXYMETER_DIR, "
                   "else /run/proxymeter for root, else "
                   "$XDG_RUNTIME_DIR/proxymeter)")
      ->type_name("DIR")
      ->excludes(config);
  CLI::Option* address = explain
                             ->add_option("--address", options->address,
                                          "What the host resolves to")
                             ->type_name("ADDRESS");
  explain
      ->add_flag("--resolve", options->resolve,
                 "Look the host up, and explain each of its addresses")
      ->excludes(address);
  explain->add_flag("--all", options->all,
                    "Name all rules that lose or nearly match");
  explain->add_flag("--json", options->json, "Print one JSON array instead");
  explain->add_option("CONNECTION", options->connection, "The proxy")
      ->type_name("")
      ->required();
  explain->footer(kHelp);
  return explain;
}

int ExplainConnection(const ExplainOptions& options, std::ostream& out,
                      std::ostream& error) {
  const auto say = [&error](const std::string& message, int status) {
    error << "proxymeter: " << message << '\n';
    return status;
  };
  const auto connection = ParseConnection(options.connection);
  if (!connection.ok())
    return say(std::string(connection.status().message()), kUsageError);
  const auto addresses = Addresses(options, *connection);
  if (absl::IsInvalidArgument(addresses.status())) {
    return say(std::string(addresses.status().message()), kUsageError);
  }
  if (!addresses.ok())
    return say(std::string(addresses.status().message()), kUndecided);
  Source source;
  const absl::Status opened = options.config.empty()
                                  ? OpenInForce(options.directory, source)
                                  : OpenConfig(options.config, source);
  if (!opened.ok()) return say(std::string(opened.message()), kUndecided);
  if (!source.note.empty()) say(source.note, 0);

  std::vector<Explained> all;
  int status = 0;
  for (const Address& address : *addresses) {
    collector::Shown shown{.endpoint = {address, connection->port},
                           .hosts = {},
                           .user = connection->user};
    if (!connection->host.empty()) shown.hosts.push_back(connection->host);
    const Explanation explanation =
        source.config != nullptr ? Explain(*source.config, source.view, shown)
                                 : ExplainDecision(source.view, shown);
    if (!explanation.found) status = kUndecided;
    if (!explanation.mismatch.empty()) {
      status = say(absl::StrCat("internal error, please report it: ",
                                explanation.mismatch),
                   kUndecided);
    }
    all.push_back({shown, explanation});
  }
  out << (options.json ? FormatJson(all) : FormatText(all, options.all));
  return status;
}

}  // namespace proxymeter::cli
