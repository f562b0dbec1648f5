#include "cli/doctor/preload_order.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/doctor/library_search.h"
#include "cli/doctor/module_name.h"
#include "cli/elf_file.h"
#include "cli/preload.h"

namespace proxymeter::cli {
namespace {

/// With these a program learns the address of a proxy's name. One that is
/// answered in front of us leaves us an address without a name. Other calls
/// come through, for a library hands them on to the next.
const std::vector<std::string>& Resolvers() {
  static const auto& names =
      *new std::vector<std::string>{"getaddrinfo", "gethostbyname"};
  return names;
}

std::vector<std::string> Entries(const std::string& preload) {
  return absl::StrSplit(preload, absl::ByAnyChar(": "), absl::SkipEmpty());
}

}  // namespace

std::optional<std::string> FindOwnEntry(const std::string& preload) {
  for (const std::string& entry : Entries(preload)) {
    if (ModuleName(entry) == kLibraryName) return entry;
  }
  return std::nullopt;
}

Finding ExaminePreloadOrder(
    const std::string& preload,
    const std::function<std::string(const std::string&)>& seen) {
  std::vector<std::string> front, resolving, unreadable;
  for (const std::string& entry : Entries(preload)) {
    if (ModuleName(entry) == kLibraryName) break;
    front.push_back(entry);
    const auto path = FindLibraryFile(entry);
    const auto uses =
        ReadSymbolUses(path.has_value() ? *path : seen(entry), Resolvers());
    if (!uses.ok()) {
      unreadable.push_back(entry);
      continue;
    }
    for (const auto& [name, use] : *uses) {
      if (!use.defined) continue;
      resolving.push_back(entry);
      break;
    }
  }
  if (!resolving.empty()) {
    return {"preload", Verdict::kLimited,
            absl::StrCat(absl::StrJoin(resolving, ", "),
                         " in front of libproxymeter.so resolves names itself: "
                         "rules with a host may not match"),
            "put libproxymeter.so in front of it in LD_PRELOAD, or match the "
            "vendor by cidr"};
  }
  if (!unreadable.empty()) {
    return {"preload", Verdict::kUnknown,
            "in front of libproxymeter.so, and not readable: " +
                absl::StrJoin(unreadable, ", "),
            "check LD_PRELOAD"};
  }
  if (front.empty()) {
    return {"preload", Verdict::kOk, "nothing in front of libproxymeter.so",
            ""};
  }
  return {"preload", Verdict::kOk,
          absl::StrCat(absl::StrJoin(front, ", "),
                       " in front of libproxymeter.so, and not in its way"),
          ""};
}

}  // namespace proxymeter::cli
