#include "collector/ingest/ingest_server.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "collector/accounts/frame_codec.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

// What an epoll event is about: a kind in the upper byte, a number below.
enum Tag : std::uint64_t {
  kListener = 1ull << 56,
  kTimer = 2ull << 56,
  kStop = 3ull << 56,
  kConnection = 4ull << 56,
  kProcess = 5ull << 56,
};
constexpr std::uint64_t kTagMask = 0xffull << 56;

// More than a socket's receive buffer holds, and yet an end to what one sender
// can make the thread do at a time.
constexpr int kMaxMessagesAtOnce = 512;

// The kernel tells of a socket within a millisecond or two of its end.
constexpr std::chrono::duration<int, std::milli> kSettlingInterval{5};

// recv(2) gives 0 for the end of a connection and for an empty message alike.
// Only the former has a peer that is gone and nothing waiting.
bool IsAtEnd(int fd) {
  pollfd poll_fd{.fd = fd, .events = POLLRDHUP, .revents = 0};
  if (poll(&poll_fd, 1, 0) != 1) return false;
  int waiting = 0;
  return ioctl(fd, FIONREAD, &waiting) != 0 || waiting == 0;
}

// A claimed number is the one of who made the session, in all of its forks.
Sessions::Sender SenderOf(const PeerProcess& peer) {
  if (peer.key.source == ProcessKey::Source::kClaimed) return std::nullopt;
  return peer.key.value;
}

}  // namespace

absl::StatusOr<std::unique_ptr<IngestServer>> IngestServer::Start(
    const RunDirectory& directory, Sessions& sessions,
    const IngestOptions& options) {
  std::unique_ptr<IngestServer> server(
      new IngestServer(directory, sessions, options));
  if (absl::Status status = server->Bind(); !status.ok()) return status;
  if (absl::Status status = server->PrepareEvents(); !status.ok()) {
    return status;
  }
  server->keeper_.Tick(std::chrono::steady_clock::now());
  server->thread_ = std::thread([raw = server.get()] { raw->Run(); });
  return server;
}

IngestServer::IngestServer(const RunDirectory& directory, Sessions& sessions,
                           const IngestOptions& options)
    : options_(options),
      sessions_(sessions),
      socket_path_(absl::StrCat(directory.path(), "/", kSocketName)),
      processes_(options.max_processes),
      keeper_(
          directory.journals_fd(), sessions, options.journals,
          [this](const SessionId& id) { return processes_.HasProcess(id); },
          options.final_sent, options.on_last_reading),
      buffer_(kMaxFrameBytes + 1) {}

absl::Status IngestServer::Bind() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path_.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the socket is longer than the ",
                     sizeof address.sun_path - 1,
                     " bytes that Unix allows: ", socket_path_));
  }
  std::memcpy(address.sun_path, socket_path_.data(), socket_path_.size());
  listener_.Reset(
      socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener_.valid()) {
    return absl::ErrnoToStatus(errno, "cannot create a Unix socket");
  }
  // Left behind by a collector that was killed: the lock that the directory
  // holds says that no other is alive.
  if (unlink(socket_path_.c_str()) != 0 && errno != ENOENT) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot remove ", socket_path_));
  }
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address),
           sizeof address) != 0 ||
      // Crawlers run as other users.
      chmod(socket_path_.c_str(), 0666) != 0 ||
      listen(listener_.get(), SOMAXCONN) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot listen on ", socket_path_));
  }
  return absl::OkStatus();
}

absl::Status IngestServer::PrepareEvents() {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  stop_event_.Reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  itimerspec period{};
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(options_.tick);
  period.it_interval.tv_sec = nanoseconds.count() / 1'000'000'000;
  period.it_interval.tv_nsec = nanoseconds.count() % 1'000'000'000;
  period.it_value = period.it_interval;
  if (!epoll_.valid() || !timer_.valid() || !stop_event_.valid() ||
      timerfd_settime(timer_.get(), 0, &period, nullptr) != 0 ||
      !Watch(listener_.get(), kListener) || !Watch(timer_.get(), kTimer) ||
      !Watch(stop_event_.get(), kStop)) {
    return absl::ErrnoToStatus(errno, "cannot prepare the event loop");
  }
  return absl::OkStatus();
}

void IngestServer::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(stop_event_.get(), 1);
  thread_.join();
}

void IngestServer::Run() {
  while (HandleEvents()) {
  }
  DrainAll();
  SettleAll();
  keeper_.ReadAll();
  unlink(socket_path_.c_str());
}

// Those that wait when the end comes: a few seconds at most.
void IngestServer::SettleAll() {
  while (keeper_.settling()) {
    std::this_thread::sleep_for(kSettlingInterval);
    keeper_.Settle(std::chrono::steady_clock::now());
  }
}

bool IngestServer::HandleEvents() {
  epoll_event events[64];
  const int count =
      epoll_wait(epoll_.get(), events, std::size(events),
                 keeper_.settling() ? kSettlingInterval.count() : -1);
  bool tick = false;
  bool go_on = true;
  std::vector<ProcessTable::Id> died;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t number = events[i].data.u64 & ~kTagMask;
    switch (events[i].data.u64 & kTagMask) {
      case kListener:
        DrainAll();
        break;
      case kTimer:
        tick = true;
        break;
      case kStop:
        go_on = false;
        break;
      case kConnection: {
        const auto found = connections_.find(number);
        if (found != connections_.end() && !Receive(found->second)) {
          connections_.erase(found);
        }
        break;
      }
      case kProcess:
        died.push_back(number);
        break;
    }
  }
  if (!died.empty()) {
    // What the dead sent is waiting in front of their death.
    DrainAll();
    for (const ProcessTable::Id id : died) ProcessDied(id);
  }
  if (!left_.empty()) CloseFinishedSessions();
  if (keeper_.settling()) keeper_.Settle(std::chrono::steady_clock::now());
  if (tick) Tick();
  return go_on;
}

void IngestServer::DrainAll() {
  constexpr int kBatch = 64;
  bool more = true;
  for (int accepted = 0; more && accepted < kMaxMessagesAtOnce;) {
    for (int i = 0; i < kBatch && more; ++i, ++accepted) more = AcceptOne();
    // A process may have closed one connection and opened the next since: what
    // it sent first is in the older one, and is taken first.
    ReceiveAll();
  }
}

// False when nobody is waiting.
bool IngestServer::AcceptOne() {
  ScopedFd fd(
      accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    if (errno == EINTR || errno == ECONNABORTED) return true;
    if (errno != EAGAIN) {
      // No descriptor or memory left: the listener would be reported ready at
      // once, again and again. The next tick tries anew.
      spdlog::warn("event=accept_failed errno={}", errno);
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
      accepting_ = false;
    }
    return false;
  }
  if (connections_.size() >= options_.max_connections) {
    const auto oldest = connections_.begin();
    if (Receive(oldest->second)) {
      sessions_.CountRejection(Rejection::kTooManyConnections);
    }
    connections_.erase(oldest);
  }
  Connection connection{.fd = std::move(fd),
                        .peer = {},
                        .last_message = std::chrono::steady_clock::now()};
  connection.peer = IdentifyPeer(connection.fd.get());
  connections_.emplace(next_connection_++, std::move(connection));
  return true;
}

// From the oldest connection to the newest.
void IngestServer::ReceiveAll() {
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection& connection = it->second;
    bool stays = Receive(connection);
    if (stays && !connection.watched) {
      stays = connection.watched =
          Watch(connection.fd.get(), kConnection | it->first);
      if (!stays) sessions_.CountRejection(Rejection::kTooManyConnections);
    }
    it = stays ? std::next(it) : connections_.erase(it);
  }
}

bool IngestServer::Receive(Connection& connection) {
  for (int i = 0; i < kMaxMessagesAtOnce; ++i) {
    const ssize_t got =
        recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN;
    }
    if (got == 0) {
      if (IsAtEnd(connection.fd.get())) return false;
      sessions_.CountRejection(Rejection::kMalformedFrame);
      continue;
    }
    connection.last_message = std::chrono::steady_clock::now();
    TakeFrame(connection, static_cast<std::size_t>(got));
  }
  return true;
}

void IngestServer::TakeFrame(Connection& connection, std::size_t bytes) {
  const auto decoded = DecodeFrame(std::string_view(buffer_.data(), bytes));
  if (const auto* rejection = std::get_if<Rejection>(&decoded)) {
    sessions_.CountRejection(*rejection);
    return;
  }
  const DecodedFrame& frame = std::get<DecodedFrame>(decoded);
  const Owner& sender = connection.peer.owner;
  // A stranger who has learnt a journal's name must not make the session the
  // stranger's by a frame from before the journal is first read.
  if (!sessions_.IsOpen(frame.session)) {
    const Owner owner = keeper_.OwnerOfFile(frame.session);
    if (owner && owner != sender) {
      sessions_.CountRejection(Rejection::kWrongOwner);
      return;
    }
  }
  if (sessions_.ApplyFrame(frame, sender, Sessions::Opening::kNewOrOpen,
                           SenderOf(connection.peer))) {
    return;
  }
  keeper_.Heard(frame.session, connection.last_message);
  NoteSender(connection, frame.session, frame.process.pid);
}

void IngestServer::NoteSender(Connection& connection, const SessionId& session,
                              std::int32_t claimed_pid) {
  PeerProcess& peer = connection.peer;
  if (peer.dead) {
    left_.insert(session);
    return;
  }
  ProcessKey key = peer.key;
  if (key.source == ProcessKey::Source::kClaimed) {
    key.value = static_cast<std::uint32_t>(claimed_pid);
    key.session = session;
  }
  std::optional<ProcessTable::Id> known = processes_.Find(key);
  // A number can have been given to a new process before the end of the old
  // one was heard of.
  if (known && key.source != ProcessKey::Source::kPidfdInode &&
      IsDead(processes_.pidfd(*known))) {
    ProcessDied(*known);
    known.reset();
  }
  if (!known) {
    AddProcess(connection, key, session);
  } else if (const auto left = processes_.Move(*known, session)) {
    left_.insert(*left);
  }
}

void IngestServer::AddProcess(Connection& connection, const ProcessKey& key,
                              const SessionId& session) {
  ScopedFd& pidfd = connection.peer.pidfd;
  if (!pidfd.valid()) return;
  const int fd = pidfd.get();
  // A further session on this connection has to find the process by its key,
  // as the pidfd belongs to the table now.
  const std::optional<ProcessTable::Id> id =
      processes_.Add(key, std::move(pidfd), session);
  if (!id) return;
  if (!Watch(fd, kProcess | *id)) processes_.Remove(*id);
}

void IngestServer::ProcessDied(ProcessTable::Id id) {
  if (const auto session = processes_.Remove(id)) left_.insert(*session);
}

void IngestServer::CloseFinishedSessions() {
  DrainAll();
  const TimePoint now = std::chrono::steady_clock::now();
  for (const SessionId& session : std::exchange(left_, {})) {
    if (!processes_.HasProcess(session) && sessions_.IsOpen(session)) {
      keeper_.ProcessesGone(session, now);
    }
  }
}

void IngestServer::Tick() {
  std::uint64_t expirations = 0;
  // Only to make the timer unreadable again; a missed tick is no matter.
  if (read(timer_.get(), &expirations, sizeof expirations) < 0) return;
  if (!accepting_) accepting_ = Watch(listener_.get(), kListener);
  const TimePoint now = std::chrono::steady_clock::now();
  std::erase_if(connections_, [&](const auto& item) {
    if (now - item.second.last_message < options_.idle) return false;
    sessions_.CountRejection(Rejection::kIdleConnection);
    return true;
  });
  keeper_.Tick(now);
}

bool IngestServer::Watch(int fd, std::uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace proxymeter::collector
