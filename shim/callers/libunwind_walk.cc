#include "shim/callers/libunwind_walk.h"

#include <libunwind.h>
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "shim/dynamic_linker.h"
#include "shim/kernel.h"

#define PROXYMETER_TEXT_OF(name) #name
#define PROXYMETER_TEXT(name) PROXYMETER_TEXT_OF(name)

// musl, which loads us too, has none.
#pragma weak getcontext

// Exported by the library, declared by no header: searches an .eh_frame_hdr.
extern "C" int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t,
                                                  unw_dyn_info_t*,
                                                  unw_proc_info_t*, int, void*);

namespace proxymeter::shim {
namespace {

constexpr char kLibrary[] = "libunwind-" PROXYMETER_TEXT(UNW_TARGET) ".so.8";
constexpr long kSignalSetBytes = 8;
constexpr std::uintptr_t kPageBytes = 4096;

struct Functions {
  decltype(&unw_create_addr_space) create_addr_space;
  decltype(&unw_set_caching_policy) set_caching_policy;
  decltype(&unw_init_remote) init_remote;
  decltype(&unw_step) step;
  decltype(&unw_get_reg) get_reg;
  decltype(&UNW_OBJ(dwarf_search_unwind_table)) search_table;
};
constinit Functions functions = {};
constinit unw_addr_space_t space = nullptr;
constinit std::atomic<long> thread_without_pipes{0};

// The argument of every accessor.
struct Walk {
  ucontext_t start;
  const Module* module;  // of the frame to be left next
  std::uintptr_t readable_page = 0;
};

// Room for the cursor of a later version.
union Cursor {
  unw_cursor_t cursor;
  unw_word_t room[2 * sizeof(unw_cursor_t) / sizeof(unw_word_t)];
};

// The kernel looks at the new mask before it finds that there is no such way of
// setting it.
bool IsReadable(std::uintptr_t address) {
  constexpr long kNoWay = -1;
  return kernel::Call(SYS_rt_sigprocmask, kNoWay, static_cast<long>(address), 0,
                      kSignalSetBytes) == -EINVAL;
}

bool IsReadable(std::uintptr_t address, Walk* walk) {
  const std::uintptr_t page = address / kPageBytes;
  const std::uintptr_t last = (address + sizeof(unw_word_t) - 1) / kPageBytes;
  if (page == walk->readable_page && page == last) return true;
  if (!IsReadable(address)) return false;
  walk->readable_page = last;
  return true;
}

int ReadMemory(unw_addr_space_t, unw_word_t address, unw_word_t* value,
               int write, void* argument) {
  if (write != 0 || !IsReadable(address, static_cast<Walk*>(argument))) {
    return -UNW_EINVAL;
  }
  std::memcpy(value, reinterpret_cast<const void*>(address), sizeof(*value));
  return 0;
}

#if defined(__x86_64__)
bool Register(const ucontext_t& context, int number, unw_word_t* value) {
  // By DWARF's numbers, which are libunwind's.
  constexpr int kPlaces[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI,
                             REG_RDI, REG_RBP, REG_RSP, REG_R8,  REG_R9,
                             REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
                             REG_R15, REG_RIP};
  if (number < 0 || number > UNW_X86_64_RIP) return false;
  *value = static_cast<unw_word_t>(context.uc_mcontext.gregs[kPlaces[number]]);
  return true;
}
#elif defined(__aarch64__)
bool Register(const ucontext_t& context, int number, unw_word_t* value) {
  if (number >= UNW_AARCH64_X0 && number <= UNW_AARCH64_X30) {
    *value = context.uc_mcontext.regs[number];
  } else if (number == UNW_AARCH64_SP) {
    *value = context.uc_mcontext.sp;
  } else if (number == UNW_AARCH64_PC) {
    *value = context.uc_mcontext.pc;
  } else {
    return false;
  }
  return true;
}
#endif

int ReadRegister(unw_addr_space_t, unw_regnum_t number, unw_word_t* value,
                 int write, void* argument) {
  const auto* walk = static_cast<const Walk*>(argument);
  return write == 0 && Register(walk->start, number, value) ? 0 : -UNW_EBADREG;
}

int FindProcedure(unw_addr_space_t, unw_word_t address, unw_proc_info_t* found,
                  int needs_info, void* argument) {
  // Linux Standard Base, 10.6.2: version, encodings of the pointer to
  // .eh_frame, of the count and of the table; pointer; count; table.
  struct Header {
    std::uint8_t version;
    std::uint8_t pointer_encoding;
    std::uint8_t count_encoding;
    std::uint8_t table_encoding;
    std::int32_t pointer;
    std::uint32_t count;
  };
  constexpr std::uint8_t kCount = 0x03;  // udata4
  constexpr std::uint8_t kTable = 0x3b;  // datarel sdata4
  constexpr std::size_t kEntryBytes = 8;
  const Module& module = *static_cast<const Walk*>(argument)->module;
  if (module.exception_table == nullptr) return -UNW_ENOINFO;
  Header header;
  std::memcpy(&header, module.exception_table, sizeof(header));
  // As every linker writes it.
  if (header.version != 1 || (header.pointer_encoding & 0x0f) != 0x0b ||
      header.count_encoding != kCount || header.table_encoding != kTable) {
    return -UNW_ENOINFO;
  }
  const auto base = reinterpret_cast<unw_word_t>(module.exception_table);
  unw_dyn_info_t info = {};
  info.start_ip = module.first;
  info.end_ip = module.end;
  info.format = UNW_INFO_FORMAT_REMOTE_TABLE;
  info.u.rti.segbase = base;
  info.u.rti.table_data = base + sizeof(Header);
  info.u.rti.table_len = header.count * kEntryBytes / sizeof(unw_word_t);
  return functions.search_table(space, address, &info, found, needs_info,
                                argument);
}

// The library keeps what it has worked out of a frame, and every frame that it
// is shown lies in files that are never unloaded: nothing is to be given back.
void PutProcedure(unw_addr_space_t, unw_proc_info_t*, void*) {}

int NoList(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }
int NoFloats(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) {
  return -UNW_EBADREG;
}
int NoResume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }
int NoName(unw_addr_space_t, unw_word_t, char*, std::size_t, unw_word_t*,
           void*) {
  return -UNW_ENOINFO;
}

// Zeros behind, for what later versions have added.
struct Accessors {
  unw_accessors_t known;
  void* more[16];
};
constinit Accessors accessors = {
    {FindProcedure, PutProcedure, NoList, ReadMemory, ReadRegister, NoFloats,
     NoResume, NoName},
    {}};

template <typename Function>
bool Bind(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(FindIn(library, name));
  return *function != nullptr;
}
#define PROXYMETER_BIND(library, name, function) \
  Bind(library, PROXYMETER_TEXT(UNW_OBJ(name)), function)

bool BindAll(void* library) {
  Functions bound;
  if (!PROXYMETER_BIND(library, create_addr_space, &bound.create_addr_space) ||
      !PROXYMETER_BIND(library, set_caching_policy,
                       &bound.set_caching_policy) ||
      !PROXYMETER_BIND(library, init_remote, &bound.init_remote) ||
      !PROXYMETER_BIND(library, step, &bound.step) ||
      !PROXYMETER_BIND(library, get_reg, &bound.get_reg) ||
      !PROXYMETER_BIND(library, dwarf_search_unwind_table,
                       &bound.search_table)) {
    return false;
  }
  functions = bound;
  return true;
}

// One step out of this very function must lead to its caller: a library of
// another layout than its header's does not pass.
[[gnu::noinline]] bool FindsItsWayOut() {
  Walk walk;
  if (getcontext(&walk.start) != 0) return false;
  unw_word_t address = 0;
  if (!Register(walk.start, UNW_REG_IP, &address)) return false;
  Module module;
  FindModule(address, &module);
  walk.module = &module;
  Cursor cursor;
  return functions.init_remote(&cursor.cursor, space, &walk) == 0 &&
         functions.step(&cursor.cursor) > 0 &&
         functions.get_reg(&cursor.cursor, UNW_REG_IP, &address) == 0 &&
         address == reinterpret_cast<unw_word_t>(__builtin_extract_return_addr(
                        __builtin_return_address(0)));
}

bool Initialise() {
  space = functions.create_addr_space(&accessors.known, 0);
  if (space == nullptr) return false;
  functions.set_caching_policy(space, UNW_CACHE_GLOBAL);
  return FindsItsWayOut();
}

bool Load() {
  if (getcontext == nullptr) return false;
  if (space != nullptr) return FindsItsWayOut();
  void* library = OpenLibrary(kLibrary);
  if (library == nullptr || !BindAll(library)) return false;
  thread_without_pipes.store(kernel::Call(SYS_gettid));
  const bool usable = Initialise();
  thread_without_pipes.store(0);
  return usable;
}

}  // namespace

bool LoadLibunwind() {
  // A handler that came while the library is half loaded could connect.
  std::uint64_t all = ~std::uint64_t{0};
  std::uint64_t saved = 0;
  if (kernel::Call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &saved,
                   kSignalSetBytes) != 0) {
    return false;
  }
  const bool loaded = Load();
  kernel::Forward(SYS_rt_sigprocmask, SIG_SETMASK, &saved, 0, kSignalSetBytes);
  return loaded;
}

void WalkByLibunwind(CallerFinder* finder) {
  Walk walk;
  unw_word_t address = 0;
  Cursor cursor;
  if (getcontext(&walk.start) != 0 ||
      !Register(walk.start, UNW_REG_IP, &address) ||
      functions.init_remote(&cursor.cursor, space, &walk) != 0) {
    return;
  }
  walk.module = &finder->module();
  while (finder->Visit(address)) {
    if (functions.step(&cursor.cursor) <= 0 ||
        functions.get_reg(&cursor.cursor, UNW_REG_IP, &address) != 0) {
      return;
    }
    --address;  // A call may be its function's last instruction.
  }
}

bool RefusesPipes() {
  const long thread = thread_without_pipes.load(std::memory_order_relaxed);
  return thread != 0 && thread == kernel::Call(SYS_gettid);
}

}  // namespace proxymeter::shim
