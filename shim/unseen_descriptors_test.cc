#include "shim/unseen_descriptors.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr int kHighFd = 70'000;
constexpr std::string_view kRequest =
    "GET http://shop.test/ HTTP/1.1\r\nHost: shop.test\r\n\r\n";

class UnseenDescriptors : public ShimFixture {
 protected:
  static void Send(int fd) {
    hooks::write(fd, kRequest.data(), kRequest.size());
  }
  static CounterSums Shop() { return Traffic(kVendor, "shop.test"); }
  // recvmsg brings `fd` from another process, or sendmsg takes it there.
  void Arrive(int fd) { Move(fd, /*in=*/true); }
  void Pass(int fd) { Move(fd, /*in=*/false); }

 private:
  void Move(int fd, bool in) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(fd))] = {};
    iovec piece = {byte_, 1};
    msghdr message = {};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(fd));
    std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    if (in) fake_.Receives("x");
    ASSERT_EQ(
        in ? hooks::recvmsg(3, &message, 0) : hooks::sendmsg(3, &message, 0),
        1);
  }

  char byte_[1];
};

TEST_F(UnseenDescriptors, InheritedConnectionIsMeteredFromItsFirstUse) {
  fake_.set_peer(kFd, kProxyAddress);
  Send(kFd);
  EXPECT_EQ(Shop()[kRequests], 1u);
  EXPECT_EQ(Shop()[kSentBytes], kRequest.size());
  EXPECT_EQ(Vendor(kVendor)[kConnectionsAdopted], 1u);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 0u);
}

TEST_F(UnseenDescriptors, EveryCallLooks) {
  fake_.set_peer(3, kProxyAddress);
  fake_.set_peer(4, kProxyAddress);
  fake_.set_peer(5, kProxyAddress);
  iovec piece = {const_cast<char*>(kRequest.data()), kRequest.size()};
  hooks::writev(3, &piece, 1);
  mmsghdr messages = {};
  messages.msg_hdr.msg_iov = &piece;
  messages.msg_hdr.msg_iovlen = 1;
  hooks::sendmmsg(4, &messages, 1, 0);
  hooks::sendfile(5, 0, nullptr, 10);
  EXPECT_EQ(Shop()[kRequests], 2u);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsAdopted], 3u);
}

TEST_F(UnseenDescriptors, FilesAreAskedOnce) {
  Send(kFd);
  Send(kFd);
  hooks::close(kFd);
  Send(kFd);
  EXPECT_EQ(fake_.calls("is_socket"), 1);
  EXPECT_EQ(fake_.calls("peer_address"), 0);
  EXPECT_FALSE(shim.meter.open());
}

TEST_F(UnseenDescriptors, ABadDescriptorIsNotRemembered) {
  fake_.set_closed(kFd, true);
  Send(kFd);
  fake_.set_closed(kFd, false);
  fake_.set_peer(kFd, kProxyAddress);
  Send(kFd);
  EXPECT_EQ(Shop()[kRequests], 1u);
}

TEST_F(UnseenDescriptors, CallsThatMoveNothingDoNotAsk) {
  for (const int error : {EAGAIN, EBADF}) {
    fake_.Fails(error);
    Send(kFd);
    EXPECT_EQ(errno, error);
  }
  EXPECT_EQ(fake_.calls("is_socket"), 0);
}

TEST_F(UnseenDescriptors, AcceptedConnectionsAreLeftAlone) {
  fake_.set_peer(kFd, kProxyAddress);
  fake_.set_next_descriptor(kFd);
  EXPECT_EQ(hooks::accept(3, nullptr, nullptr), kFd);
  Send(kFd);
  // Nor may an inherited one be taken for a way out: its peer is a client.
  fake_.set_peer(kFd + 1, "203.0.114.1");
  Send(kFd + 1);
  EXPECT_FALSE(shim.meter.open());
}

TEST_F(UnseenDescriptors, ConnectionsArriveInMessages) {
  for (const int fd : {kFd, kHighFd}) {
    Send(fd);  // A file until now.
    fake_.set_peer(fd, kProxyAddress);
    Arrive(fd);
    Send(fd);
  }
  EXPECT_EQ(Shop()[kRequests], 2u);
  EXPECT_EQ(Vendor(kVendor)[kConnectionsAdopted], 2u);
  hooks::close(kHighFd);
  EXPECT_FALSE(IsMetered(kHighFd));
  // What is beside it in the table is known.
  EXPECT_TRUE(IsPlain(kHighFd + 1));
}

TEST_F(UnseenDescriptors, CopiesAreAsUnknownAsTheirOriginals) {
  Send(9);
  fake_.set_peer(9, kProxyAddress);
  hooks::dup2(kFd, 9);
  Send(9);
  EXPECT_EQ(Shop()[kRequests], 1u);
}

// What others moved on it is in the kernel's count.
TEST_F(UnseenDescriptors, AdoptedConnectionsAreNotReconciled) {
  fake_.set_peer(kFd, kProxyAddress);
  Send(kFd);
  fake_.set_kernel_bytes(1'000'000, 1'000'000);
  hooks::close(kFd);
  EXPECT_EQ(Shop()[kSentBytes], kRequest.size());
  EXPECT_EQ(Vendor(kVendor)[kReconciledSentBytes], 0u);
}

TEST_F(UnseenDescriptors, NorArePassedOnes) {
  Connect(kFd, kProxyAddress, 1);
  Send(kFd);
  Pass(kFd);
  fake_.set_kernel_bytes(1'000'000, 1'000'000);
  hooks::close(kFd);
  EXPECT_EQ(Vendor(kVendor)[kReconciledSentBytes], 0u);
}

TEST_F(UnseenDescriptors, VforkChildrenAskNothing) {
  fake_.set_peer(kFd, kProxyAddress);
  // NOLINTBEGIN(clang-analyzer-*): what must not be done is what programs do.
  const pid_t child = vfork();
  if (child == 0) {
    Send(kFd);
    _exit(0);
  }
  // NOLINTEND(clang-analyzer-*)
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(shim.connections.IsUnknown(kFd));
}

}  // namespace
}  // namespace proxymeter::shim
