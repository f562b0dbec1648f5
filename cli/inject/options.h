// What `proxymeter inject` is told.
#ifndef PROXYMETER_CLI_INJECT_OPTIONS_H_
#define PROXYMETER_CLI_INJECT_OPTIONS_H_

#include <string>
#include <vector>

namespace proxymeter::cli {

struct InjectOptions {
  std::string file;   ///< -f; "-" is standard input
  std::string image;  ///< with command line and library
  std::string config_map = "proxymeter";
  std::string vendor;                   ///< --vendor; empty for none
  std::vector<std::string> containers;  ///< empty: all but known sidecars
  unsigned user = 65532;                ///< uid and gid of what is added
  bool plain_sidecar = false;           ///< for Kubernetes before 1.29
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_OPTIONS_H_
