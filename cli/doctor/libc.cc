#include "cli/doctor/libc.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/doctor/module_name.h"
#include "cli/elf_file.h"

namespace proxymeter::cli {
namespace {

constexpr int kMajor = 1000;
// libproxymeter.so needs no symbol of a later version (test_library.py).
constexpr int kOldestGlibc = 2 * kMajor + 17;

Finding ExamineGlibc(const std::vector<std::string>& modules) {
  const auto libc =
      std::find_if(modules.begin(), modules.end(), [](const std::string& path) {
        // Before 2.34 Debian's file was named libc-2.31.so.
        const std::string_view name = ModuleName(path);
        return name == "libc.so.6" || name.substr(0, 7) == "libc-2.";
      });
  if (libc == modules.end()) {
    return {"libc", Verdict::kUnknown, "glibc, but its libc.so.6 is not found",
            "examine the process instead: proxymeter doctor PID"};
  }
  const auto versions = ReadDefinedVersions(*libc);
  if (!versions.ok()) {
    return {
        "libc", Verdict::kUnknown,
        absl::StrCat("glibc of unknown version: ", versions.status().message()),
        ""};
  }
  int newest = 0;
  for (const std::string& version : *versions) {
    newest = std::max(newest, GlibcVersion(version).value_or(0));
  }
  const std::string found =
      absl::StrCat("glibc with symbols up to ", newest / kMajor, ".",
                   newest % kMajor, " (", *libc, ")");
  if (newest < kOldestGlibc) {
    return {"libc", Verdict::kCannot, found + "; 2.17 is needed",
            "use an image with glibc 2.17 (2012) or newer"};
  }
  return {"libc", Verdict::kOk, found, ""};
}

}  // namespace

std::optional<int> GlibcVersion(std::string_view symbol_version) {
  absl::string_view text(symbol_version.data(), symbol_version.size());
  if (!absl::ConsumePrefix(&text, "GLIBC_")) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  int major, minor;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) ||
      !absl::SimpleAtoi(parts[1], &minor) || major < 0 || major > 100 ||
      minor < 0 || minor >= kMajor) {
    return std::nullopt;
  }
  return major * kMajor + minor;
}

Finding ExamineLibc(std::string_view interpreter,
                    const std::vector<std::string>& modules) {
  if (interpreter.empty()) {
    return {"libc", Verdict::kUnknown, "none that is loaded", ""};
  }
  const std::string loader(ModuleName(interpreter));
  if (absl::StartsWith(loader, "ld-musl-")) {
    return {"libc", Verdict::kLimited,
            absl::StrCat("musl (", std::string(interpreter),
                         "): the library loads and counts there, but it is "
                         "made for glibc and little of it is tried on musl"),
            "compare with the proxy's own figures before relying on it, or use "
            "an image with glibc"};
  }
  if (absl::StartsWith(loader, "ld-linux") ||
      absl::StartsWith(loader, "ld-2.") ||
      absl::StartsWith(loader, "ld64.so")) {
    return ExamineGlibc(modules);
  }
  return {"libc", Verdict::kUnknown,
          absl::StrCat("neither glibc nor musl: its loader is ",
                       std::string(interpreter)),
          "use an image with glibc 2.17 or newer"};
}

}  // namespace proxymeter::cli
