#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <functional>
#include <iterator>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"
#include "shim/testing/tls_client.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr int kCopy = 9;
constexpr std::string_view kRequest =
    "GET http://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n";

class Descriptors : public ShimFixture {
 protected:
  static void Send(int fd) {
    hooks::send(fd, kRequest.data(), kRequest.size(), 0);
  }
  static std::uint64_t Requests() {
    return Traffic(kVendor, "shop.test")[kRequests];
  }
};

TEST_F(Descriptors, ConnectCountsByOutcome) {
  EXPECT_EQ(Connect(3, kProxyAddress, 1), 0);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
  const struct {
    int error;
    VendorCounter counter;
  } cases[] = {
      {ECONNREFUSED, kConnectionsRefused},
      {ETIMEDOUT, kConnectionsTimedOut},
      {ENETUNREACH, kConnectionsFailed},
  };
  for (const auto& test : cases) {
    fake_.Fails(test.error);
    errno = 0;
    EXPECT_EQ(Connect(4, kProxyAddress, 1), -1);
    EXPECT_EQ(errno, test.error);
    EXPECT_EQ(Vendor(kVendor)[test.counter], 1u) << test.error;
    EXPECT_FALSE(IsMetered(4));
  }
}

TEST_F(Descriptors, WhatTheKernelDidNotReadIsNotReadByUs) {
  auto* bad = reinterpret_cast<sockaddr*>(8);
  auto* no_message = reinterpret_cast<msghdr*>(8);
  for (const int error : {EFAULT, EBADF, ENOTSOCK, EINVAL}) {
    fake_.Fails(error);
    EXPECT_EQ(hooks::connect(kFd, bad, sizeof(sockaddr_in)), -1);
    EXPECT_EQ(errno, error);
    fake_.Fails(error);
    EXPECT_EQ(
        hooks::sendto(kFd, nullptr, 1, MSG_FASTOPEN, bad, sizeof(sockaddr_in)),
        -1);
    EXPECT_EQ(errno, error);
    fake_.Fails(error);
    EXPECT_EQ(hooks::sendmsg(kFd, no_message, MSG_FASTOPEN), -1);
    EXPECT_EQ(errno, error);
  }
  EXPECT_FALSE(IsMetered(kFd));
}

TEST_F(Descriptors, ConnectInProgressIsNoError) {
  fake_.Fails(EINPROGRESS);
  EXPECT_EQ(Connect(kFd, kProxyAddress, 1), -1);
  EXPECT_EQ(errno, EINPROGRESS);
  EXPECT_TRUE(IsMetered(kFd));
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 0u);
  fake_.Fails(EALREADY);
  Connect(kFd, kProxyAddress, 1);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 0u);
  fake_.Fails(EISCONN);
  Connect(kFd, kProxyAddress, 1);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
}

TEST_F(Descriptors, FirstByteProvesAConnection) {
  fake_.Fails(EINTR);
  Connect(kFd, kProxyAddress, 1);
  Send(kFd);
  Send(kFd);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
}

TEST_F(Descriptors, SocketErrorTellsHowConnectingFailed) {
  fake_.Fails(EINPROGRESS);
  Connect(kFd, kProxyAddress, 1);
  fake_.set_socket_error(ECONNREFUSED);
  int error = 0;
  socklen_t length = sizeof(error);
  EXPECT_EQ(hooks::getsockopt(kFd, SOL_SOCKET, SO_ERROR, &error, &length), 0);
  EXPECT_EQ(error, ECONNREFUSED);
  hooks::close(kFd);
  const CounterSums vendor = Vendor(kVendor);
  EXPECT_EQ(vendor[kConnectionsRefused], 1u);
  EXPECT_EQ(vendor[kConnectionsAbandoned], 0u);
}

TEST_F(Descriptors, CloseSettlesAConnectionThatNeverMovedAByte) {
  const struct {
    int state;
    int error;
    VendorCounter counter;
  } cases[] = {
      {TCP_SYN_SENT, 0, kConnectionsAbandoned},
      {TCP_ESTABLISHED, 0, kConnectionsOk},
      {TCP_CLOSE, ETIMEDOUT, kConnectionsTimedOut},
      {TCP_CLOSE, 0, kConnectionsFailed},
  };
  for (const auto& test : cases) {
    const std::uint64_t before = Vendor(kVendor)[test.counter];
    fake_.Fails(EINPROGRESS);
    Connect(kFd, kProxyAddress, 1);
    fake_.set_tcp_state(test.state);
    fake_.set_socket_error(test.error);
    hooks::close(kFd);
    EXPECT_EQ(Vendor(kVendor)[test.counter], before + 1) << test.counter;
  }
}

TEST_F(Descriptors, ClosingACopyLeavesTheErrorToWhoStillAsks) {
  fake_.Fails(EINPROGRESS);
  Connect(kFd, kProxyAddress, 1);
  fake_.set_next_descriptor(kCopy);
  hooks::dup(kFd);
  const int asked = fake_.calls("getsockopt");
  hooks::close(kFd);
  EXPECT_EQ(fake_.calls("getsockopt"), asked);
  hooks::close(kCopy);
  EXPECT_GT(fake_.calls("getsockopt"), asked);
}

TEST_F(Descriptors, ASocketMayTryAnotherProxyAfterAFailure) {
  WritePolicy(
      "version: 1\nvendors:\n"
      "- {name: first, match: [{cidr: 127.0.9.1/32}]}\n"
      "- {name: second, match: [{cidr: 127.0.9.2/32}]}\n");
  RestartShim();
  fake_.Fails(EINPROGRESS);
  Connect(kFd, "127.0.9.1", 1);
  int error = 0;
  socklen_t length = sizeof(error);
  fake_.set_socket_error(ECONNREFUSED);
  hooks::getsockopt(kFd, SOL_SOCKET, SO_ERROR, &error, &length);
  Connect(kFd, "127.0.9.2", 1);
  Send(kFd);
  EXPECT_EQ(Vendor("first")[kConnectionsRefused], 1u);
  EXPECT_EQ(Vendor("second")[kConnectionsOk], 1u);
  EXPECT_EQ(Traffic("second", "shop.test")[kRequests], 1u);
}

TEST_F(Descriptors, OnlyStreamsOfKnownVendorsAreMetered) {
  Connect(kFd, "127.0.8.1", 1);  // no rule, and loopback
  EXPECT_FALSE(IsMetered(kFd));
  fake_.set_socket_type(SOCK_RAW);
  Connect(kFd, kProxyAddress, 1);
  EXPECT_FALSE(IsMetered(kFd));
  EXPECT_FALSE(shim.meter.open());
  sockaddr address = {};
  address.sa_family = AF_UNIX;
  EXPECT_EQ(hooks::connect(kFd, &address, sizeof(address)), 0);
  EXPECT_EQ(hooks::connect(kFd, nullptr, 0), 0);
  EXPECT_FALSE(IsMetered(kFd));
}

TEST_F(Descriptors, PublicAddressesWithoutARuleAreDirect) {
  Connect(kFd, "203.0.114.1", 443);
  EXPECT_EQ(Vendor("direct")[kConnectionsOk], 1u);
  hooks::send(kFd, "\x01opaque", 7, 0);
  hooks::close(kFd);
  EXPECT_EQ(Traffic("direct", "203.0.114.1")[kSentBytes], 7u);
}

TEST_F(Descriptors, AddressesOfAProxyAreNeverADestination) {
  Connect(kFd, kProxyAddress, 443);
  hooks::send(kFd, "\x01opaque", 7, 0);
  hooks::close(kFd);
  EXPECT_EQ(Traffic(kVendor, kUnknownDestination)[kSentBytes], 7u);
}

TEST_F(Descriptors, PodDefaultVendorTakesWhatNoRuleNames) {
  setenv(kVendorVariable, "podvendor", 1);
  RestartShim();
  unsetenv(kVendorVariable);
  Connect(kFd, "203.0.114.1", 443);
  Connect(kFd + 1, kProxyAddress, 443);
  EXPECT_EQ(Vendor("podvendor")[kConnectionsOk], 1u);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
}

TEST_F(Descriptors, ReusedNumberIsANewDescriptor) {
  Connect(kFd, kProxyAddress, 1);
  Send(kFd);
  hooks::close(kFd);
  EXPECT_FALSE(IsMetered(kFd));
  Send(kFd);  // A file by now.
  EXPECT_EQ(Requests(), 1u);
}

TEST_F(Descriptors, CreationResetsANumberThatWasClosedUnseen) {
  int pair[2];
  const std::function<void()> creations[] = {
      [] { hooks::socket(AF_INET, SOCK_STREAM, 0); },
      [] { hooks::accept(3, nullptr, nullptr); },
      [] { hooks::accept4(3, nullptr, nullptr, 0); },
      [] { hooks::open("/", O_RDONLY, 0); },
      [] { hooks::open64("/", O_RDONLY, 0); },
      [] { hooks::openat(3, "/", O_RDONLY, 0); },
      [] { hooks::openat64(3, "/", O_RDONLY, 0); },
      [] { hooks::__open_2("/", O_RDONLY); },
      [] { hooks::__open64_2("/", O_RDONLY); },
      [] { hooks::__openat_2(3, "/", O_RDONLY); },
      [] { hooks::__openat64_2(3, "/", O_RDONLY); },
      [] { hooks::creat("/", 0600); },
      [] { hooks::creat64("/", 0600); },
      [&] { hooks::pipe(pair); },
      [&] { hooks::pipe2(pair, O_CLOEXEC); },
      [&] { hooks::socketpair(AF_UNIX, SOCK_STREAM, 0, pair); },
      [] { hooks::eventfd(0, 0); },
      [] { hooks::timerfd_create(CLOCK_MONOTONIC, 0); },
      [] { hooks::memfd_create("", 0); },
      [] { hooks::inotify_init1(0); },
  };
  for (std::size_t i = 0; i < std::size(creations); ++i) {
    SCOPED_TRACE(i);
    Connect(kFd, kProxyAddress, 1);
    ASSERT_TRUE(IsMetered(kFd));
    fake_.set_next_descriptor(kFd);
    creations[i]();
    EXPECT_FALSE(IsMetered(kFd));
  }
}

TEST_F(Descriptors, AFailedCreationResetsNothing) {
  Connect(kFd, kProxyAddress, 1);
  fake_.set_next_descriptor(-1);
  hooks::open("/", O_RDONLY, 0);
  EXPECT_TRUE(IsMetered(kFd));
}

TEST_F(Descriptors, StateGoesBeforeTheRealClose) {
  Connect(kFd, kProxyAddress, 1);
  fake_.Fails(EINTR);  // Linux has freed the number all the same.
  EXPECT_EQ(hooks::close(kFd), -1);
  EXPECT_EQ(errno, EINTR);
  EXPECT_FALSE(IsMetered(kFd));
}

TEST_F(Descriptors, CopiesShareOneConnection) {
  Connect(kFd, kProxyAddress, 1);
  fake_.set_next_descriptor(kCopy);
  EXPECT_EQ(hooks::dup(kFd), kCopy);
  hooks::close(kFd);
  Send(kCopy);
  EXPECT_EQ(hooks::fcntl(kCopy, F_DUPFD_CLOEXEC, 0), kCopy);
  fake_.set_next_descriptor(kFd);
  EXPECT_EQ(hooks::fcntl64(kCopy, F_DUPFD, 0), kFd);
  Send(kFd);
  EXPECT_EQ(Requests(), 2u);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 1u);
  hooks::close(kFd);
  hooks::close(kCopy);
  EXPECT_FALSE(IsMetered(kCopy));
}

TEST_F(Descriptors, Dup2ClosesItsTarget) {
  Connect(kFd, kProxyAddress, 1);
  Connect(kCopy, kProxyAddress, 1);
  EXPECT_EQ(hooks::dup2(0, kCopy), kCopy);  // A file over a connection.
  EXPECT_FALSE(IsMetered(kCopy));
  EXPECT_EQ(hooks::dup3(kFd, kCopy, O_CLOEXEC), kCopy);
  EXPECT_TRUE(IsMetered(kCopy));
}

TEST_F(Descriptors, FailedDup2LeavesItsTargetOpen) {
  Connect(kFd, kProxyAddress, 1);
  fake_.Fails(EBADF);
  EXPECT_EQ(hooks::dup2(1234, kFd), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_TRUE(IsMetered(kFd));
  fake_.Fails(EBADF);
  EXPECT_EQ(hooks::dup2(kFd, kFd), -1);
  EXPECT_TRUE(IsMetered(kFd));
}

TEST_F(Descriptors, RangesAndStreamsCloseToo) {
  Connect(kFd, kProxyAddress, 1);
  Connect(70000, kProxyAddress, 1);
  EXPECT_EQ(hooks::close_range(8, 100, 0), 0);
  EXPECT_TRUE(IsMetered(kFd));
  hooks::close_range(0, ~0u, CLOSE_RANGE_CLOEXEC);
  hooks::close_range(9, 3, 0);
  EXPECT_TRUE(IsMetered(kFd));
  hooks::close_range(7, 7, 0);
  EXPECT_FALSE(IsMetered(kFd));
  EXPECT_TRUE(IsMetered(70000));
  hooks::closefrom(-5);
  EXPECT_FALSE(IsMetered(70000));

  const int file = open("/dev/null", O_RDWR);
  FILE* stream = fdopen(file, "w");
  Connect(file, kProxyAddress, 1);
  hooks::fclose(stream);
  EXPECT_FALSE(IsMetered(file));
  fclose(stream);
}

TEST_F(Descriptors, TheKernelFindsWhatNoHookSaw) {
  Connect(kFd, kProxyAddress, 1);
  Send(kFd);
  fake_.set_kernel_bytes(kRequest.size() + 1000, 2001);
  fake_.set_tcp_state(TCP_CLOSE_WAIT);  // with a FIN, which is no byte
  hooks::close(kFd);
  const CounterSums traffic = Traffic(kVendor, "shop.test");
  EXPECT_EQ(traffic[kSentBytes], kRequest.size() + 1000);
  EXPECT_EQ(traffic[kReceivedBytes], 2000u);
  EXPECT_EQ(Vendor(kVendor)[kReconciledSentBytes], 1000u);
  EXPECT_EQ(Vendor(kVendor)[kReconciledReceivedBytes], 2000u);
}

// The library hands the keys over once its handshake is done.
TEST_F(Descriptors, TlsInTheKernelShowsPlaintextSizes) {
  Connect(kFd, kProxyAddress, 443);
  const std::string hello = ClientHello("shop.test");
  hooks::send(kFd, hello.data(), hello.size(), 0);
  EXPECT_EQ(hooks::setsockopt(kFd, IPPROTO_TCP, TCP_NODELAY, "tls", 4), 0);
  fake_.Fails(ENOENT);
  hooks::setsockopt(kFd, IPPROTO_TCP, TCP_ULP, "tls", 4);
  hooks::setsockopt(3, IPPROTO_TCP, TCP_ULP, "tls", 4);
  EXPECT_EQ(Events(kKernelTls), 0u);
  EXPECT_EQ(hooks::setsockopt(kFd, IPPROTO_TCP, TCP_ULP, "tls", 4), 0);
  EXPECT_EQ(Events(kKernelTls), 1u);
  Send(kFd);
  // On the wire it was a record: 5 bytes in front, 17 behind.
  const std::uint64_t wire = hello.size() + kRequest.size() + 22;
  fake_.set_kernel_bytes(wire, 0);
  hooks::close(kFd);
  const CounterSums traffic = Traffic(kVendor, "shop.test");
  EXPECT_EQ(traffic[kSentBytes], wire);
  EXPECT_EQ(traffic[kRequests], 0u);
  EXPECT_EQ(Vendor(kVendor)[kReconciledSentBytes], 22u);
}

TEST_F(Descriptors, AFinThatArrivesWhileTheKernelIsAskedIsNoByte) {
  Connect(kFd, kProxyAddress, 1);
  Send(kFd);
  fake_.set_kernel_bytes(kRequest.size(), 2000);
  fake_.FinArrivesUntold();
  hooks::close(kFd);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kReceivedBytes], 2000u);
}

TEST_F(Descriptors, SocketsSharedAfterForkAreNotReconciled) {
  Connect(kFd, kProxyAddress, 1);
  const pid_t child = fork();
  if (child == 0) {
    Send(kFd);
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  // The kernel counts what the child sent; so did the child.
  fake_.set_kernel_bytes(kRequest.size(), 0);
  hooks::close(kFd);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kSentBytes], kRequest.size());
  EXPECT_EQ(Vendor(kVendor)[kReconciledSentBytes], 0u);
}

// It may have become another program before it called anything.
TEST_F(Descriptors, AChildMayHaveTakenTheSocketThroughExec) {
  for (const bool closes_on_exec : {false, true}) {
    for (const bool spawned : {false, true}) {
      Connect(kFd, kProxyAddress, 1);
      Send(kFd);
      fake_.set_close_on_exec(closes_on_exec);
      if (spawned) {
        hooks::posix_spawn(nullptr, "", nullptr, nullptr, nullptr, nullptr);
      } else {
        const pid_t child = hooks::fork();
        if (child == 0) _exit(0);
        waitpid(child, nullptr, 0);
      }
      fake_.set_kernel_bytes(kRequest.size() + 1, 0);
      const std::uint64_t before = Vendor(kVendor)[kReconciledSentBytes];
      hooks::close(kFd);
      EXPECT_EQ(Vendor(kVendor)[kReconciledSentBytes], before + closes_on_exec);
    }
  }
}

TEST_F(Descriptors, VforkChildrenLeaveTheParentsStateAlone) {
  Connect(kFd, kProxyAddress, 1);
  // NOLINTBEGIN(clang-analyzer-*): what must not be done is what programs do.
  const pid_t child = vfork();
  if (child == 0) {
    hooks::close(kFd);
    hooks::dup2(0, kFd);
    hooks::socket(AF_INET, SOCK_STREAM, 0);
    _exit(0);
  }
  // NOLINTEND(clang-analyzer-*)
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(IsMetered(kFd));
  Send(kFd);
  EXPECT_EQ(Requests(), 1u);
}

TEST_F(Descriptors, ForkedChildrenAddToTheSameRows) {
  Connect(kFd, kProxyAddress, 1);
  // Half a head is held when the fork comes: it must be given out once.
  hooks::send(kFd, kRequest.data(), 10, 0);
  const pid_t child = fork();
  if (child == 0) {
    hooks::close(kFd);
    Connect(kCopy, kProxyAddress, 1);
    Send(kCopy);
    _exit(IsMetered(kFd) ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  hooks::send(kFd, kRequest.data() + 10, kRequest.size() - 10, 0);
  const CounterSums traffic = Traffic(kVendor, "shop.test");
  EXPECT_EQ(traffic[kRequests], 2u);
  EXPECT_EQ(traffic[kSentBytes], 2 * kRequest.size());
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 2u);
}

}  // namespace
}  // namespace proxymeter::shim
