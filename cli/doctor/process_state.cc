#include "cli/doctor/process_state.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/doctor/module_name.h"
#include "cli/doctor/preload_order.h"
#include "cli/preload.h"

namespace proxymeter::cli {
namespace {

constexpr char kRestart[] = "start it anew with 'proxymeter run'";

}  // namespace

Finding ExamineAccess(const ProcessView& process) {
  if (process.modules.has_value() && process.environment.has_value() &&
      process.executable.has_value()) {
    return {"process", Verdict::kOk, "runs " + *process.executable, ""};
  }
  return {"process", Verdict::kUnknown,
          absl::StrCat("user ", process.uid,
                       "'s, and may not be looked into by this user"),
          absl::StrCat("examine it as root, as user ", process.uid,
                       " or with CAP_SYS_PTRACE")};
}

Finding ExamineLoaded(const ProcessView& process) {
  if (!process.modules.has_value()) {
    return {"loaded", Verdict::kUnknown, "its memory map cannot be read", ""};
  }
  const auto module =
      std::find_if(process.modules->begin(), process.modules->end(),
                   [](const MappedFile& file) {
                     return ModuleName(file.path) == kLibraryName;
                   });
  if (module == process.modules->end()) {
    return {"loaded", Verdict::kCannot,
            "libproxymeter.so is not in this process",
            absl::StrCat(kRestart, "; a running process cannot be given it")};
  }
  if (module->deleted) {
    return {"loaded", Verdict::kLimited,
            module->path +
                " is in it, but the file was replaced or removed "
                "since",
            absl::StrCat(kRestart, " to have the present one")};
  }
  return {"loaded", Verdict::kOk, module->path + " is in this process", ""};
}

Finding ExamineSecureMode(const ProcessView& process) {
  if (!process.secure.has_value()) {
    return {"privilege", Verdict::kUnknown, "AT_SECURE cannot be read", ""};
  }
  if (*process.secure) {
    return {"privilege", Verdict::kCannot,
            "it was started with raised privilege (AT_SECURE), for which the "
            "system ignores LD_PRELOAD",
            "start it as the user that it is to run as, without set-ID bits "
            "or file capabilities"};
  }
  return {"privilege", Verdict::kOk, "was started without raised privilege",
          ""};
}

Finding ExamineChildren(const ProcessView& process) {
  if (!process.environment.has_value()) {
    return {"children", Verdict::kUnknown, "its environment cannot be read",
            ""};
  }
  const std::string preload = process.Variable("LD_PRELOAD").value_or("");
  const std::optional<std::string> library = FindOwnEntry(preload);
  if (!library.has_value()) {
    return {"children", Verdict::kLimited,
            "LD_PRELOAD, as it was started, does not name libproxymeter.so: "
            "programs that it starts are not metered",
            "have whoever starts it keep LD_PRELOAD and PROXYMETER_DIR, or let "
            "it start them with 'proxymeter run'"};
  }
  std::error_code ignored;
  if (library->find('/') != std::string::npos &&
      !std::filesystem::is_regular_file(process.Seen(*library), ignored)) {
    return {
        "children", Verdict::kLimited,
        absl::StrCat(*library, " of its LD_PRELOAD is not a file ",
                     process.other_files ? "in the mount namespace it lives in"
                                         : "any more",
                     ": programs that it starts are not metered"),
        "make the library available under that path"};
  }
  return {"children", Verdict::kOk,
          "LD_PRELOAD, as it was started, names the library: programs that it "
          "starts inherit it",
          ""};
}

}  // namespace proxymeter::cli
