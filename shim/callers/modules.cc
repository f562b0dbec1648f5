#include "shim/callers/modules.h"

#include <fcntl.h>
#include <link.h>

#include <cstring>

#include "shim/dynamic_linker.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

// By the names that the linker has them under; musl's for good measure.
constexpr std::string_view kSystemNames[] = {
    "libc.so.",   "libpthread.so.", "libdl.so.", "libresolv.so.",
    "libanl.so.", "librt.so.",      "ld-linux",  "ld-musl-",
    "libc.musl-", "linux-vdso.so.", "ld.so.",
};

std::string_view FileName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  // Not by substr: it may throw.
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return path;
}

bool IsSystem(std::string_view path) {
  const std::string_view name = FileName(path);
  for (const std::string_view start : kSystemNames) {
    if (name.starts_with(start)) return true;
  }
  return false;
}

void NameProgram(ModuleName* name) {
  constexpr std::string_view kDeleted = " (deleted)";
  char buffer[4096];
  const long length = kernel::Call(SYS_readlinkat, AT_FDCWD, "/proc/self/exe",
                                   buffer, static_cast<long>(sizeof(buffer)));
  std::string_view path;
  if (length > 0) path = {buffer, static_cast<std::size_t>(length)};
  if (path.ends_with(kDeleted)) path.remove_suffix(kDeleted.size());
  name->Assign(path);
}

struct Search {
  std::uintptr_t address;
  Module* module;
  bool is_program;
};

int Visit(dl_phdr_info* info, std::size_t, void* data) {
  auto* search = static_cast<Search*>(data);
  Module found;
  bool holds = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_GNU_EH_FRAME) {
      found.exception_table = reinterpret_cast<const void*>(begin);
    }
    if (segment.p_type != PT_LOAD) continue;
    const std::uintptr_t end = begin + segment.p_memsz;
    holds |= begin <= search->address && search->address < end;
    if (found.end == 0 || begin < found.first) found.first = begin;
    if (end > found.end) found.end = end;
  }
  if (!holds) return 0;
  const std::string_view path =
      info->dlpi_name != nullptr ? info->dlpi_name : "";
  if (IsOurs(reinterpret_cast<const void*>(search->address))) {
    found.kind = ModuleKind::kOurs;
  } else if (IsSystem(path)) {
    found.kind = ModuleKind::kSystem;
  } else {
    found.kind = ModuleKind::kForeign;
    search->is_program = path.empty();
    if (!path.empty()) found.name.Assign(path);
  }
  *search->module = found;
  return 1;
}

}  // namespace

void ModuleName::Assign(std::string_view path) {
  std::string_view name = FileName(path);
  if (name.empty()) name = kUnknownDestination;
  length_ = name.copy(text_, sizeof(text_));
  for (std::size_t i = 0; i < length_; ++i) {
    const char c = text_[i];
    const bool printable = c >= ' ' && c <= '~';
    if (!printable || c == '"' || c == '\'' || c == '\\') text_[i] = '?';
  }
}

void FindModule(std::uintptr_t address, Module* module) {
  *module = Module();
  Search search = {address, module, false};
  dl_iterate_phdr(Visit, &search);
  // A system call, hence not under the linker's lock.
  if (search.is_program) NameProgram(&module->name);
}

}  // namespace proxymeter::shim
