#include "cli/inject/pod_injector.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/directory.h"
#include "cli/inject/pod_parts.h"
#include "cli/inject/pod_view.h"
#include "cli/preload.h"

namespace proxymeter::cli {
namespace {

constexpr char kPreload[] = "LD_PRELOAD";
constexpr char kBegunElsewhere[] =
    " differs from what is added here: inject with the same options, or into "
    "the manifest as it was before";
constexpr char kInPart[] =
    ", and other parts are there: inject into the manifest as it was before";

constexpr std::array<std::string_view, 18> kKnownSidecars = {
    "istio-proxy",      "istio-init",       "istio-validation",
    "linkerd-proxy",    "linkerd-init",     "envoy",
    "envoy-sidecar",    "consul-dataplane", "daprd",
    "cloud-sql-proxy",  "cloudsql-proxy",   "vault-agent",
    "vault-agent-init", "fluent-bit",       "fluentd",
    "filebeat",         "otel-collector",   "datadog-agent"};

bool IsOwn(std::string_view name) { return name.starts_with(kOwnPrefix); }

class PodInjector {
 public:
  PodInjector(const PodView& pod, bool ends, const InjectOptions& options,
              ManifestEdit* edit, InjectNotes* notes)
      : pod_(pod),
        ends_(ends),
        options_(options),
        edit_(*edit),
        notes_(*notes) {}

  absl::Status Inject() {
    if (absl::Status status = ReadChosen(); !status.ok()) return status;
    if (chosen_.empty()) return absl::OkStatus();
    if (ends_ && options_.plain_sidecar) {
      return pod_.containers.list->Error(
          "a job would not end while a plain sidecar runs: it takes a native "
          "one, of Kubernetes 1.29");
    }
    Warn();
    ++notes_.pods;
    if (HasOwn()) return CheckIsComplete();
    if (absl::Status status = CheckPorts(); !status.ok()) return status;
    for (const ContainerView& container : chosen_) {
      if (absl::Status s = Check(container); !s.ok()) return s;
      if (absl::Status s = AddTo(container); !s.ok()) return s;
    }
    if (absl::Status s = AddLabel(); !s.ok()) return s;
    if (absl::Status s =
            AddTo(pod_.spec, pod_.volumes, "volumes", PodVolumes(options_));
        !s.ok()) {
      return s;
    }
    const Json containers = PodContainers(options_);
    if (!containers.empty()) {
      absl::Status s =
          AddTo(pod_.spec, pod_.containers, "containers", containers);
      if (!s.ok()) return s;
    }
    // Before all others: it starts first, and ends last.
    return AddTo(pod_.spec, pod_.init_containers, "initContainers",
                 PodInitContainers(options_), true);
  }

 private:
  bool IsChosen(const std::string& name, bool init) const {
    if (IsOwn(name)) return false;
    const auto& named = options_.containers;
    if (!named.empty()) {
      return std::find(named.begin(), named.end(), name) != named.end();
    }
    return !init && std::find(kKnownSidecars.begin(), kKnownSidecars.end(),
                              name) == kKnownSidecars.end();
  }

  absl::Status ReadChosen() {
    for (const bool init : {true, false}) {
      const NamedList& list = init ? pod_.init_containers : pod_.containers;
      for (const NamedField& container : list.items) {
        notes_.met_containers.push_back(container.name);
        if (!IsChosen(container.name, init)) continue;
        auto view = ReadContainer(container);
        if (!view.ok()) return view.status();
        chosen_.push_back(*view);
      }
    }
    return absl::OkStatus();
  }

  void Warning(const Field& field, std::string_view what) {
    notes_.warnings.emplace_back(field.Error(what).message());
  }

  // What may be wrong, and cannot be told from here.
  void Warn() {
    const auto true_at = [](const Field& field, const char* key) {
      const auto text = field.TextAt(key);
      return text.ok() && *text == "true";
    };
    if (true_at(pod_.spec, "hostNetwork")) {
      Warning(pod_.spec,
              "hostNetwork: the collector takes port 9099 of the node, and "
              "compares with all of its connections");
    }
    for (const ContainerView& container : chosen_) {
      const auto from = container.field.Find("envFrom");
      if (from.ok() && from->has_value() &&
          container.env.Find(kPreload) == nullptr) {
        Warning(**from, "an LD_PRELOAD that comes from here is replaced");
      }
      const auto context = container.field.Find("securityContext");
      if (!context.ok() || !context->has_value()) continue;
      const auto user = (*context)->TextAt("runAsUser");
      if (user.ok() && *user == std::to_string(options_.user)) {
        Warning(**context,
                "runs as the collector's user, and may change what it counts: "
                "give --user another one");
      }
    }
  }

  bool HasOwn() const {
    for (const NamedList* list :
         {&pod_.volumes, &pod_.init_containers, &pod_.containers}) {
      for (const NamedField& item : list->items) {
        if (IsOwn(item.name)) return true;
      }
    }
    return false;
  }

  // Of those that are there, so that a stranger of the same name is named.
  static absl::Status CheckSame(const NamedList& list, const Json& parts,
                                const char* name_key = "name") {
    for (const Json& part : parts) {
      const auto name = part[name_key].get<std::string>();
      const NamedField* const own = list.Find(name);
      if (own == nullptr) continue;
      const auto tree = TreeOf(own->field.node(), kMostValues);
      if (!tree.has_value() || !tree->Contains(TreeOf(part))) {
        return own->field.Error(absl::StrCat("'", name, "'", kBegunElsewhere));
      }
    }
    return absl::OkStatus();
  }

  static absl::Status CheckHas(const NamedList& list, const Field& parent,
                               const char* what, const Json& parts,
                               const char* name_key = "name") {
    for (const Json& part : parts) {
      const auto name = part[name_key].get<std::string>();
      if (list.Find(name) == nullptr) {
        return parent.Error(
            absl::StrCat("lacks the ", what, " '", name, "'", kInPart));
      }
    }
    return CheckSame(list, parts, name_key);
  }

  absl::Status CheckIsComplete() const {
    const std::tuple<const NamedList*, const char*, Json> lists[] = {
        {&pod_.volumes, "volume", PodVolumes(options_)},
        {&pod_.init_containers, "init container", PodInitContainers(options_)},
        {&pod_.containers, "container", PodContainers(options_)}};
    for (const auto& [list, what, parts] : lists) {
      if (absl::Status s = CheckSame(*list, parts); !s.ok()) return s;
    }
    for (const auto& [list, what, parts] : lists) {
      absl::Status s = CheckHas(*list, pod_.spec, what, parts);
      if (!s.ok()) return s;
    }
    for (const ContainerView& container : chosen_) {
      if (absl::Status s = CheckIsMetered(container); !s.ok()) return s;
    }
    const auto label = pod_.labels.has_value() ? pod_.labels->TextAt(kPodLabel)
                                               : std::string();
    if (!label.ok()) return label.status();
    return *label == "true" ? absl::OkStatus()
                            : pod_.top.Error(absl::StrCat("lacks the label ",
                                                          kPodLabel, kInPart));
  }

  absl::Status CheckIsMetered(const ContainerView& container) const {
    const NamedField* const preload = container.env.Find(kPreload);
    const auto value =
        preload != nullptr ? preload->field.TextAt("value") : std::string();
    if (!value.ok()) return value.status();
    if (!absl::StrContains(*value, kPodLibrary)) {
      return container.field.Error(
          absl::StrCat("its LD_PRELOAD lacks ", kPodLibrary, kInPart));
    }
    absl::Status s = CheckHas(container.env, container.field, "variable",
                              CrawlerVariables(options_, *value));
    return s.ok() ? CheckHas(container.mounts, container.field, "mount at",
                             CrawlerMounts(), "mountPath")
                  : s;
  }

  absl::Status CheckPorts() const {
    for (const NamedList* list : {&pod_.init_containers, &pod_.containers}) {
      for (const NamedField& container : list->items) {
        const auto ports =
            ReadNamedList(container.field, "ports", "containerPort", true);
        if (!ports.ok()) return ports.status();
        for (const NamedField& port : ports->items) {
          const auto name = port.field.TextAt("name");
          if (!name.ok()) return name.status();
          if (port.name == std::to_string(kMetricsPort) ||
              *name == kMetricsPortName) {
            return port.field.Error(
                absl::StrCat("clashes with the collector's port ", kMetricsPort,
                             ", '", kMetricsPortName, "'"));
          }
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status Check(const ContainerView& container) const {
    for (const Json& variable : CrawlerVariables(options_, "")) {
      const auto name = variable["name"].get<std::string>();
      const NamedField* const own = container.env.Find(name);
      if (own != nullptr && name != kPreload) {
        return own->field.Error(absl::StrCat(
            name, " is set already: remove it, or leave this container out"));
      }
    }
    for (const NamedField& mount : container.mounts.items) {
      for (const Json& own : CrawlerMounts()) {
        const auto path = own["mountPath"].get<std::string>();
        if (mount.name == path || mount.name.starts_with(path + "/")) {
          return mount.field.Error(
              absl::StrCat("clashes with the mount at ", path));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddTo(const ContainerView& container) {
    Json variables = CrawlerVariables(options_, kPodLibrary);
    if (const NamedField* own = container.env.Find(kPreload)) {
      if (absl::Status s = AppendPreloadTo(own->field); !s.ok()) return s;
      variables.erase(0);
    }
    absl::Status s = AddTo(container.field, container.env, "env", variables);
    return s.ok() ? AddTo(container.field, container.mounts, "volumeMounts",
                          CrawlerMounts())
                  : s;
  }

  absl::Status AppendPreloadTo(const Field& variable) {
    const auto from = variable.Find("valueFrom");
    if (!from.ok()) return from.status();
    if (from->has_value()) {
      return (*from)->Error(
          "LD_PRELOAD comes from elsewhere, and nothing can be appended to it: "
          "write its value here");
    }
    const auto value = variable.Find("value");
    if (!value.ok()) return value.status();
    if (!value->has_value() || (*value)->IsNull()) {
      return variable.Error("LD_PRELOAD has no value: remove it");
    }
    const auto text = (*value)->Text();
    if (!text.ok()) return text.status();
    const std::string whole = AppendPreload(*text, kPodLibrary);
    if (whole == *text) {
      return (*value)->Error(
          absl::StrCat("names ", kLibraryName, " already", kInPart));
    }
    return edit_.Replace(**value, whole);
  }

  absl::Status AddLabel() {
    const Json label = "true";
    if (pod_.labels.has_value()) {
      const auto old = pod_.labels->Find(kPodLabel);
      if (!old.ok()) return old.status();
      if (!old->has_value()) {
        return edit_.AddEntry(*pod_.labels, kPodLabel, label);
      }
      const auto text = (*old)->Text();
      if (!text.ok() || *text == "true") return text.status();
      return (*old)->Error("clashes with the label that is added: remove it");
    }
    const Json labels = {{kPodLabel, label}};
    return pod_.metadata.has_value()
               ? edit_.AddEntry(*pod_.metadata, "labels", labels)
               : edit_.AddEntry(pod_.top, "metadata", {{"labels", labels}});
  }

  absl::Status AddTo(const Field& parent, const NamedList& list,
                     const char* key, const Json& items, bool first = false) {
    return list.list.has_value() ? edit_.AddItems(*list.list, items, first)
                                 : edit_.AddEntry(parent, key, items);
  }

  const PodView& pod_;
  const bool ends_;
  const InjectOptions& options_;
  ManifestEdit& edit_;
  InjectNotes& notes_;
  std::vector<ContainerView> chosen_;
};

}  // namespace

std::span<const std::string_view> KnownSidecars() { return kKnownSidecars; }

absl::Status InjectPod(const Field& top, bool ends,
                       const InjectOptions& options, ManifestEdit* edit,
                       InjectNotes* notes) {
  const auto pod = ReadPod(top);
  if (!pod.ok()) return pod.status();
  return PodInjector(*pod, ends, options, edit, notes).Inject();
}

}  // namespace proxymeter::cli
