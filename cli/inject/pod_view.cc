#include "cli/inject/pod_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace proxymeter::cli {
namespace {

absl::Status CheckIsLinux(const Field& spec) {
  const auto refuse = [](const Field& field) -> absl::Status {
    const auto text = field.Text();
    if (!text.ok() || *text != "windows") return text.status();
    return field.Error("Windows has no LD_PRELOAD: it cannot be metered");
  };
  const auto os = spec.Find("os");
  if (!os.ok()) return os.status();
  if (os->has_value()) {
    const auto name = (*os)->Find("name");
    if (!name.ok()) return name.status();
    if (name->has_value()) {
      if (absl::Status status = refuse(**name); !status.ok()) return status;
    }
  }
  const auto selector = spec.Find("nodeSelector");
  if (!selector.ok()) return selector.status();
  if (!selector->has_value()) return absl::OkStatus();
  const auto name = (*selector)->Find("kubernetes.io/os");
  if (!name.ok()) return name.status();
  return name->has_value() ? refuse(**name) : absl::OkStatus();
}

}  // namespace

const NamedField* NamedList::Find(std::string_view name) const {
  const auto found = std::find_if(
      items.begin(), items.end(),
      [name](const NamedField& item) { return item.name == name; });
  return found == items.end() ? nullptr : &*found;
}

absl::StatusOr<NamedList> ReadNamedList(const Field& parent,
                                        std::string_view key,
                                        std::string_view name_key,
                                        bool repeats) {
  const auto list = parent.Find(key);
  if (!list.ok()) return list.status();
  NamedList named;
  if (!list->has_value()) return named;
  named.list.emplace(**list);
  const auto items = (*list)->Items();
  if (!items.ok()) return items.status();
  for (const Field& item : *items) {
    const auto field = item.Required(name_key);
    if (!field.ok()) return field.status();
    const auto name = field->Text();
    if (!name.ok()) return name.status();
    if (!repeats && named.Find(*name) != nullptr) {
      return field->Error(absl::StrCat("'", *name, "' is there already"));
    }
    named.items.push_back({*name, item});
  }
  return named;
}

absl::StatusOr<PodView> ReadPod(const Field& top) {
  const auto spec = top.Required("spec");
  if (!spec.ok()) return spec.status();
  if (absl::Status status = CheckIsLinux(*spec); !status.ok()) return status;
  const auto metadata = top.Find("metadata");
  if (!metadata.ok()) return metadata.status();
  PodView pod{.top = top,
              .spec = *spec,
              .metadata = *metadata,
              .labels = {},
              .volumes = {},
              .init_containers = {},
              .containers = {}};
  if (pod.metadata.has_value()) {
    const auto labels = pod.metadata->Find("labels");
    if (!labels.ok()) return labels.status();
    if (labels->has_value()) pod.labels.emplace(**labels);
  }
  const auto required = spec->Required("containers");
  if (!required.ok()) return required.status();
  for (const auto& [list, key] :
       {std::pair{&pod.volumes, "volumes"},
        std::pair{&pod.init_containers, "initContainers"},
        std::pair{&pod.containers, "containers"}}) {
    auto read = ReadNamedList(*spec, key);
    if (!read.ok()) return read.status();
    if (read->list.has_value()) list->list.emplace(*read->list);
    list->items.swap(read->items);
  }
  if (pod.containers.items.empty()) {
    return required->Error("a pod has one container at least");
  }
  return pod;
}

absl::StatusOr<ContainerView> ReadContainer(const NamedField& container) {
  const auto env = ReadNamedList(container.field, "env", "name", true);
  if (!env.ok()) return env.status();
  const auto mounts =
      ReadNamedList(container.field, "volumeMounts", "mountPath");
  if (!mounts.ok()) return mounts.status();
  return ContainerView{container.field, container.name, *env, *mounts};
}

}  // namespace proxymeter::cli
