#include "cli/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/elf_reader.h"

namespace proxymeter::cli {
namespace {

// The System V ABI sets no limit; no real path or list comes near these.
constexpr std::uint64_t kMaxInterpreterBytes = 4096;
constexpr std::uint64_t kMaxNoteBytes = 1 << 20;
constexpr size_t kMaxNeeded = 4096;
// cmd/internal/buildid of Go's own tool chain: notes of name "Go", type 4.
constexpr std::string_view kGoNoteName = "Go";
constexpr GElf_Word kGoBuildIdNote = 4;
constexpr std::string_view kGoSection = ".go.buildinfo";

/// The text at `offset` of a string table, up to its NUL, which must be there.
std::optional<std::string> TextAt(const Elf_Data& table, std::uint64_t offset) {
  if (offset >= table.d_size) return std::nullopt;
  const char* begin = static_cast<const char*>(table.d_buf) + offset;
  const void* end = std::memchr(begin, '\0', table.d_size - offset);
  if (end == nullptr) return std::nullopt;
  return std::string(begin, static_cast<const char*>(end));
}

/// Reads one file segment by segment.
class SegmentParser {
 public:
  SegmentParser(const ElfReader& reader, ElfFile* file)
      : reader_(reader), file_(file) {}

  absl::Status Parse() {
    // libelf counts those that the file has room for; the kernel wants all.
    GElf_Ehdr header;
    size_t count;
    if (gelf_getehdr(reader_.elf(), &header) == nullptr ||
        elf_getphdrnum(reader_.elf(), &count) != 0 || count < header.e_phnum) {
      return reader_.Damaged("its list of segments");
    }
    segments_.resize(std::min<size_t>(count, PN_XNUM));
    for (size_t i = 0; i < segments_.size(); ++i) {
      if (gelf_getphdr(reader_.elf(), static_cast<int>(i), &segments_[i]) ==
          nullptr) {
        return reader_.Damaged("its list of segments");
      }
    }
    for (const GElf_Phdr& segment : segments_) {
      absl::Status status;
      if (segment.p_type == PT_INTERP) status = ParseInterpreter(segment);
      if (segment.p_type == PT_DYNAMIC) status = ParseDynamic(segment);
      if (segment.p_type == PT_NOTE) ParseNotes(segment);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status ParseInterpreter(const GElf_Phdr& segment) {
    if (segment.p_filesz > kMaxInterpreterBytes) {
      return reader_.Damaged("the name of its loader");
    }
    const auto data =
        reader_.Chunk(segment.p_offset, segment.p_filesz, ELF_T_BYTE);
    if (!data.ok()) return data.status();
    const auto text = TextAt(**data, 0);
    if (!text.has_value()) return reader_.Damaged("the name of its loader");
    file_->interpreter = *text;
    return absl::OkStatus();
  }

  /// Where in the file the address lies when it is loaded.
  std::optional<std::uint64_t> OffsetOf(std::uint64_t address) const {
    for (const GElf_Phdr& segment : segments_) {
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
          address - segment.p_vaddr < segment.p_filesz) {
        return segment.p_offset + (address - segment.p_vaddr);
      }
    }
    return std::nullopt;
  }

  absl::Status ParseDynamic(const GElf_Phdr& segment) {
    const auto entries =
        reader_.Chunk(segment.p_offset, segment.p_filesz, ELF_T_DYN);
    if (!entries.ok()) return entries.status();
    std::vector<std::uint64_t> needed;
    std::optional<std::uint64_t> run_path, old_path, table, table_bytes;
    GElf_Dyn entry;
    for (int i = 0; gelf_getdyn(*entries, i, &entry) != nullptr; ++i) {
      if (entry.d_tag == DT_NULL) break;
      const std::uint64_t value = entry.d_un.d_val;
      if (entry.d_tag == DT_NEEDED) needed.push_back(value);
      if (entry.d_tag == DT_RUNPATH) run_path = value;
      if (entry.d_tag == DT_RPATH) old_path = value;
      if (entry.d_tag == DT_STRTAB) table = OffsetOf(value);
      if (entry.d_tag == DT_STRSZ) table_bytes = value;
    }
    const auto path = run_path.has_value() ? run_path : old_path;
    if (needed.empty() && !path.has_value()) return absl::OkStatus();
    if (!table.has_value() || !table_bytes.has_value() ||
        needed.size() > kMaxNeeded) {
      return reader_.Damaged("its list of libraries");
    }
    const auto texts = reader_.Chunk(*table, *table_bytes, ELF_T_BYTE);
    if (!texts.ok()) return texts.status();
    for (const std::uint64_t offset : needed) {
      const auto name = TextAt(**texts, offset);
      if (!name.has_value()) return reader_.Damaged("its list of libraries");
      file_->needed.push_back(*name);
    }
    if (path.has_value()) {
      const auto text = TextAt(**texts, *path);
      if (!text.has_value()) return reader_.Damaged("its library path");
      file_->search_path = *text;
    }
    return absl::OkStatus();
  }

  /// A bad note says nothing, but does not keep the program from running.
  void ParseNotes(const GElf_Phdr& segment) {
    if (segment.p_filesz > kMaxNoteBytes) return;
    const auto data =
        reader_.Chunk(segment.p_offset, segment.p_filesz,
                      segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (!data.ok()) return;
    GElf_Nhdr note;
    size_t name, description;
    for (size_t at = 0;
         (at = gelf_getnote(*data, at, &note, &name, &description)) > 0;) {
      const std::string_view bytes(
          static_cast<const char*>((*data)->d_buf) + name, note.n_namesz);
      if (note.n_type == kGoBuildIdNote &&
          bytes.substr(0, bytes.find('\0')) == kGoNoteName) {
        file_->go = true;
      }
    }
  }

  const ElfReader& reader_;
  ElfFile* const file_;
  std::vector<GElf_Phdr> segments_;
};

/// Section headers may be stripped from a program that runs: none is no error.
bool HasSection(const ElfReader& reader, std::string_view name) {
  size_t names;
  if (elf_getshdrstrndx(reader.elf(), &names) != 0) return false;
  GElf_Shdr header;
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(reader.elf(), section)) != nullptr) {
    if (gelf_getshdr(section, &header) == nullptr) return false;
    const char* text = reader.Text(names, header.sh_name);
    if (text != nullptr && text == name) return true;
  }
  return false;
}

absl::StatusOr<ElfReader> OpenForThisMachine(const std::string& path) {
  auto reader = ElfReader::Open(path);
  if (reader.ok() && !reader->for_this_machine()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is built for ", reader->machine()));
  }
  return reader;
}

/// Sets, for each dynamic symbol that a relocation names, its place in `bound`.
absl::Status MarkRelocated(const ElfReader& reader, size_t symbols,
                           std::vector<bool>* bound) {
  Elf_Scn* section = nullptr;
  while ((section = elf_nextscn(reader.elf(), section)) != nullptr) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr) {
      return reader.Damaged("a section header");
    }
    const bool addends = header.sh_type == SHT_RELA;
    if ((!addends && header.sh_type != SHT_REL) || header.sh_link != symbols ||
        header.sh_size == 0) {
      continue;
    }
    const auto data = reader.Data(section, header);
    if (!data.ok()) return data.status();
    for (int i = 0;; ++i) {
      std::uint64_t info;
      GElf_Rela with;
      GElf_Rel without;
      if (addends) {
        if (gelf_getrela(*data, i, &with) == nullptr) break;
        info = with.r_info;
      } else {
        if (gelf_getrel(*data, i, &without) == nullptr) break;
        info = without.r_info;
      }
      const std::uint64_t symbol = GELF_R_SYM(info);
      if (symbol < bound->size()) (*bound)[symbol] = true;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ElfFile> ReadElfFile(const std::string& path) {
  const auto reader = ElfReader::Open(path);
  if (!reader.ok()) return reader.status();
  ElfFile file;
  file.machine = reader->machine();
  file.for_this_machine = reader->for_this_machine();
  if (!file.for_this_machine) return file;
  if (const auto status = SegmentParser(*reader, &file).Parse(); !status.ok()) {
    return status;
  }
  file.go = file.go || HasSection(*reader, kGoSection);
  return file;
}

absl::StatusOr<SymbolUses> ReadSymbolUses(
    const std::string& path, const std::vector<std::string>& names) {
  const auto reader = OpenForThisMachine(path);
  if (!reader.ok()) return reader.status();
  GElf_Shdr header;
  const auto section = reader->FindSection(SHT_DYNSYM, &header);
  if (!section.ok()) return section.status();
  if (*section == nullptr) return reader->Damaged("a table of symbols");
  const auto data = reader->Data(*section, header);
  if (!data.ok()) return data.status();
  const size_t count = (*data)->d_size / sizeof(Elf64_Sym);
  std::vector<bool> bound(count);
  if (const auto status = MarkRelocated(*reader, elf_ndxscn(*section), &bound);
      !status.ok()) {
    return status;
  }
  SymbolUses uses;
  for (size_t i = 1; i < count; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(*data, static_cast<int>(i), &symbol) == nullptr) break;
    const char* name = reader->Text(header.sh_link, symbol.st_name);
    if (name == nullptr) return reader->Damaged("the name of a symbol");
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    SymbolUse& use = uses[name];
    use.defined = use.defined || symbol.st_shndx != SHN_UNDEF;
    use.bound = use.bound || bound[i];
  }
  return uses;
}

absl::StatusOr<std::vector<std::string>> ReadDefinedVersions(
    const std::string& path) {
  const auto reader = OpenForThisMachine(path);
  if (!reader.ok()) return reader.status();
  std::vector<std::string> versions;
  GElf_Shdr header;
  const auto section = reader->FindSection(SHT_GNU_verdef, &header);
  if (!section.ok()) return section.status();
  if (*section == nullptr) return versions;
  const auto data = reader->Data(*section, header);
  if (!data.ok()) return data.status();
  // sh_info counts the definitions, but offsets could turn in a circle.
  const size_t most = (*data)->d_size / sizeof(Elf64_Verdef);
  GElf_Verdef definition;
  std::uint64_t at = 0;
  for (size_t i = 0; i < most && at <= INT32_MAX; ++i) {
    GElf_Verdaux name;
    if (gelf_getverdef(*data, static_cast<int>(at), &definition) == nullptr ||
        at + definition.vd_aux > INT32_MAX ||
        gelf_getverdaux(*data, static_cast<int>(at + definition.vd_aux),
                        &name) == nullptr) {
      return reader->Damaged("a symbol version");
    }
    const char* text = reader->Text(header.sh_link, name.vda_name);
    if (text == nullptr) return reader->Damaged("a symbol version");
    versions.emplace_back(text);
    if (definition.vd_next == 0) break;
    at += definition.vd_next;
  }
  return versions;
}

}  // namespace proxymeter::cli
