#include "cli/doctor/pod.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/directory.h"
#include "cli/doctor/policy_file.h"
#include "cli/doctor/socket_owners.h"
#include "collector/policy/policy_summary.h"

namespace proxymeter::cli {
namespace {

using collector::TcpSocket;

constexpr std::chrono::seconds kPatience{3};
constexpr int kMaxGenerations = 64;

/// Of the rules, without suffixes: which names are below one nobody tells.
std::vector<std::string> ExactHosts(const PolicyFile& policy) {
  std::set<std::string> hosts;
  const auto summary = collector::SummarisePolicy(policy.text());
  if (!summary.ok()) return {};
  for (const auto& rule : summary->rules) {
    for (const std::string& host : rule.hosts) {
      if (!absl::StartsWith(host, "*.")) hosts.insert(host);
    }
  }
  return {hosts.begin(), hosts.end()};
}

collector::HostAddresses AddressesOf(std::vector<std::string> hosts) {
  std::vector<std::string> beyond;
  if (hosts.size() > collector::kMaxHosts) {
    beyond.assign(hosts.begin() + collector::kMaxHosts, hosts.end());
    hosts.resize(collector::kMaxHosts);
  }
  collector::HostAddresses found = collector::ResolveHosts(hosts, kPatience);
  found.unresolved.insert(found.unresolved.end(), beyond.begin(), beyond.end());
  return found;
}

void Add(const VendorConnection& connection, Talker* talker) {
  const TcpSocket& socket = connection.socket;
  talker->vendors.insert(connection.vendor);
  ++talker->connections;
  if (!socket.has_counts) return;
  talker->sent = talker->sent.value_or(0) + socket.sent;
  talker->received = talker->received.value_or(0) + socket.received -
                     (collector::HasFin(socket) ? 1 : 0);
}

std::string FolderOf(const std::string& proc, pid_t pid) {
  return absl::StrCat(proc, "/", pid);
}

std::optional<ProcessView> MeteredAncestor(const std::string& proc,
                                           pid_t parent) {
  for (int i = 0; parent > 0 && i < kMaxGenerations; ++i) {
    auto process = ReadProcess(FolderOf(proc, parent));
    if (!process.ok()) return std::nullopt;
    if (WasGivenTheLibrary(*process)) return *std::move(process);
    parent = process->parent;
  }
  return std::nullopt;
}

void Examine(pid_t pid, const std::string& proc, const std::string& directory,
             const PolicyView& policy, Talker* talker) {
  const std::string folder = FolderOf(proc, pid);
  talker->pid = pid;
  const auto process = ReadProcess(folder);
  if (!process.ok()) {
    talker->coverage = {Covered::kUnknown, "process",
                        "it ended while it was looked at", ""};
    return;
  }
  talker->name = process->name;
  talker->executable = process->executable;
  talker->uid = process->uid;
  const auto image = FindImage(folder + "/exe", nullptr);
  const auto ancestor = MeteredAncestor(proc, process->parent);
  talker->coverage = ExamineCoverage({.process = *process,
                                      .image = image,
                                      .metered_ancestor = ancestor,
                                      .directory = directory,
                                      .policy = policy});
}

int Rank(Covered covered) {
  switch (covered) {
    case Covered::kNo:
      return 0;
    case Covered::kUnknown:
      return 1;
    case Covered::kLeftOut:
      return 2;
    case Covered::kYes:
      break;
  }
  return 3;
}

}  // namespace

bool PodReport::AllCovered() const {
  return std::all_of(talkers.begin(), talkers.end(), [](const Talker& talker) {
    return talker.coverage.covered == Covered::kYes ||
           talker.coverage.covered == Covered::kLeftOut;
  });
}

void AddTalkers(const std::vector<VendorConnection>& connections,
                const PolicyView& policy, const std::string& proc,
                PodReport* report) {
  std::set<std::uint32_t> inodes;
  for (const VendorConnection& connection : connections) {
    if (connection.socket.inode != 0) inodes.insert(connection.socket.inode);
  }
  const auto owners = FindOwners(inodes, proc);
  std::map<pid_t, Talker> by_pid;
  std::map<uid_t, Talker> by_user;
  for (const VendorConnection& connection : connections) {
    const auto owner = owners.find(connection.socket.inode);
    if (connection.socket.inode == 0) {
      ++report->closed;
    } else if (owner == owners.end()) {
      Add(connection, &by_user[connection.socket.uid]);
    } else {
      for (const pid_t pid : owner->second) Add(connection, &by_pid[pid]);
    }
  }
  for (auto& [pid, talker] : by_pid) {
    Examine(pid, proc, report->directory, policy, &talker);
    report->talkers.push_back(std::move(talker));
  }
  for (auto& [uid, talker] : by_user) {
    talker.uid = uid;
    talker.coverage = {
        Covered::kUnknown, "process",
        absl::StrCat("held by processes of user ", uid,
                     " that may not be looked into, or are not in this PID "
                     "namespace"),
        absl::StrCat("ask as root, as user ", uid,
                     " or with CAP_SYS_PTRACE, in a PID namespace shared with "
                     "them")};
    report->talkers.push_back(std::move(talker));
  }
  std::stable_sort(report->talkers.begin(), report->talkers.end(),
                   [](const Talker& a, const Talker& b) {
                     return Rank(a.coverage.covered) < Rank(b.coverage.covered);
                   });
}

absl::StatusOr<PodReport> ExaminePod(const std::string& option) {
  auto directory = ChooseDirectory(option, OwnSurroundings());
  if (!directory.ok()) return directory.status();
  const auto policy = ReadPolicyFile(*directory);
  if (!policy.ok()) {
    return absl::Status(
        policy.status().code(),
        absl::StrCat(*directory, ": ", policy.status().message(),
                     "; start a collector there, or name another --dir"));
  }
  collector::HostAddresses hosts = AddressesOf(ExactHosts(*policy));
  const auto sockets = OpenSockets();
  if (!sockets.ok()) return sockets.status();
  PodReport report;
  report.directory = *std::move(directory);
  report.unresolved_hosts = std::move(hosts.unresolved);
  AddTalkers(FindVendorConnections(*sockets, policy->view, hosts.hosts),
             policy->view, "/proc", &report);
  return report;
}

}  // namespace proxymeter::cli
