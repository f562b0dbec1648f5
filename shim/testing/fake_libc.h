// A libc that does what a test scripts: short writes, EINTR, EAGAIN, reuse of
// descriptors. Nothing reaches the kernel.
#ifndef PROXYMETER_SHIM_TESTING_FAKE_LIBC_H_
#define PROXYMETER_SHIM_TESTING_FAKE_LIBC_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shim/libc.h"

namespace proxymeter::shim {

/// Stands in the Libc table while it lives; the table is restored after.
class FakeLibc {
 public:
  FakeLibc();
  ~FakeLibc();
  FakeLibc(const FakeLibc&) = delete;
  FakeLibc& operator=(const FakeLibc&) = delete;

  /// What the next call that moves data, connects or closes does. Without a
  /// script such a call succeeds with all it was asked for (and receives
  /// nothing).
  void Fails(int error) { script_.push_back({.error = error}); }
  void Moves(long bytes) { script_.push_back({.result = bytes}); }
  void Receives(std::string_view data) {
    script_.push_back(
        {.result = static_cast<long>(data.size()), .data = std::string(data)});
  }

  /// What the next socket or accept returns.
  void set_next_descriptor(int fd) { next_descriptor_ = fd; }
  /// What getsockopt answers.
  void set_socket_type(int type) { socket_type_ = type; }
  void set_socket_error(int error) { socket_error_ = error; }
  void set_tcp_state(int state) { tcp_state_ = state; }
  /// The peer's FIN arrives when TCP_INFO is asked next: counted, not told.
  void FinArrivesUntold() { fin_arrives_ = true; }
  /// What TCP_INFO says was sent and received, in bytes.
  void set_kernel_bytes(std::uint64_t sent, std::uint64_t received) {
    kernel_sent_ = sent;
    kernel_received_ = received;
  }
  /// What SO_COOKIE answers.
  static std::uint64_t CookieOf(int fd) {
    return 7000u + static_cast<std::uint64_t>(fd);
  }
  /// What F_GETFD answers.
  void set_close_on_exec(bool value) { close_on_exec_ = value; }
  /// Whether sockets have SO_COOKIE.
  void set_cookies(bool value) { cookies_ = value; }
  /// What a descriptor is whose making nobody saw: connected to `address`, at
  /// `port`, or not open; by default a file.
  void set_peer(int fd, std::string address, std::uint16_t port = 1) {
    peers_[fd] = {std::move(address), port};
  }
  void set_closed(int fd, bool closed) {
    closed ? void(closed_.insert(fd)) : void(closed_.erase(fd));
  }
  /// What getaddrinfo, gethostbyname and their like answer: IPv4 addresses in
  /// dotted form.
  void set_addresses(std::vector<std::string> addresses) {
    addresses_ = std::move(addresses);
  }

  /// Calls made, by name.
  int calls(const std::string& name) const {
    const auto found = calls_.find(name);
    return found == calls_.end() ? 0 : found->second;
  }

 private:
  struct Step {
    long result = 0;
    int error = 0;
    std::string data = {};
  };
  struct Functions;

  void Called(const char* name) { ++calls_[name]; }
  // The scripted step, or one that does all that was asked for.
  Step Next(long all);

  static FakeLibc* current_;
  Libc saved_;
  std::deque<Step> script_;
  std::map<std::string, int> calls_;
  std::vector<std::string> addresses_;
  std::map<int, std::pair<std::string, std::uint16_t>> peers_;
  std::set<int> closed_;
  bool close_on_exec_ = false;
  bool cookies_ = true;
  int next_descriptor_ = 3;
  int socket_type_ = 1;  // SOCK_STREAM
  int socket_error_ = 0;
  int tcp_state_ = 1;  // TCP_ESTABLISHED
  bool fin_arrives_ = false;
  std::uint64_t kernel_sent_ = 0;
  std::uint64_t kernel_received_ = 0;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_TESTING_FAKE_LIBC_H_
