// What an ELF file says about how it is loaded (System V gABI), read by
// elfutils' libelf. Files are taken for hostile: whatever is wrong with one is
// an error, and no table beyond a bound is read.
#ifndef PROXYMETER_CLI_ELF_FILE_H_
#define PROXYMETER_CLI_ELF_FILE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace proxymeter::cli {

struct ElfFile {
  /// For people: "x86-64, 64-bit, little-endian".
  std::string machine;
  /// Word size, byte order and machine are those of this program. All below is
  /// known only for such files.
  bool for_this_machine = false;
  /// The dynamic loader that it asks for (PT_INTERP); empty for none.
  std::string interpreter;
  /// Names of the libraries that it is linked with (DT_NEEDED), in order.
  std::vector<std::string> needed;
  /// Folders to look for them in, as it stands there: DT_RUNPATH, else
  /// DT_RPATH.
  std::string search_path;
  /// Built by Go: it has a section .go.buildinfo or a note with a Go build ID.
  bool go = false;
};

/// Fails with NOT_FOUND, PERMISSION_DENIED or UNAVAILABLE when the file cannot
/// be read, with INVALID_ARGUMENT when it is not ELF or damaged.
absl::StatusOr<ElfFile> ReadElfFile(const std::string& path);

struct SymbolUse {
  bool defined = false;  ///< the file exports it
  /// Some relocation names it: the dynamic loader decides whose it is, and a
  /// preloaded library comes first.
  bool bound = false;
};
using SymbolUses = std::map<std::string, SymbolUse, std::less<>>;

/// How the file uses the dynamic symbols `names`; those that it does not
/// mention are left out. Errors as of ReadElfFile; a file for another machine
/// and one without section headers are errors too.
absl::StatusOr<SymbolUses> ReadSymbolUses(
    const std::string& path, const std::vector<std::string>& names);

/// The symbol versions that the library defines, such as "GLIBC_2.17". Errors
/// as of ReadSymbolUses.
absl::StatusOr<std::vector<std::string>> ReadDefinedVersions(
    const std::string& path);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_ELF_FILE_H_
