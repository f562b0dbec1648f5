// What a pod gets so that its crawlers are metered: the same as from the
// templates in k8s/chart/templates/_pod.tpl, which a test compares.
#ifndef PROXYMETER_CLI_INJECT_POD_PARTS_H_
#define PROXYMETER_CLI_INJECT_POD_PARTS_H_

#include <string>

#include "cli/inject/options.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {

/// In the order in which it is written.
using Json = nlohmann::ordered_json;

inline constexpr char kPodLabel[] = "proxymeter/metered";
inline constexpr char kPodLibrary[] = "/opt/proxymeter/libproxymeter.so";
inline constexpr char kOwnPrefix[] = "proxymeter-";
inline constexpr char kMetricsPortName[] = "pm-metrics";
inline constexpr int kMetricsPort = 9099;

/// Lists, as in a manifest.
Json PodVolumes(const InjectOptions& options);
Json PodInitContainers(const InjectOptions& options);
/// Empty for a native sidecar, which is an init container.
Json PodContainers(const InjectOptions& options);
Json CrawlerMounts();
/// `preload` is the whole value of LD_PRELOAD.
Json CrawlerVariables(const InjectOptions& options, const std::string& preload);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_POD_PARTS_H_
