// An ELF file for this machine, open for libelf.
#ifndef PROXYMETER_CLI_ELF_READER_H_
#define PROXYMETER_CLI_ELF_READER_H_

#include <gelf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace proxymeter::cli {

/// Owns the descriptor and libelf's handle.
class ElfReader {
 public:
  /// Tables beyond this are refused: a sparse file may claim any size.
  static constexpr std::uint64_t kMaxTableBytes = std::uint64_t{256} << 20;

  /// Errors as of ReadElfFile. Of a file for another machine only machine() is
  /// known.
  static absl::StatusOr<ElfReader> Open(const std::string& path);
  ElfReader(ElfReader&& other) noexcept;
  ElfReader& operator=(ElfReader&&) = delete;
  ~ElfReader();

  bool for_this_machine() const { return elf_ != nullptr; }
  const std::string& machine() const { return machine_; }
  /// nullptr for another machine's file.
  Elf* elf() const { return elf_; }

  absl::Status Damaged(absl::string_view what) const;

  /// `bytes` bytes from `offset`, converted as `type`. Fails beyond the file's
  /// end. Lives as long as the reader.
  absl::StatusOr<Elf_Data*> Chunk(std::uint64_t offset, std::uint64_t bytes,
                                  Elf_Type type) const;

  /// What a section holds; fails for one beyond the bound.
  absl::StatusOr<Elf_Data*> Data(Elf_Scn* section,
                                 const GElf_Shdr& header) const;

  /// The text at `offset` of the string table in section `table`; nullptr when
  /// there is none.
  const char* Text(size_t table, size_t offset) const;

  /// The first section of this type, nullptr when there is none; its header is
  /// put into `*header`.
  absl::StatusOr<Elf_Scn*> FindSection(std::uint32_t type,
                                       GElf_Shdr* header) const;

 private:
  explicit ElfReader(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::string machine_;
  int file_ = -1;
  Elf* elf_ = nullptr;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_ELF_READER_H_
