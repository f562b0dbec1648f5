#include "cli/doctor/loading.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cli/program_file.h"

namespace proxymeter::cli {
namespace {

constexpr char kElsewhere[] =
    "count at the proxy instead, or use a client that calls the system's libc";

bool HasFileCapabilities(const std::string& path) {
  return getxattr(path.c_str(), "security.capability", nullptr, 0) > 0;
}

bool IgnoresSetId(const std::string& path, const Identity& identity) {
  struct statvfs system;
  return identity.no_new_privileges || (statvfs(path.c_str(), &system) == 0 &&
                                        (system.f_flag & ST_NOSUID) != 0);
}

}  // namespace

Identity OwnIdentity() {
  return {getuid(), getgid(), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1};
}

Finding ExamineMachine(const ProgramImage& image) {
  if (image.elf.for_this_machine) {
    return {"machine", Verdict::kOk, image.elf.machine, ""};
  }
  return {"machine", Verdict::kCannot,
          absl::StrCat(image.path, " is built for another kind of machine (",
                       image.elf.machine, ") than libproxymeter.so"),
          "use a libproxymeter.so built for that machine"};
}

Finding ExamineLinking(const ProgramImage& image) {
  const bool fixed = image.elf.interpreter.empty();
  if (image.elf.go) {
    return {"linking", Verdict::kCannot,
            absl::StrCat(image.path, " is a Go program",
                         fixed ? ", statically linked" : "",
                         ", and Go makes its system calls without libc"),
            kElsewhere};
  }
  if (fixed) {
    return {"linking", Verdict::kCannot,
            image.path + " is statically linked and loads no library",
            kElsewhere};
  }
  return {"linking", Verdict::kOk,
          "dynamic, loaded by " + image.elf.interpreter, ""};
}

Finding ExaminePrivilege(const ProgramImage& image, const Identity& identity) {
  struct stat file;
  if (stat(image.path.c_str(), &file) != 0) {
    return {"privilege", Verdict::kUnknown, image.path + " cannot be read", ""};
  }
  const bool ignored = IgnoresSetId(image.path, identity);
  if (!ignored && RaisesPrivilege(file, identity.uid, identity.gid)) {
    return {"privilege", Verdict::kCannot,
            absl::StrCat(image.path,
                         " is set-user-ID or set-group-ID, for which the "
                         "system ignores LD_PRELOAD"),
            "run it as the file's owner, or a copy without these bits"};
  }
  if (!ignored && identity.uid != 0 && HasFileCapabilities(image.path)) {
    return {"privilege", Verdict::kCannot,
            absl::StrCat(image.path,
                         " has file capabilities, for which the system "
                         "ignores LD_PRELOAD"),
            "run a copy without them, and give capabilities to the process "
            "(ambient) instead"};
  }
  return {"privilege", Verdict::kOk, "raises no privilege", ""};
}

std::optional<std::string> WhyNotMetered(const ProgramImage& image) {
  Finding finding = ExamineMachine(image);
  if (finding.verdict != Verdict::kCannot) finding = ExamineLinking(image);
  if (finding.verdict != Verdict::kCannot) {
    finding = ExaminePrivilege(image, OwnIdentity());
  }
  if (finding.verdict != Verdict::kCannot) return std::nullopt;
  return finding.found;
}

}  // namespace proxymeter::cli
