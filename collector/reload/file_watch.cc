#include "collector/reload/file_watch.h"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace proxymeter::collector {
namespace {

// Names that come and go. What others write into files of a directory is not
// asked for: it may be /tmp.
constexpr std::uint32_t kNameEvents = IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                      IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR |
                                      IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kContentEvents = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;

// Who replaces directories faster than this is seen by the events of it.
constexpr int kTurns = 10;

int OpenInotify() { return inotify_init1(IN_NONBLOCK | IN_CLOEXEC); }

}  // namespace

FileWatch::FileWatch() : FileWatch(Options()) {}

FileWatch::FileWatch(Options options) : options_(std::move(options)) {}

bool FileWatch::Watch(std::vector<std::string> paths) {
  const bool more = std::ranges::any_of(paths, [this](const auto& path) {
    return std::ranges::find(paths_, path) == paths_.end();
  });
  paths_ = std::move(paths);
  // In this order: what happens from here on is an event.
  Follow();
  seen_ = States();
  return more;
}

std::chrono::milliseconds FileWatch::patience() const {
  return inotify_.valid() ? options_.beside_inotify : options_.without_inotify;
}

bool FileWatch::Changed() {
  const bool told = TakeEvents();
  // Names may lead elsewhere by now; or inotify is to be tried again.
  if (told || !inotify_.valid()) Follow();
  std::vector<FileState> states = States();
  const bool differs = states != seen_;
  seen_ = std::move(states);
  return told || differs;
}

bool FileWatch::TakeEvents() {
  bool matters = false;
  while (inotify_.valid()) {
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    const ssize_t length = read(inotify_.get(), buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    for (ssize_t at = 0; at < length;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* const name = buffer.data() + at + sizeof(event);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        Lose("its queue has overflown");
        return true;
      }
      const auto interest = interests_.find(event.wd);
      if (interest == interests_.end()) continue;
      if ((event.mask & IN_IGNORED) != 0) {
        interests_.erase(interest);
        matters = true;
        continue;
      }
      matters = matters || interest->second.itself || event.len == 0 ||
                interest->second.names.contains(name);
    }
  }
  return matters;
}

void FileWatch::Follow() {
  if (paths_.empty()) return;
  if (!inotify_.valid()) {
    inotify_.Reset(options_.open_inotify ? options_.open_inotify()
                                         : OpenInotify());
    if (!inotify_.valid()) {
      return Lose(absl::StrCat("inotify: ", std::strerror(errno)));
    }
  }
  // A name that is replaced before its directory is watched goes unnoticed: so
  // until the way is found as it was before.
  std::map<int, Interest> interests;
  std::vector<PathStep> way = Way();
  for (int turn = 0; turn < kTurns; ++turn) {
    interests.clear();
    int watch = -1;
    for (const PathStep& step : way) {
      if (!Add(step.directory, kNameEvents, &watch)) return;
      if (watch >= 0) interests[watch].names.insert(step.name);
    }
    for (const std::string& path : paths_) {
      if (!Add(path, kContentEvents, &watch)) return;
      if (watch >= 0) interests[watch].itself = true;
    }
    std::vector<PathStep> again = Way();
    if (again == way) break;
    way = std::move(again);
  }
  for (const auto& [former, interest] : interests_) {
    if (!interests.contains(former)) inotify_rm_watch(inotify_.get(), former);
  }
  interests_ = std::move(interests);
  if (std::exchange(lost_, false)) {
    spdlog::info("event=config_watch_recovered");
  }
}

// False: inotify was given up. A path that is not there, or that may not be
// looked at, has no watch; the names on the way to it have.
bool FileWatch::Add(const std::string& path, std::uint32_t events, int* watch) {
  // A directory given as a file would be watched twice, with both masks.
  *watch =
      inotify_add_watch(inotify_.get(), path.c_str(), events | IN_MASK_ADD);
  if (*watch >= 0 || errno == ENOENT || errno == EACCES || errno == ENOTDIR ||
      errno == ELOOP || errno == ENAMETOOLONG) {
    return true;
  }
  Lose(absl::StrCat("inotify: ", path, ": ", std::strerror(errno)));
  return false;
}

void FileWatch::Lose(const std::string& why) {
  inotify_.Reset();
  interests_.clear();
  if (std::exchange(lost_, true)) return;
  spdlog::warn(
      "event=config_watch_lost error=\"{}\" advice=\"the configuration is "
      "looked at every {} ms instead\"",
      why, options_.without_inotify.count());
}

std::vector<PathStep> FileWatch::Way() const {
  std::vector<PathStep> way;
  for (const std::string& path : paths_) {
    std::vector<PathStep> steps = StepsTo(path);
    way.insert(way.end(), std::make_move_iterator(steps.begin()),
               std::make_move_iterator(steps.end()));
  }
  return way;
}

std::vector<FileState> FileWatch::States() const {
  std::vector<FileState> states;
  states.reserve(paths_.size());
  for (const std::string& path : paths_) states.push_back(StateOf(path));
  return states;
}

}  // namespace proxymeter::collector
