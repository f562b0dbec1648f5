// The pod that the collector runs in.
#ifndef PROXYMETER_COLLECTOR_POD_IDENTITY_H_
#define PROXYMETER_COLLECTOR_POD_IDENTITY_H_

#include <cstdlib>
#include <string>

namespace proxymeter::collector {

/// Empty where nobody told.
struct PodIdentity {
  std::string name;
  std::string name_space;
};

/// From POD_NAME and POD_NAMESPACE, which the Kubernetes Downward API sets.
inline PodIdentity PodIdentityFromEnvironment() {
  const auto value = [](const char* variable) {
    const char* text = std::getenv(variable);
    return std::string(text != nullptr ? text : "");
  };
  return {value("POD_NAME"), value("POD_NAMESPACE")};
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POD_IDENTITY_H_
