// Exchanges on one connection, played through the hooks in pieces of any size.
#ifndef PROXYMETER_SHIM_TESTING_EXCHANGE_FIXTURE_H_
#define PROXYMETER_SHIM_TESTING_EXCHANGE_FIXTURE_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {

/// One side's turn in an exchange.
struct Turn {
  bool sent;
  std::string bytes;
};
inline Turn Out(std::string bytes) { return {true, std::move(bytes)}; }
inline Turn In(std::string bytes) { return {false, std::move(bytes)}; }

class ExchangeFixture : public ShimFixture {
 protected:
  static constexpr int kFd = 7;

  void Send(std::string_view bytes) {
    ASSERT_EQ(hooks::send(kFd, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
  }
  void Receive(std::string_view bytes) {
    std::string buffer(bytes.size(), '\0');
    fake_.Receives(bytes);
    hooks::recv(kFd, buffer.data(), buffer.size(), 0);
  }
  void Play(const Turn& turn) {
    turn.sent ? Send(turn.bytes) : Receive(turn.bytes);
  }

  /// Plays the exchange on a new connection, with every turn cut in two at
  /// `cut` (or whole, when the turn is shorter).
  void PlayCut(const std::vector<Turn>& exchange, std::size_t cut) {
    RestartShim();
    Connect(kFd, kProxyAddress, 3128);
    for (const Turn& turn : exchange) {
      if (cut == 0 || cut >= turn.bytes.size()) {
        Play(turn);
      } else {
        Play({turn.sent, turn.bytes.substr(0, cut)});
        Play({turn.sent, turn.bytes.substr(cut)});
      }
    }
    hooks::close(kFd);
  }

  /// Runs `check` after the exchange, once for every place to cut.
  template <typename Check>
  void ForEveryCut(const std::vector<Turn>& exchange, Check check) {
    std::size_t longest = 0;
    for (const Turn& turn : exchange) {
      longest = std::max(longest, turn.bytes.size());
    }
    for (std::size_t cut = 0; cut < longest && !HasFailure(); ++cut) {
      SCOPED_TRACE(cut);
      PlayCut(exchange, cut);
      check();
    }
  }

  static std::uint64_t Size(const std::vector<Turn>& exchange, bool sent) {
    std::uint64_t size = 0;
    for (const Turn& turn : exchange) {
      if (turn.sent == sent) size += turn.bytes.size();
    }
    return size;
  }
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_TESTING_EXCHANGE_FIXTURE_H_
