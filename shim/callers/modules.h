// Which loaded file does an address lie in?
#ifndef PROXYMETER_SHIM_CALLERS_MODULES_H_
#define PROXYMETER_SHIM_CALLERS_MODULES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxymeter/limits.h"

namespace proxymeter::shim {

/// The file name of a library or program, without its directory: printable,
/// and never empty once assigned.
class ModuleName {
 public:
  /// From a path; what a label cannot hold becomes '?'.
  void Assign(std::string_view path);
  std::string_view view() const { return {text_, length_}; }

 private:
  char text_[kMaxHostLength];
  std::size_t length_ = 0;
};

enum class ModuleKind : std::uint8_t {
  kNone,     ///< no loaded file: generated code, or no code at all
  kOurs,     ///< this library
  kSystem,   ///< glibc's own: it calls on behalf of others
  kForeign,  ///< anything else
};

struct Module {
  ModuleKind kind = ModuleKind::kNone;
  std::uintptr_t first = 0;  ///< lowest address of its code and data
  std::uintptr_t end = 0;    ///< one past its highest
  const void* exception_table = nullptr;  ///< its .eh_frame_hdr, or null
  ModuleName name = {};                   ///< of foreign ones only
};

/// Asks the linker's list anew each time: what has been unloaded since is not
/// in it. Waits for another thread that changes the list, which takes a few
/// stores; allocates nothing. A program is named by /proc/self/exe.
void FindModule(std::uintptr_t address, Module* module);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CALLERS_MODULES_H_
