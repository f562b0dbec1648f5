#include "cli/doctor/sanitizer.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace proxymeter::cli {
namespace {

constexpr char kOption[] = "verify_asan_link_order";

bool Needs(const ElfFile& file, const char* prefix) {
  return std::any_of(
      file.needed.begin(), file.needed.end(),
      [&](const std::string& name) { return absl::StartsWith(name, prefix); });
}

}  // namespace

bool HasSharedAsan(const ElfFile& file) {
  // GCC's name and clang's.
  return Needs(file, "libasan.so") || Needs(file, "libclang_rt.asan");
}

std::string AllowPreloadIntoAsan(const std::string& current) {
  if (absl::StrContains(current, kOption)) return current;
  return absl::StrCat(current, current.empty() ? "" : ":", kOption, "=0");
}

Finding ExamineSanitizer(const ElfFile& file, std::string_view asan_options) {
  if (HasSharedAsan(file)) {
    const std::string found =
        "AddressSanitizer as a library, which aborts when it is not the first";
    if (absl::StrContains(
            absl::string_view(asan_options.data(), asan_options.size()),
            kOption)) {
      return {"sanitizer", Verdict::kOk,
              absl::StrCat(found, "; ", kAsanVariable, " speaks of that"), ""};
    }
    return {"sanitizer", Verdict::kOk, found,
            absl::StrCat("'proxymeter run' sets ", kAsanVariable, "=", kOption,
                         "=0; set it yourself when you preload by hand")};
  }
  if (Needs(file, "libtsan.so") || Needs(file, "libclang_rt.tsan")) {
    return {"sanitizer", Verdict::kLimited,
            "ThreadSanitizer: small programs run under the meter, but curl "
            "has been seen to hang",
            "meter a build without it"};
  }
  return {"sanitizer", Verdict::kOk, "none that minds being preloaded into",
          ""};
}

}  // namespace proxymeter::cli
