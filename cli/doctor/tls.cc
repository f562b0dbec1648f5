#include "cli/doctor/tls.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string_view>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/doctor/module_name.h"
#include "cli/elf_file.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;

/// A family of libraries with one programming interface.
struct Family {
  const char* name;
  /// Begins the names of its shared libraries.
  const char* prefix;
  /// What callers send and receive plaintext with.
  std::vector<std::string> functions;
};

const std::vector<Family>& InterceptableFamilies() {
  static const auto& families = *new std::vector<Family>{
      {"OpenSSL",
       "libssl.so",
       {"SSL_write", "SSL_write_ex", "SSL_write_ex2", "SSL_read",
        "SSL_read_ex"}},
      {"GnuTLS",
       "libgnutls.so",
       {"gnutls_record_send", "gnutls_record_send2", "gnutls_record_recv"}}};
  return families;
}

/// Libraries whose calls nothing here intercepts.
constexpr struct {
  const char* prefix;
  const char* name;
} kOthers[] = {{"libssl3.so", "NSS"},
               {"libjvm.so", "Java's own (JSSE)"},
               {"libjli.so", "Java's own (JSSE)"},
               {"libmbedtls.so", "mbed TLS"},
               {"libwolfssl.so", "wolfSSL"},
               {"libs2n.so", "s2n"},
               {"librustls.so", "rustls"}};

std::vector<std::string> AllFunctions() {
  std::vector<std::string> names;
  for (const Family& family : InterceptableFamilies()) {
    names.insert(names.end(), family.functions.begin(), family.functions.end());
  }
  return names;
}

/// What was found of one family or other library.
struct Use {
  bool loaded = false;              ///< its shared library is among the modules
  std::vector<std::string> seen;    ///< modules whose calls are intercepted
  std::vector<std::string> unseen;  ///< whose calls go there, but are not
  std::vector<std::string> inside;  ///< that carry it and call it directly
};

void Note(const Family& family, std::string_view module, const SymbolUses& uses,
          const std::set<std::string>& intercepted, Use* use) {
  bool seen = false, bound = false, defined = false;
  for (const std::string& function : family.functions) {
    const auto it = uses.find(function);
    if (it == uses.end()) continue;
    defined = defined || it->second.defined;
    bound = bound || it->second.bound;
    seen = seen || (it->second.bound && intercepted.contains(function));
  }
  const std::string name(module);
  if (seen) {
    use->seen.push_back(name);
  } else if (bound) {
    use->unseen.push_back(name);
  } else if (defined) {
    use->inside.push_back(name);
  }
}

constexpr char kInferred[] = "bytes and server names, requests inferred";

std::string Callers(std::vector<std::string> names) {
  constexpr size_t kMost = 3;
  const size_t more = names.size() > kMost ? names.size() - kMost : 0;
  names.resize(std::min(names.size(), kMost));
  std::string text = absl::StrJoin(names, ", ");
  if (more > 0) absl::StrAppend(&text, " and ", more, " more");
  return text;
}

void Describe(const std::string& family, const Use& use, Verdict* verdict,
              std::vector<std::string>* phrases) {
  const auto say = [&](Verdict reached, std::string phrase) {
    if (reached == Verdict::kOk || *verdict != Verdict::kOk) *verdict = reached;
    phrases->insert(reached == Verdict::kOk ? phrases->begin() : phrases->end(),
                    std::move(phrase));
  };
  if (!use.seen.empty()) {
    say(Verdict::kOk,
        absl::StrCat(family, ", called by ", Callers(use.seen), ": plaintext"));
  }
  if (!use.unseen.empty()) {
    say(Verdict::kLimited, absl::StrCat(family, ", called by ",
                                        Callers(use.unseen), ": ", kInferred));
  }
  if (!use.inside.empty()) {
    say(Verdict::kLimited,
        absl::StrCat(family, " inside ", Callers(use.inside),
                     ", called past the dynamic linker: ", kInferred));
  }
}

std::vector<std::string> Matches(const std::string& pattern) {
  glob_t found = {};
  const absl::Cleanup release = [&found] { globfree(&found); };
  if (glob(pattern.c_str(), 0, nullptr, &found) != 0) return {};
  return {found.gl_pathv, found.gl_pathv + found.gl_pathc};
}

}  // namespace

std::set<std::string> InterceptedTlsFunctions(const std::string& library) {
  std::set<std::string> names;
  const auto uses = ReadSymbolUses(library, AllFunctions());
  if (!uses.ok()) return names;
  for (const auto& [name, use] : *uses) {
    if (use.defined) names.insert(name);
  }
  return names;
}

Finding ExamineTls(const std::vector<std::string>& modules,
                   const std::set<std::string>& intercepted, bool all_loaded) {
  const std::vector<std::string> functions = AllFunctions();
  std::map<std::string, Use> families;
  std::set<std::string> others;
  std::vector<std::string> unreadable;
  for (const std::string& path : modules) {
    const std::string_view module = ModuleName(path);
    bool is_library = false;
    for (const Family& family : InterceptableFamilies()) {
      if (!absl::StartsWith(std::string(module), family.prefix)) continue;
      families[family.name].loaded = is_library = true;
    }
    for (const auto& other : kOthers) {
      if (!absl::StartsWith(std::string(module), other.prefix)) continue;
      others.insert(other.name);
      is_library = true;
    }
    // Our own library defines them all.
    if (is_library || module == "libproxymeter.so") continue;
    const auto uses = ReadSymbolUses(path, functions);
    if (!uses.ok()) {
      if (!absl::IsInvalidArgument(uses.status())) {
        unreadable.emplace_back(module);
      }
      continue;
    }
    for (const Family& family : InterceptableFamilies()) {
      Use use;
      Note(family, module, *uses, intercepted, &use);
      if (use.seen.empty() && use.unseen.empty() && use.inside.empty())
        continue;
      Use& all = families[family.name];
      all.seen.insert(all.seen.end(), use.seen.begin(), use.seen.end());
      all.unseen.insert(all.unseen.end(), use.unseen.begin(), use.unseen.end());
      all.inside.insert(all.inside.end(), use.inside.begin(), use.inside.end());
    }
  }

  Finding finding = {kTlsExamination, Verdict::kUnknown, "", ""};
  std::vector<std::string> phrases;
  for (const auto& [name, use] : families) {
    Describe(name, use, &finding.verdict, &phrases);
    if (use.loaded && use.seen.empty() && use.unseen.empty()) {
      phrases.push_back(name + ", but nothing seen that calls it");
    }
  }
  for (const std::string& name : others) {
    if (finding.verdict != Verdict::kOk) finding.verdict = Verdict::kLimited;
    phrases.push_back(absl::StrCat(name, ": ", kInferred));
  }
  if (!unreadable.empty()) {
    phrases.push_back("could not be read: " + Callers(unreadable));
  }
  finding.found = absl::StrJoin(phrases, "; ");
  if (finding.verdict == Verdict::kLimited) {
    finding.advice =
        "inferred requests are more or less right, and have no responses: "
        "where they must be exact, count at the proxy or in the program";
  }
  if (finding.verdict == Verdict::kUnknown) {
    if (phrases.empty()) finding.found = "no TLS library found";
    finding.advice =
        all_loaded
            ? "one may be loaded later, or be part of the program: look again "
              "when it has spoken TLS"
            : "one may be loaded as it runs, or be part of the program: "
              "examine "
              "the running process (proxymeter doctor PID)";
  }
  return finding;
}

std::vector<std::string> PythonTlsModules(const std::string& program) {
  std::error_code error;
  const fs::path path = fs::canonical(program, error);
  const std::string name = path.filename().string();
  if (error || !absl::StartsWith(name, "python3")) return {};
  return Matches((path.parent_path().parent_path() / "lib" / name /
                  "lib-dynload" / "_ssl.*.so")
                     .string());
}

}  // namespace proxymeter::cli
