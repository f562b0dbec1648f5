#include "shim/environment.h"

#include <stdlib.h>

#include "proxymeter/vendor_name.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

constexpr std::string_view kSystemDirectory = "/run/proxymeter";

std::string_view Variable(const char* name) {
  // secure_getenv: a privileged program must not be led to a directory that
  // its caller chose.
  const char* value = secure_getenv(name);
  return value != nullptr ? value : std::string_view();
}

}  // namespace

Path Join(const Path& directory, std::string_view name) {
  Path joined;
  if (directory.empty()) return joined;
  joined.Assign(directory.view());
  joined.Append("/");
  if (!joined.empty()) joined.Append(name);
  return joined;
}

void Environment::Read() {
  const std::string_view directory = Variable(kDirectoryVariable);
  if (!directory.empty() && directory.front() == '/') {
    directory_.Assign(directory);
  }
  if (directory_.empty()) {
    directory_.Assign(kSystemDirectory);
    // A user's own collector lives in the user's own run directory.
    const std::string_view user = Variable("XDG_RUNTIME_DIR");
    if (!user.empty() && user.front() == '/' &&
        kernel::Call(SYS_faccessat, -100L /* AT_FDCWD */, directory_.c_str(),
                     0L) < 0) {
      Path candidate;
      candidate.Assign(user);
      candidate = Join(candidate, "proxymeter");
      if (!candidate.empty()) directory_ = candidate;
    }
  }
  const std::string_view vendor = Variable(kVendorVariable);
  if (IsVendorName(vendor)) {
    vendor.copy(vendor_, vendor.size());
    vendor_length_ = vendor.size();
  }
}

}  // namespace proxymeter::shim
