#include "cli/inject_command.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "cli/inject/manifest.h"
#include "cli/synopsis_formatter.h"
#include "collector/policy/text_file.h"
#include "proxymeter/vendor_name.h"

namespace proxymeter::cli {
namespace {

constexpr char kHelp[] = R"(Examples:
  proxymeter inject -f deployment.yaml --image registry.example/proxymeter:0.1.0 | kubectl apply -f -
  helm template crawlers ./chart | proxymeter inject -f - --container crawler

Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob, Pod and List get
the volumes, the init container that brings the library, the collector as native
sidecar (Kubernetes 1.29), and for each crawler LD_PRELOAD, PROXYMETER_DIR and
two mounts. The rest is printed as it was, byte for byte, with its comments. A
manifest that has all of it already is not changed.

The ConfigMap has the key vendors.yaml and is in the pod's namespace. The image
is what the project's Dockerfile makes. Left alone, unless named by --container,
are init containers and )";
constexpr size_t kHelpWidth = 80;
constexpr size_t kLastHelpLine = 24;

constexpr char kRest[] = R"(.

An LD_PRELOAD in the manifest is kept, and the library appended to it; one that
the crawler's image sets is not seen here, and lost: write it into the manifest
first.

Exit status: 0; 1 when something cannot be metered, and nothing is printed; 2
when the command line is wrong.)";

bool IsObjectName(const std::string& name) {
  const auto is_inner = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= 253 &&
         std::all_of(name.begin(), name.end(), is_inner) &&
         std::isalnum(static_cast<unsigned char>(name.front())) != 0 &&
         std::isalnum(static_cast<unsigned char>(name.back())) != 0;
}

bool IsImageName(const std::string& name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return std::isgraph(c) != 0 && c != '"' && c != '\\';
         });
}

// The names behind each other in lines, the first of which is begun.
std::string Listed(std::span<const std::string_view> names) {
  std::string text;
  size_t column = kLastHelpLine;
  for (const std::string_view name : names) {
    if (!text.empty()) {
      const bool fits = column + name.size() + 3 <= kHelpWidth;
      text += fits ? ", " : ",\n";
      column = fits ? column + 2 : 0;
    }
    text += name;
    column += name.size();
  }
  return text;
}

// CLI11 prints what is not empty.
auto Check(bool (*is_right)(const std::string&), const char* expected) {
  return [is_right, expected](const std::string& text) {
    return is_right(text) ? std::string()
                          : absl::StrCat("'", text, "' is not ", expected);
  };
}

}  // namespace

CLI::App* AddInjectCommand(CLI::App& app, InjectOptions* options) {
  options->image = "proxymeter:" PROXYMETER_VERSION;
  CLI::App* inject = app.add_subcommand(
      "inject", "Add metering to a manifest of Kubernetes, and print it");
  inject->formatter(std::make_shared<SynopsisFormatter>("-f FILE [OPTIONS]"));
  inject
      ->add_option("-f,--filename", options->file,
                   "The manifest (YAML or JSON); - reads standard input")
      ->type_name("FILE")
      ->required();
  inject
      ->add_option("--image", options->image,
                   "Image of command line and library")
      ->type_name("IMAGE")
      ->check(Check(IsImageName, "an image"), "", "image")
      ->capture_default_str();
  inject
      ->add_option("--config-map", options->config_map,
                   "ConfigMap with vendors.yaml")
      ->type_name("NAME")
      ->check(Check(IsObjectName, "the name of a ConfigMap"), "", "name")
      ->capture_default_str();
  inject
      ->add_option("--container", options->containers,
                   "A container to meter, by name; may be repeated (default: "
                   "all but known sidecars)")
      ->type_name("NAME")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  inject
      ->add_option("--vendor", options->vendor,
                   "Vendor of connections that no rule matches")
      ->type_name("NAME")
      ->check(Check([](const std::string& name) { return IsVendorName(name); },
                    "a vendor name: 1 to 63 of a-z, 0-9, '_', '.', '-', the "
                    "first a letter or digit; not 'direct'"),
              "", "vendor name");
  inject
      ->add_option("--user", options->user,
                   "User and group of what is added: another one than the "
                   "crawlers'")
      ->type_name("ID")
      ->check(CLI::Range(1U, 2147483647U))
      ->capture_default_str();
  inject->add_flag(
      "--plain-sidecar", options->plain_sidecar,
      "For Kubernetes before 1.29: one more container, which starts "
      "with the crawler, not before it");
  inject->footer(absl::StrCat(kHelp, Listed(KnownSidecars()), kRest));
  return inject;
}

int Inject(const InjectOptions& options, std::istream& in, std::ostream& out,
           std::ostream& error) {
  const bool is_input = options.file == "-";
  const std::string name = is_input ? "standard input" : options.file;
  absl::StatusOr<std::string> text;
  if (is_input) {
    text = std::string(std::istreambuf_iterator<char>(in), {});
  } else {
    text = collector::ReadTextFile(options.file);
  }
  InjectNotes notes;
  absl::StatusOr<std::string> injected =
      text.ok() ? InjectManifest(name, *text, options, &notes) : text.status();
  for (const std::string& warning : notes.warnings) {
    error << "proxymeter: warning: " << warning << '\n';
  }
  if (!injected.ok()) {
    error << "proxymeter: " << injected.status().message() << '\n';
    return 1;
  }
  if (notes.pods == 0) {
    error << "proxymeter: warning: " << name
          << ": nothing in it makes pods that are to be metered\n";
  }
  out << *injected << std::flush;
  if (out) return 0;
  error << "proxymeter: cannot write the manifest\n";
  return 1;
}

}  // namespace proxymeter::cli
