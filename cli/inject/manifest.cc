#include "cli/inject/manifest.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/inject/manifest_edit.h"

namespace proxymeter::cli {
namespace {

struct Workload {
  std::string_view kind;
  std::string_view group;  ///< in front of the version; empty for the core
  bool ends;
};

constexpr std::array<Workload, 7> kWorkloads = {{{"Pod", "", false},
                                                 {"Deployment", "apps", false},
                                                 {"StatefulSet", "apps", false},
                                                 {"DaemonSet", "apps", false},
                                                 {"ReplicaSet", "apps", false},
                                                 {"Job", "batch", true},
                                                 {"CronJob", "batch", true}}};

// Counts what there is more than one of.
class DocumentCounter : public YAML::EventHandler {
 public:
  int starts() const { return starts_; }

  void OnDocumentStart(const YAML::Mark&) override { ++starts_; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int starts_ = 0;
};

// YAML::Load reads the first document and drops the rest.
absl::Status CheckIsOne(const Document& document) {
  std::istringstream stream(document.text);
  DocumentCounter counter;
  try {
    YAML::Parser parser(stream);
    while (counter.starts() < 2 && parser.HandleNextDocument(counter)) {
    }
  } catch (const YAML::Exception& e) {
    return ErrorAt(document, e.mark, absl::StrCat("YAML syntax: ", e.msg));
  }
  return counter.starts() < 2
             ? absl::OkStatus()
             : ErrorAt(document, YAML::Mark(),
                       "more than one YAML document that no line '---' "
                       "separates");
}

// Where the first byte is that belongs to no character of UTF-8 (RFC 3629), or
// is a NUL: kubectl takes neither, and what is quoted anew could not be
// written.
std::optional<std::size_t> FindNonText(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    const unsigned second = byte(i + 1);
    std::size_t length = 1;
    if (first == 0 || (first >= 0x80 && first < 0xc2) || first > 0xf4) return i;
    if (first >= 0xc2) length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xc0U) != 0x80U) return i;
    }
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
      return i;
    }
    i += length;
  }
  return std::nullopt;
}

absl::Status CheckIsText(std::string_view file, std::string_view text) {
  const auto at = FindNonText(text);
  if (!at.has_value()) return absl::OkStatus();
  const auto line = std::count(text.begin(), text.begin() + *at, '\n') + 1;
  const auto column = *at - (text.substr(0, *at).rfind('\n') + 1) + 1;
  return absl::InvalidArgumentError(absl::StrCat(
      std::string(file), ":", line, ":", column, ": this is no text in UTF-8"));
}

std::string_view GroupOf(std::string_view api_version) {
  const size_t slash = api_version.find('/');
  return slash == std::string_view::npos ? "" : api_version.substr(0, slash);
}

class Injection {
 public:
  Injection(const InjectOptions& options, InjectNotes* notes)
      : options_(options), notes_(*notes) {}

  absl::StatusOr<std::string> Document(const cli::Document& document) {
    if (absl::Status one = CheckIsOne(document); !one.ok()) return one;
    const auto node = ParseDocument(document);
    if (!node.ok()) return node.status();
    if (!node->IsMap()) {
      if (node->IsNull()) return document.text;
      return ErrorAt(document, node->Mark(), "this is no Kubernetes object");
    }
    // Most of what is in manifests is none of ours, whatever is in it.
    const Field top(&document, *node);
    if (!IsList(top) && FindWorkload(top) == nullptr) {
      if (!Word(top, "kind").empty()) return document.text;
      // By way of a merge key, or not at all.
      const auto kind = top.Required("kind");
      return kind.ok() ? kind->Error("a word is expected") : kind.status();
    }
    const auto before = TreeOf(*node, kMostValues);
    if (!before.has_value()) {
      return ErrorAt(document, YAML::Mark(),
                     "more values than any manifest has (aliases?)");
    }
    ManifestEdit edit(&document, *before);
    if (absl::Status done = Object(top, &edit); !done.ok()) return done;
    if (edit.empty()) return document.text;
    return edit.Result();
  }

 private:
  // Tells what an object is without complaining of what is not ours.
  static std::string Word(const Field& object, std::string_view key) {
    if (!object.node().IsMap()) return "";
    for (const auto& entry : object.node()) {
      if (entry.first.IsScalar() && entry.first.Scalar() == key &&
          entry.second.IsScalar()) {
        return entry.second.Scalar();
      }
    }
    return "";
  }

  static const Workload* FindWorkload(const Field& object) {
    const std::string kind = Word(object, "kind");
    const std::string version = Word(object, "apiVersion");
    const auto found = std::find_if(
        kWorkloads.begin(), kWorkloads.end(), [&](const Workload& workload) {
          return workload.kind == kind && workload.group == GroupOf(version);
        });
    return found == kWorkloads.end() ? nullptr : found;
  }

  static bool IsList(const Field& object) {
    return Word(object, "kind") == "List" && Word(object, "apiVersion") == "v1";
  }

  absl::Status Object(const Field& object, ManifestEdit* edit) {
    if (IsList(object)) return List(object, edit);
    const Workload* const workload = FindWorkload(object);
    if (workload == nullptr) return absl::OkStatus();
    if (workload->kind == "Pod") return Pod(object, *workload, edit);
    auto spec = object.Required("spec");
    if (!spec.ok()) return spec.status();
    if (workload->kind == "CronJob") {
      const auto job = spec->Required("jobTemplate");
      if (!job.ok()) return job.status();
      const auto inner = job->Required("spec");
      if (!inner.ok()) return inner.status();
      return Template(*inner, *workload, edit);
    }
    return Template(*spec, *workload, edit);
  }

  absl::Status Template(const Field& spec, const Workload& workload,
                        ManifestEdit* edit) {
    const auto pod = spec.Required("template");
    return pod.ok() ? Pod(*pod, workload, edit) : pod.status();
  }

  absl::Status Pod(const Field& top, const Workload& workload,
                   ManifestEdit* edit) {
    return InjectPod(top, workload.ends, options_, edit, &notes_);
  }

  absl::Status List(const Field& list, ManifestEdit* edit) {
    const auto found = list.Required("items");
    if (!found.ok()) return found.status();
    const auto items = found->Items();
    if (!items.ok()) return items.status();
    for (const Field& item : *items) {
      if (absl::Status done = Object(item, edit); !done.ok()) return done;
    }
    return absl::OkStatus();
  }

  const InjectOptions& options_;
  InjectNotes& notes_;
};

}  // namespace

std::vector<Document> SplitDocuments(std::string_view file,
                                     std::string_view text) {
  constexpr std::string_view kMark = "---";
  std::vector<Document> documents;
  int line = 0;
  const auto begin_one = [&] {
    documents.push_back({std::string(file), line, ""});
  };
  begin_one();
  for (std::size_t at = 0; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view whole = text.substr(at, end - at);
    if (whole.starts_with(kMark) &&
        (whole.size() == kMark.size() ||
         std::string_view(" \t\r\n").find(whole[kMark.size()]) !=
             std::string_view::npos)) {
      begin_one();
    }
    documents.back().text += whole;
    at = end;
  }
  return documents;
}

absl::StatusOr<std::string> InjectManifest(std::string_view file,
                                           std::string_view text,
                                           const InjectOptions& options,
                                           InjectNotes* notes) {
  if (absl::Status status = CheckIsText(file, text); !status.ok()) {
    return status;
  }
  Injection injection(options, notes);
  std::string out;
  for (const Document& document : SplitDocuments(file, text)) {
    const auto injected = injection.Document(document);
    if (!injected.ok()) return injected.status();
    // The next one begins with a line of its own.
    if (!out.empty() && !out.ends_with('\n')) out += '\n';
    out += *injected;
  }
  for (const std::string& name : options.containers) {
    const auto& met = notes->met_containers;
    if (std::find(met.begin(), met.end(), name) == met.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          std::string(file), ": there is no container '", name, "'"));
    }
  }
  return out;
}

}  // namespace proxymeter::cli
