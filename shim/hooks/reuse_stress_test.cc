// Threads that open, use, copy and close the same few numbers at once, in the
// worst order there is: nothing may be used after its end, and what was moved
// on numbers that nobody else touched is exact.
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <barrier>
#include <cstdint>
#include <string_view>
#include <thread>
#include <vector>

#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 3000;
constexpr std::string_view kRequest =
    "GET http://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// A libc without a state, which the fixture's scripted one has: every call
// succeeds, in every thread.
struct WillingLibc {
  static int Connect(int, const sockaddr*, socklen_t) { return 0; }
  static ssize_t Send(int, const void*, size_t size, int) {
    return static_cast<ssize_t>(size);
  }
  static ssize_t Recv(int, void* buffer, size_t size, int) {
    __builtin_memcpy(buffer, kResponse.data(), kResponse.size());
    return static_cast<ssize_t>(size < kResponse.size() ? size
                                                        : kResponse.size());
  }
  static int Close(int) { return 0; }
  static int Dup2(int, int to) { return to; }
  static int CloseRange(unsigned int, unsigned int, int) { return 0; }
  // What nobody saw being made is a file.
  static int IsSocket(int) { return 0; }
  static int GetSockOpt(int, int level, int, void* value, socklen_t* length) {
    if (level != SOL_SOCKET) return -1;  // the kernel knows of no bytes
    const int type = SOCK_STREAM;
    __builtin_memcpy(value, &type, sizeof(type));
    *length = sizeof(type);
    return 0;
  }
};

class ReuseStress : public ShimFixture {
 protected:
  ReuseStress() {
    libc.connect = WillingLibc::Connect;
    libc.send = WillingLibc::Send;
    libc.recv = WillingLibc::Recv;
    libc.close = WillingLibc::Close;
    libc.dup2 = WillingLibc::Dup2;
    libc.close_range = WillingLibc::CloseRange;
    libc.getsockopt = WillingLibc::GetSockOpt;
    libc.is_socket = WillingLibc::IsSocket;
    // Two that raced would make journals one after the other at one address,
    // by system calls of our own: to the thread sanitizer that is a race.
    shim.meter.Open(shim.environment.directory());
  }

  void OpenOn(int fd) {
    EXPECT_EQ(Connect(fd, kProxyAddress, 1), 0);
    ++opened;
  }
  static void Exchange(int fd) {
    char buffer[kResponse.size()];
    hooks::send(fd, kRequest.data(), kRequest.size(), 0);
    hooks::recv(fd, buffer, sizeof(buffer), 0);
  }

  // Runs `body(thread)` in all threads, from the same moment on.
  template <typename Body>
  static void InThreads(Body body) {
    std::barrier start(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        body(i);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  static inline std::atomic<std::uint64_t> opened{0};
};

TEST_F(ReuseStress, NumbersOfOnesOwnAreExactWhateverOthersDo) {
  opened = 0;
  InThreads([this](int thread) {
    // Overlapping slabs and rows, but numbers of one's own.
    const int fd = 100 + thread, copy = 200 + thread;
    for (int i = 0; i < kRounds; ++i) {
      OpenOn(fd);
      Exchange(fd);
      hooks::dup2(fd, copy);
      if (i % 2 == 0) hooks::close(fd);
      Exchange(copy);
      if (i % 3 == 0) {
        hooks::close_range(static_cast<unsigned>(copy),
                           static_cast<unsigned>(copy), 0);
      } else {
        hooks::close(copy);
      }
      hooks::close(fd);
    }
  });
  constexpr std::uint64_t kExchanges = 2ull * kThreads * kRounds;
  const CounterSums traffic = Traffic(kVendor, "shop.test");
  EXPECT_EQ(traffic[kRequests], kExchanges);
  EXPECT_EQ(traffic[kResponses2xx], kExchanges);
  EXPECT_EQ(traffic[kSentBytes], kExchanges * kRequest.size());
  EXPECT_EQ(traffic[kReceivedBytes], kExchanges * kResponse.size());
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], opened.load());
}

TEST_F(ReuseStress, NumbersFoughtOverLoseNoConnectionAndInventNoByte) {
  opened = 0;
  std::atomic<std::uint64_t> exchanges{0};
  InThreads([&](int thread) {
    unsigned random = static_cast<unsigned>(thread) + 1;
    const auto pick = [&] {
      random = random * 1664525u + 1013904223u;
      return static_cast<int>(random >> 16);
    };
    for (int i = 0; i < kRounds; ++i) {
      const int fd = 300 + pick() % 6, other = 300 + pick() % 6;
      switch (pick() % 6) {
        case 0:
          OpenOn(fd);
          break;
        case 1:
          hooks::close(fd);
          break;
        case 2:
          hooks::dup2(fd, other);
          break;
        case 3:
          hooks::close_range(300, 302, 0);
          break;
        default:
          Exchange(fd);
          ++exchanges;
      }
    }
  });
  hooks::close_range(300, 305, 0);
  for (int fd = 300; fd < 306; ++fd) EXPECT_FALSE(IsMetered(fd)) << fd;
  const CounterSums vendor = Vendor(kVendor);
  EXPECT_EQ(vendor[kConnectionsOk], opened.load());
  // All references are gone: nothing is held any more.
  EXPECT_EQ(vendor[kHeldSentBytes], vendor[kReleasedSentBytes]);
  EXPECT_EQ(vendor[kHeldReceivedBytes], vendor[kReleasedReceivedBytes]);
  CounterSums all = Traffic(kVendor, "shop.test");
  const CounterSums unknown = Traffic(kVendor, "_unknown");
  const std::uint64_t sent = all[kSentBytes] + unknown[kSentBytes];
  EXPECT_GT(sent, 0u);
  EXPECT_EQ(sent % kRequest.size(), 0u);
  EXPECT_LE(sent, exchanges.load() * kRequest.size());
}

}  // namespace
}  // namespace proxymeter::shim
