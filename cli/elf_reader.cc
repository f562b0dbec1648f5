#include "cli/elf_reader.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

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

std::string MachineName(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_386:
      return "i386";
    case EM_AARCH64:
      return "aarch64";
    case EM_ARM:
      return "arm";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
    default:
      return absl::StrCat("machine ", machine);
  }
}

/// What stands in the same place in files of every kind.
struct Prefix {
  unsigned char ident[EI_NIDENT];
  unsigned char type[2];
  unsigned char machine[2];
};
static_assert(offsetof(Elf64_Ehdr, e_machine) == offsetof(Prefix, machine));

}  // namespace

ElfReader::ElfReader(ElfReader&& other) noexcept
    : path_(std::move(other.path_)),
      machine_(std::move(other.machine_)),
      file_(std::exchange(other.file_, -1)),
      elf_(std::exchange(other.elf_, nullptr)) {}

ElfReader::~ElfReader() {
  if (elf_ != nullptr) elf_end(elf_);
  if (file_ >= 0) close(file_);
}

absl::StatusOr<ElfReader> ElfReader::Open(const std::string& path) {
  ElfReader reader(path);
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  reader.file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (reader.file_ < 0) return absl::ErrnoToStatus(errno, path);
  struct stat status;
  Prefix prefix = {};
  if (fstat(reader.file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(path + " is not a regular file");
  }
  if (pread(reader.file_, &prefix, sizeof(prefix), 0) < EI_NIDENT ||
      std::memcmp(prefix.ident, ELFMAG, SELFMAG) != 0) {
    return absl::InvalidArgumentError(path + " is not an ELF file");
  }
  const bool little = prefix.ident[EI_DATA] != ELFDATA2MSB;
  const unsigned machine =
      prefix.machine[little ? 0 : 1] | prefix.machine[little ? 1 : 0] << 8;
  const bool wide = prefix.ident[EI_CLASS] == ELFCLASS64;
  reader.machine_ =
      absl::StrCat(MachineName(machine), wide ? ", 64-bit" : ", 32-bit",
                   little ? ", little-endian" : ", big-endian");
  if (prefix.ident[EI_CLASS] != kOwnClass ||
      prefix.ident[EI_DATA] != kOwnOrder) {
    return reader;
  }
  if (static_cast<std::uint64_t>(status.st_size) < sizeof(Elf64_Ehdr)) {
    return reader.Damaged("its header");
  }
  if (machine != kOwnMachine) return reader;
  elf_version(EV_CURRENT);
  // Read, not mapped: a file that shrinks meanwhile would be SIGBUS.
  reader.elf_ = elf_begin(reader.file_, ELF_C_READ, nullptr);
  if (reader.elf_ == nullptr || elf_kind(reader.elf_) != ELF_K_ELF) {
    return reader.Damaged("its header");
  }
  return reader;
}

absl::Status ElfReader::Damaged(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat(path_, " is a damaged ELF file: ", what, " cannot be read"));
}

absl::StatusOr<Elf_Data*> ElfReader::Chunk(std::uint64_t offset,
                                           std::uint64_t bytes,
                                           Elf_Type type) const {
  if (bytes > kMaxTableBytes || offset > INT64_MAX) return Damaged("a table");
  Elf_Data* data =
      elf_getdata_rawchunk(elf_, static_cast<int64_t>(offset), bytes, type);
  if (data == nullptr || (bytes > 0 && data->d_buf == nullptr)) {
    return Damaged("a table");
  }
  return data;
}

absl::StatusOr<Elf_Data*> ElfReader::Data(Elf_Scn* section,
                                          const GElf_Shdr& header) const {
  if (header.sh_size > kMaxTableBytes) return Damaged("a section");
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return Damaged("a section");
  return data;
}

const char* ElfReader::Text(size_t table, size_t offset) const {
  GElf_Shdr header;
  Elf_Scn* const section = elf_getscn(elf_, table);
  if (section == nullptr || gelf_getshdr(section, &header) == nullptr ||
      header.sh_size > kMaxTableBytes) {
    return nullptr;
  }
  return elf_strptr(elf_, table, offset);
}

absl::StatusOr<Elf_Scn*> ElfReader::FindSection(std::uint32_t type,
                                                GElf_Shdr* header) const {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(elf_, section)) != nullptr) {
    if (gelf_getshdr(section, header) == nullptr) {
      return Damaged("a section header");
    }
    if (header->sh_type == type) return section;
  }
  return nullptr;
}

}  // namespace proxymeter::cli
