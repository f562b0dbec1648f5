// The name of a library, as its path ends.
#ifndef PROXYMETER_CLI_DOCTOR_MODULE_NAME_H_
#define PROXYMETER_CLI_DOCTOR_MODULE_NAME_H_

#include <string_view>

namespace proxymeter::cli {

/// "libssl.so.3" of "/usr/lib/libssl.so.3"; inside `path`.
inline std::string_view ModuleName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_MODULE_NAME_H_
