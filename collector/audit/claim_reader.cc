#include "collector/audit/claim_reader.h"

#include <dirent.h>
#include <fcntl.h>

#include <iterator>
#include <memory>
#include <set>
#include <utility>
#include <variant>

#include "collector/scoped_fd.h"

namespace proxymeter::collector {
namespace {

// As many journals as are followed.
constexpr std::size_t kMaxSessions = 16384;

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};

std::vector<SessionId> SessionsIn(int journals_fd) {
  std::vector<SessionId> ids;
  ScopedFd fd(openat(journals_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ids;
  const std::unique_ptr<DIR, CloseDirectory> directory(fdopendir(fd.get()));
  if (directory == nullptr) return ids;
  fd.Release();
  while (const dirent* entry = readdir(directory.get())) {
    if (const auto id = SessionIdFromHex(entry->d_name)) ids.push_back(*id);
    if (ids.size() == kMaxSessions) break;
  }
  return ids;
}

}  // namespace

ClaimNews ClaimReader::Read() {
  const std::lock_guard lock(mutex_);
  ClaimNews news = std::exchange(waiting_, {});
  const std::vector<SessionId> ids = SessionsIn(journals_fd_);
  for (const SessionId& id : ids) ReadSession(id, &news);
  // Journals that are gone without a last reading were removed by others.
  const std::set<SessionId> present(ids.begin(), ids.end());
  for (auto& [id, session] : sessions_) {
    if (present.contains(id)) continue;
    for (auto& [slot, claim] : session.open) {
      claim.state = ClaimState::kOverwritten;
      news.claims.push_back(claim);
    }
  }
  std::erase_if(sessions_, [&](const auto& entry) {
    return !present.contains(entry.first);
  });
  first_ = false;
  return news;
}

void ClaimReader::ReadSession(const SessionId& id, ClaimNews* news) {
  const auto reading = ReadConnections(journals_fd_, id);
  const auto* connections = std::get_if<MeteredConnections>(&reading);
  if (connections == nullptr) return;
  Session& session = sessions_[id];
  if (session.last) return;
  const std::size_t before = news->claims.size();
  Take(id, session, *connections, news);
  const std::uint64_t overwritten =
      NewlyOverwritten(session, connections->ended_in_all);
  if (!first_) {
    news->overwritten += overwritten;
    return;
  }
  // Those were overwritten after they had been read, if by anybody.
  for (std::size_t i = before; i < news->claims.size(); ++i) {
    Claim& claim = news->claims[i];
    claim.from_before = claim.state != ClaimState::kOpen;
  }
}

void ClaimReader::LastReading(const JournalContents& journal) {
  const std::lock_guard lock(mutex_);
  Session& session = sessions_[journal.session];
  if (std::exchange(session.last, true)) return;
  const std::size_t before = waiting_.claims.size();
  Take(journal.session, session, journal.connections, &waiting_);
  waiting_.overwritten +=
      NewlyOverwritten(session, journal.connections.ended_in_all);
  for (std::size_t i = before; i < waiting_.claims.size(); ++i) {
    Claim& claim = waiting_.claims[i];
    if (claim.state == ClaimState::kOpen) claim.state = ClaimState::kKilled;
  }
  session.open.clear();
}

void ClaimReader::Take(const SessionId& id, Session& session,
                       const MeteredConnections& connections, ClaimNews* news) {
  std::map<std::uint32_t, Claim> open;
  for (const MeteredConnection& connection : connections.ended) {
    if (connection.slot >= session.ended.size()) {
      session.ended.resize(connection.slot + 1);
    }
    std::uint64_t& given = session.ended[connection.slot];
    if (given == connection.cookie) continue;
    given = connection.cookie;
    ++session.ended_given;
    if (auto claim = ClaimOf(id, session, connection)) {
      claim->state = ClaimState::kEnded;
      news->claims.push_back(*std::move(claim));
    }
    // It was open when last read, as a rule in this very slot.
    const auto before = session.open.find(connection.slot);
    if (before != session.open.end() &&
        before->second.cookie == connection.cookie) {
      session.open.erase(before);
    }
  }
  for (const MeteredConnection& connection : connections.open) {
    if (auto claim = ClaimOf(id, session, connection)) {
      news->claims.push_back(*claim);
      open.emplace(connection.slot, *std::move(claim));
    }
  }
  for (auto& [slot, claim] : session.open) {
    const auto now = open.find(slot);
    if (now != open.end() && now->second.cookie == claim.cookie) continue;
    claim.state = ClaimState::kOverwritten;
    news->claims.push_back(claim);
  }
  session.open = std::move(open);
  news->incomplete |= connections.without_slot != 0 || !connections.tells_ends;
}

std::uint64_t ClaimReader::NewlyOverwritten(Session& session,
                                            std::uint64_t ended_in_all) {
  const std::uint64_t known = session.ended_given + session.overwritten;
  if (ended_in_all <= known) return 0;
  session.overwritten += ended_in_all - known;
  return ended_in_all - known;
}

std::optional<Claim> ClaimReader::ClaimOf(const SessionId& id, Session& session,
                                          const MeteredConnection& connection) {
  std::string vendor;
  if (connection.vendor_row) {
    const std::uint32_t row = *connection.vendor_row;
    auto known = session.vendors.find(row);
    if (known == session.vendors.end()) {
      auto name = ReadVendor(journals_fd_, id, row);
      if (!name) return std::nullopt;
      known = session.vendors.emplace(row, *std::move(name)).first;
    }
    vendor = known->second;
  }
  return Claim{.session = id,
               .slot = connection.slot,
               .cookie = connection.cookie,
               .vendor = std::move(vendor),
               .sent = connection.sent,
               .received = connection.received,
               .adopted = connection.adopted};
}

}  // namespace proxymeter::collector
