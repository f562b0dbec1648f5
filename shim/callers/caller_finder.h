// Decides, frame by frame, whose call a stack walk came from.
#ifndef PROXYMETER_SHIM_CALLERS_CALLER_FINDER_H_
#define PROXYMETER_SHIM_CALLERS_CALLER_FINDER_H_

#include <cstdint>
#include <string_view>

#include "proxymeter/limits.h"
#include "shim/callers/modules.h"

namespace proxymeter::shim {

/// Shown each frame from the innermost on. It wants to see no frame beyond the
/// first that is neither ours nor glibc's, so that nobody else's frames are
/// ever unwound, whatever state their code and its tables are in.
class CallerFinder {
 public:
  /// Frames that a walk may take.
  static constexpr int kMaxFrames = 32;

  /// True when the walk may go on to the caller of the frame whose code at
  /// `address` is running: module() then is ours or glibc's.
  bool Visit(std::uintptr_t address) {
    if (++frames_ > kMaxFrames) return false;
    FindModule(address, &module_);
    if (module_.kind == ModuleKind::kForeign) found_ = true;
    return module_.kind == ModuleKind::kOurs ||
           module_.kind == ModuleKind::kSystem;
  }

  const Module& module() const { return module_; }
  /// The caller, `_unknown` unless the walk met it.
  std::string_view caller() const {
    return found_ ? module_.name.view() : std::string_view(kUnknownDestination);
  }

 private:
  Module module_;
  int frames_ = 0;
  bool found_ = false;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CALLERS_CALLER_FINDER_H_
