#include "cli/doctor/program_image.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cli/program_file.h"

namespace proxymeter::cli {
namespace {

constexpr char kShell[] = "/bin/sh";
// The kernel follows no more interpreters of interpreters (BINPRM recursion).
constexpr size_t kMaxScripts = 5;

/// The first bytes of a file: as many as the kernel looks at for the line
/// (BINPRM_BUF_SIZE, 256), and then some.
std::string FirstBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(512, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  return bytes;
}

/// The program that env(1) would run, of the words behind "env".
std::optional<std::string> EnvCommand(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    absl::string_view word = words[i];
    if (word == "-u" || word == "-C") {  // these take a word of their own
      ++i;
      continue;
    }
    // -S splits what follows, which has happened here already.
    if (absl::ConsumePrefix(&word, "-S") ||
        absl::ConsumePrefix(&word, "--split-string=")) {
      if (word.empty()) continue;
    }
    if (absl::StartsWith(word, "-") || absl::StrContains(word, "=")) continue;
    return std::string(word.data(), word.size());
  }
  return std::nullopt;
}

/// What a script's first line, without "#!", has it interpreted by.
absl::StatusOr<std::string> Interpreter(const std::string& script,
                                        std::string_view line,
                                        const char* path_variable) {
  std::vector<std::string> words =
      absl::StrSplit(absl::string_view(line.data(), line.size()),
                     absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  if (words.empty()) {
    return absl::InvalidArgumentError(script + " names no interpreter");
  }
  std::string interpreter = std::move(words.front());
  words.erase(words.begin());
  if (interpreter.substr(interpreter.rfind('/') + 1) != "env") {
    return interpreter;
  }
  const auto command = EnvCommand(words);
  if (!command.has_value()) return interpreter;
  const auto file = ResolveCommand(*command, path_variable);
  if (file.has_value()) return *file;
  return absl::NotFoundError(
      absl::StrCat(script, " asks env for ", *command, ", which is not there"));
}

}  // namespace

absl::StatusOr<ProgramImage> FindImage(const std::string& program,
                                       const char* path_variable) {
  ProgramImage image;
  image.path = program;
  for (;;) {
    struct stat status;
    if (stat(image.path.c_str(), &status) != 0) {
      return absl::ErrnoToStatus(errno, image.path);
    }
    auto elf = ReadElfFile(image.path);
    if (elf.ok()) {
      image.elf = *std::move(elf);
      return image;
    }
    if (!absl::IsInvalidArgument(elf.status()) || !S_ISREG(status.st_mode)) {
      return elf.status();
    }
    const std::string bytes = FirstBytes(image.path);
    if (absl::StartsWith(bytes, "\177ELF")) return elf.status();
    if (image.scripts.size() == kMaxScripts) {
      return absl::FailedPreconditionError(absl::StrCat(
          program, " is a script whose interpreters are scripts, more than ",
          kMaxScripts, " deep"));
    }
    std::string next = kShell;
    if (absl::StartsWith(bytes, "#!")) {
      auto interpreter = Interpreter(
          image.path, std::string_view(bytes).substr(2, bytes.find('\n') - 2),
          path_variable);
      if (!interpreter.ok()) return interpreter.status();
      next = *std::move(interpreter);
    } else if (bytes.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(image.path +
                                        " is neither a program nor a script");
    }
    image.scripts.push_back(std::exchange(image.path, std::move(next)));
  }
}

}  // namespace proxymeter::cli
