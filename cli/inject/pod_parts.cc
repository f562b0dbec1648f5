#include "cli/inject/pod_parts.h"

namespace proxymeter::cli {
namespace {

constexpr char kDirectory[] = "/run/proxymeter/pod";

// install(1) makes a new file and leaves one that is mapped alone, should the
// kubelet run this again. The directory is the collector's from the beginning:
// the kubelet would make it root's for the crawler's subPath.
constexpr char kInstall[] =
    "install -m 0644 /usr/local/lib/libproxymeter.so /opt/proxymeter/\n"
    "install -d -m 0755 /run/proxymeter/pod\n";

Json SecurityContext(const InjectOptions& options) {
  return {{"allowPrivilegeEscalation", false},
          {"capabilities", {{"drop", Json::array({"ALL"})}}},
          {"readOnlyRootFilesystem", true},
          {"runAsGroup", options.user},
          {"runAsNonRoot", true},
          {"runAsUser", options.user},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

Json Resources(const char* cpu, const char* memory, const char* most_cpu,
               const char* most_memory) {
  return {{"limits", {{"cpu", most_cpu}, {"memory", most_memory}}},
          {"requests", {{"cpu", cpu}, {"memory", memory}}}};
}

Json Variable(const std::string& name, const std::string& value) {
  return {{"name", name}, {"value", value}};
}

Json FieldVariable(const char* name, const char* field) {
  return {{"name", name},
          {"valueFrom", {{"fieldRef", {{"fieldPath", field}}}}}};
}

Json Mount(const char* name, const char* path) {
  return {{"name", name}, {"mountPath", path}};
}

Json ReadOnlyMount(const char* name, const char* path) {
  return {{"name", name}, {"mountPath", path}, {"readOnly", true}};
}

Json Probe(const char* path) {
  return {{"httpGet", {{"path", path}, {"port", kMetricsPortName}}}};
}

Json StartupProbe() {
  Json probe = Probe("/readyz");
  probe["periodSeconds"] = 1;
  probe["failureThreshold"] = 120;
  return probe;
}

Json LivenessProbe() {
  Json probe = Probe("/healthz");
  probe["periodSeconds"] = 10;
  probe["timeoutSeconds"] = 5;
  probe["failureThreshold"] = 6;
  return probe;
}

Json ReadinessProbe() {
  Json probe = Probe("/readyz");
  probe["periodSeconds"] = 5;
  probe["timeoutSeconds"] = 5;
  return probe;
}

Json Install(const InjectOptions& options) {
  return {{"name", "proxymeter-install"},
          {"image", options.image},
          {"imagePullPolicy", "IfNotPresent"},
          {"command", Json::array({"/bin/sh", "-ec", kInstall})},
          {"resources", Resources("10m", "16Mi", "100m", "32Mi")},
          {"securityContext", SecurityContext(options)},
          {"volumeMounts",
           Json::array({Mount("proxymeter-library", "/opt/proxymeter"),
                        Mount("proxymeter-run", "/run/proxymeter")})}};
}

Json Collector(const InjectOptions& options) {
  Json container = {{"name", "proxymeter-collector"},
                    {"image", options.image},
                    {"imagePullPolicy", "IfNotPresent"}};
  if (!options.plain_sidecar) container["restartPolicy"] = "Always";
  container["command"] = Json::array({"/usr/local/bin/proxymeter"});
  container["args"] = Json::array(
      {"collector", "--config", "/etc/proxymeter/vendors.yaml", "--ledger",
       "/var/lib/proxymeter/ledger.db", "--metrics-listen",
       ":" + std::to_string(kMetricsPort), "--linger", "20"});
  container["env"] =
      Json::array({Variable("PROXYMETER_DIR", kDirectory),
                   FieldVariable("POD_NAME", "metadata.name"),
                   FieldVariable("POD_NAMESPACE", "metadata.namespace")});
  container["ports"] = Json::array(
      {{{"name", kMetricsPortName}, {"containerPort", kMetricsPort}}});
  if (!options.plain_sidecar) container["startupProbe"] = StartupProbe();
  container["livenessProbe"] = LivenessProbe();
  container["readinessProbe"] = ReadinessProbe();
  container["resources"] = Resources("25m", "64Mi", "1", "256Mi");
  container["securityContext"] = SecurityContext(options);
  container["volumeMounts"] =
      Json::array({Mount("proxymeter-run", "/run/proxymeter"),
                   Mount("proxymeter-ledger", "/var/lib/proxymeter"),
                   ReadOnlyMount("proxymeter-vendors", "/etc/proxymeter")});
  return container;
}

}  // namespace

Json PodVolumes(const InjectOptions& options) {
  return Json::array(
      {{{"name", "proxymeter-library"}, {"emptyDir", {{"sizeLimit", "16Mi"}}}},
       {{"name", "proxymeter-run"},
        {"emptyDir", {{"medium", "Memory"}, {"sizeLimit", "128Mi"}}}},
       {{"name", "proxymeter-ledger"}, {"emptyDir", {{"sizeLimit", "1Gi"}}}},
       {{"name", "proxymeter-vendors"},
        {"configMap", {{"name", options.config_map}}}}});
}

Json PodInitContainers(const InjectOptions& options) {
  Json containers = Json::array({Install(options)});
  if (!options.plain_sidecar) containers.push_back(Collector(options));
  return containers;
}

Json PodContainers(const InjectOptions& options) {
  return options.plain_sidecar ? Json::array({Collector(options)})
                               : Json::array();
}

Json CrawlerMounts() {
  // By subPath, since everybody may write to the volume's own top: a crawler
  // could put another directory in its place.
  Json run = Mount("proxymeter-run", kDirectory);
  run["subPath"] = "pod";
  return Json::array(
      {ReadOnlyMount("proxymeter-library", "/opt/proxymeter"), run});
}

Json CrawlerVariables(const InjectOptions& options,
                      const std::string& preload) {
  Json variables = Json::array({Variable("LD_PRELOAD", preload),
                                Variable("PROXYMETER_DIR", kDirectory)});
  if (!options.vendor.empty()) {
    variables.push_back(Variable("PROXYMETER_VENDOR", options.vendor));
  }
  return variables;
}

}  // namespace proxymeter::cli
