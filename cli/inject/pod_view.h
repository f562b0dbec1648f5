// A pod in a manifest, taken apart.
#ifndef PROXYMETER_CLI_INJECT_POD_VIEW_H_
#define PROXYMETER_CLI_INJECT_POD_VIEW_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/inject/field.h"

namespace proxymeter::cli {

/// An item of a list that is told by its name.
struct NamedField {
  std::string name;
  Field field;
};

/// A list that may be missing.
struct NamedList {
  std::optional<Field> list;
  std::vector<NamedField> items;

  const NamedField* Find(std::string_view name) const;
};

/// `name_key` of each item of the list at `key`; an error without it, and for
/// two of the same unless `repeats`.
absl::StatusOr<NamedList> ReadNamedList(const Field& parent,
                                        std::string_view key,
                                        std::string_view name_key = "name",
                                        bool repeats = false);

struct ContainerView {
  Field field;
  std::string name;
  NamedList env;
  NamedList mounts;  ///< by mountPath
};

struct PodView {
  Field top;
  Field spec;
  std::optional<Field> metadata;
  std::optional<Field> labels;
  NamedList volumes;
  NamedList init_containers;
  NamedList containers;
};

/// Errors when it is no pod of Linux.
absl::StatusOr<PodView> ReadPod(const Field& top);

absl::StatusOr<ContainerView> ReadContainer(const NamedField& container);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_POD_VIEW_H_
