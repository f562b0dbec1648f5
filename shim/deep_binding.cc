#include "shim/deep_binding.h"

#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "shim/dynamic_linker.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

#if defined(__x86_64__)
constexpr unsigned kSlotTypes[] = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT,
                                   R_X86_64_64};
#elif defined(__aarch64__)
constexpr unsigned kSlotTypes[] = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT,
                                   R_AARCH64_ABS64};
#endif

// More than hooks.def has; the library could not be built otherwise.
constexpr std::size_t kMaxDoors = 128;

constinit std::span<const Door> doors;

using Address = ElfW(Addr);

struct Module {
  Address base = 0;
  Address relro_begin = 0;
  Address relro_end = 0;
  const ElfW(Sym) * symbols = nullptr;
  const char* strings = nullptr;
  const ElfW(Rela) * tables[2] = {};
  std::size_t sizes[2] = {};
};

bool IsSlot(unsigned type) {
  for (const unsigned known : kSlotTypes) {
    if (type == known) return true;
  }
  return false;
}

Module Read(const dl_phdr_info& info) {
  Module module;
  module.base = info.dlpi_addr;
  const ElfW(Dyn)* entry = nullptr;
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    const Address begin = info.dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_DYNAMIC) {
      entry = reinterpret_cast<const ElfW(Dyn)*>(begin);
    } else if (header.p_type == PT_GNU_RELRO) {
      module.relro_begin = begin;
      module.relro_end = begin + header.p_memsz;
    }
  }
  // glibc has added the base to these, except where they cannot be written.
  const auto at = [&](Address value) {
    return value < module.base ? value + module.base : value;
  };
  for (; entry != nullptr && entry->d_tag != DT_NULL; ++entry) {
    const Address pointer = at(entry->d_un.d_ptr);
    switch (entry->d_tag) {
      case DT_SYMTAB:
        module.symbols = reinterpret_cast<const ElfW(Sym)*>(pointer);
        break;
      case DT_STRTAB:
        module.strings = reinterpret_cast<const char*>(pointer);
        break;
      case DT_JMPREL:
        module.tables[0] = reinterpret_cast<const ElfW(Rela)*>(pointer);
        break;
      case DT_PLTRELSZ:
        module.sizes[0] = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
      case DT_RELA:
        module.tables[1] = reinterpret_cast<const ElfW(Rela)*>(pointer);
        break;
      case DT_RELASZ:
        module.sizes[1] = entry->d_un.d_val / sizeof(ElfW(Rela));
        break;
      default:
        break;
    }
  }
  return module;
}

// The linker has made some slots read-only, and they are so again at the end.
void Store(const Module& module, Address slot, void* function) {
  auto* place = reinterpret_cast<void**>(slot);
  const Address page_size = getauxval(AT_PAGESZ);
  const Address page = slot & ~(page_size - 1);
  const bool sealed = slot >= (module.relro_begin & ~(page_size - 1)) &&
                      slot < (module.relro_end & ~(page_size - 1));
  const auto protect = [&](int protection) {
    return kernel::Call(SYS_mprotect, static_cast<long>(page),
                        static_cast<long>(page_size),
                        static_cast<long>(protection));
  };
  if (sealed && protect(PROT_READ | PROT_WRITE) != 0) return;
  __atomic_store_n(place, function, __ATOMIC_RELEASE);
  if (sealed) protect(PROT_READ);
}

void Rebind(const Module& module, const bool* wanted) {
  if (module.symbols == nullptr || module.strings == nullptr) return;
  for (int table = 0; table < 2; ++table) {
    if (module.tables[table] == nullptr) continue;
    for (std::size_t i = 0; i < module.sizes[table]; ++i) {
      const ElfW(Rela)& relocation = module.tables[table][i];
      if (!IsSlot(ELF64_R_TYPE(relocation.r_info))) continue;
      const ElfW(Sym)& symbol = module.symbols[ELF64_R_SYM(relocation.r_info)];
      // A function of the module's own may have one of our names.
      if (symbol.st_shndx != SHN_UNDEF || relocation.r_addend != 0) continue;
      const char* name = module.strings + symbol.st_name;
      for (std::size_t door = 0; door < doors.size(); ++door) {
        if (wanted[door] && std::strcmp(name, doors[door].name) == 0) {
          Store(module, module.base + relocation.r_offset,
                doors[door].function);
        }
      }
    }
  }
}

struct Pass {
  std::size_t skip;
  const bool* wanted;
};

int RebindModule(dl_phdr_info* info, std::size_t, void* data) {
  auto* pass = static_cast<Pass*>(data);
  if (pass->skip != 0) {
    --pass->skip;
  } else {
    Rebind(Read(*info), pass->wanted);
  }
  return 0;
}

int CountModule(dl_phdr_info*, std::size_t, void* data) {
  ++*static_cast<std::size_t*>(data);
  return 0;
}

}  // namespace

void SetDoors(std::span<const Door> all) {
  if (all.size() <= kMaxDoors) doors = all;
}

std::size_t CountModules() {
  std::size_t count = 0;
  dl_iterate_phdr(CountModule, &count);
  return count;
}

void RebindSince(std::size_t before, void* handle) {
  bool wanted[kMaxDoors] = {};
  for (std::size_t i = 0; i < doors.size(); ++i) {
    // What the new modules see: a libc function with another library in front
    // stays with that library.
    void* found = FindIn(handle, doors[i].name);
    wanted[i] = found != nullptr &&
                (doors[i].real == nullptr || found == *doors[i].real);
  }
  Pass pass = {before, wanted};
  dl_iterate_phdr(RebindModule, &pass);
}

}  // namespace proxymeter::shim
