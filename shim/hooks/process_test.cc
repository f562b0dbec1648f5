#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/hooks/hooks.h"
#include "shim/kernel.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr std::string_view kRequest =
    "GET http://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n";

class ProcessHooks : public ShimFixture {
 protected:
  static int LockUp() { return hooks::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); }
  // Tries to reach a collector, which is not there, and says so.
  static std::uint64_t FlushesTried() {
    const std::uint64_t before = Events(kUplinkFailures);
    shim.uplink.Flush();
    return Events(kUplinkFailures) - before;
  }
  static void Send(int fd) {
    hooks::send(fd, kRequest.data(), kRequest.size(), 0);
  }
};

TEST_F(ProcessHooks, ASandboxedProcessMakesNoSystemCallOfOurs) {
  Connect(kFd, kProxyAddress, 1);
  EXPECT_EQ(FlushesTried(), 1u);
  EXPECT_EQ(LockUp(), 0);
  EXPECT_EQ(FlushesTried(), 0u);
  EXPECT_EQ(kernel::Call(SYS_getpid), -EPERM);
  const int asked = fake_.calls("getsockopt");
  Send(kFd);
  hooks::close(kFd);
  EXPECT_EQ(fake_.calls("getsockopt"), asked);
  EXPECT_FALSE(IsMetered(kFd));
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kSentBytes], kRequest.size());
}

TEST_F(ProcessHooks, ASandboxedProcessGoesOnConnecting) {
  LockUp();
  fake_.set_next_descriptor(kFd);
  EXPECT_EQ(hooks::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), kFd);
  Connect(kFd, kProxyAddress, 1);
  Send(kFd);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kRequests], 1u);
  hooks::close(kFd);
  EXPECT_EQ(hooks::socket(AF_INET, SOCK_DGRAM, 0), kFd);
  Connect(kFd, kProxyAddress, 1);
  EXPECT_FALSE(IsMetered(kFd));
  EXPECT_EQ(fake_.calls("getsockopt"), 0);
}

TEST_F(ProcessHooks, ASandboxedProcessHasRowsAhead) {
  Connect(kFd, kProxyAddress, 1);
  LockUp();
  for (int i = 0; i < 400; ++i) {
    const std::string host = "h" + std::to_string(i) + ".test";
    const std::string request =
        "GET http://" + host + "/ HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
    hooks::send(kFd, request.data(), request.size(), 0);
    fake_.Receives("HTTP/1.1 204 No Content\r\n\r\n");
    char buffer[100];
    hooks::recv(kFd, buffer, sizeof(buffer), 0);
    ASSERT_EQ(Traffic(kVendor, host)[kRequests], 1u) << i;
  }
  EXPECT_EQ(Events(kRowsOverflowed), 0u);
}

TEST_F(ProcessHooks, ARefusedSandboxIsNone) {
  Connect(kFd, kProxyAddress, 1);
  errno = 0;
  fake_.Fails(EINVAL);
  EXPECT_EQ(hooks::prctl(PR_SET_SECCOMP, 99, 0, 0, 0), -1);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_EQ(FlushesTried(), 1u);
  // One that follows another leaves that one in force.
  LockUp();
  fake_.Fails(EACCES);
  hooks::prctl(PR_SET_SECCOMP, 99, 0, 0, 0);
  EXPECT_EQ(FlushesTried(), 0u);
}

TEST_F(ProcessHooks, OtherRequestsChangeNothing) {
  Connect(kFd, kProxyAddress, 1);
  hooks::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  hooks::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  EXPECT_EQ(fake_.calls("prctl"), 2);
  EXPECT_EQ(FlushesTried(), 1u);
}

TEST_F(ProcessHooks, AChildsSandboxIsNotItsParents) {
  Connect(kFd, kProxyAddress, 1);
  // NOLINTBEGIN(clang-analyzer-*): what must not be done is what programs do.
  const pid_t borrowed = vfork();
  if (borrowed == 0) {
    _exit(hooks::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  }
  // NOLINTEND(clang-analyzer-*)
  int status = -1;
  waitpid(borrowed, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(FlushesTried(), 1u);
  const pid_t forked = fork();
  if (forked == 0) {
    LockUp();
    // What it inherited it goes on counting, and whether it is the parent's
    // memory is not asked.
    Send(kFd);
    hooks::close(kFd);
    _exit(IsMetered(kFd) ? 1 : 0);
  }
  status = -1;
  waitpid(forked, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(FlushesTried(), 1u);
  EXPECT_TRUE(IsMetered(kFd));
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kRequests], 1u);
}

}  // namespace
}  // namespace proxymeter::shim
