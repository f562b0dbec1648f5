#include "cli/elf_header.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"

namespace proxymeter::cli {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kOwnMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kOwnMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr Elf64_Half kOwnMachine = EM_RISCV;
#else
#error "add the machine's EM_ constant here"
#endif
constexpr unsigned char kOwnClass =
    sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
constexpr unsigned char kOwnOrder =
    std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

bool ReadAt(int file, void* to, size_t bytes, off_t offset) {
  return pread(file, to, bytes, offset) == static_cast<ssize_t>(bytes);
}

}  // namespace

absl::StatusOr<ElfHeader> ReadElfHeader(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return absl::ErrnoToStatus(errno, path);
  const absl::Cleanup close_file = [file] { close(file); };

  ElfW(Ehdr) header;
  if (!ReadAt(file, &header, EI_NIDENT, 0) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return absl::InvalidArgumentError(path + " is not an ELF file");
  }
  ElfHeader result;
  if (header.e_ident[EI_CLASS] != kOwnClass ||
      header.e_ident[EI_DATA] != kOwnOrder) {
    return result;
  }
  if (!ReadAt(file, &header, sizeof(header), 0)) {
    return absl::InvalidArgumentError(path + " ends within its ELF header");
  }
  if (header.e_machine != kOwnMachine) return result;
  result.for_this_machine = true;
  for (int i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    const auto offset =
        static_cast<off_t>(header.e_phoff + i * sizeof(segment));
    if (!ReadAt(file, &segment, sizeof(segment), offset)) {
      return absl::InvalidArgumentError(path + " ends within its ELF segments");
    }
    if (segment.p_type == PT_INTERP) result.has_interpreter = true;
  }
  return result;
}

}  // namespace proxymeter::cli
