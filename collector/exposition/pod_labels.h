// The labels that say which pod a series is of.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_POD_LABELS_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_POD_LABELS_H_

#include "collector/exposition/family_builder.h"
#include "collector/pod_identity.h"

namespace proxymeter::collector {

/// Those that are known.
inline FamilyBuilder::Labels PodLabels(const PodIdentity& pod) {
  FamilyBuilder::Labels labels;
  if (!pod.name.empty()) labels.push_back({"pod_name", pod.name});
  if (!pod.name_space.empty()) {
    labels.push_back({"pod_namespace", pod.name_space});
  }
  return labels;
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_POD_LABELS_H_
