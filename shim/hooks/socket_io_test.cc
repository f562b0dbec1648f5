#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <string>

#include "shim/hooks/hooks.h"
#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

constexpr int kFd = 7;
constexpr std::string_view kRequest =
    "GET http://shop.test/a HTTP/1.1\r\nHost: shop.test\r\n\r\n";
constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

class SocketIo : public ShimFixture {
 protected:
  SocketIo() { Connect(kFd, kProxyAddress, 3128); }
  // What the destination was given so far.
  static std::uint64_t Sent() {
    return Traffic(kVendor, "shop.test")[kSentBytes];
  }
  static std::uint64_t Received() {
    return Traffic(kVendor, "shop.test")[kReceivedBytes];
  }
};

TEST_F(SocketIo, ShortWritesCountWhatTheKernelTook) {
  fake_.Moves(10);
  EXPECT_EQ(hooks::send(kFd, kRequest.data(), kRequest.size(), 0), 10);
  EXPECT_EQ(hooks::send(kFd, kRequest.data() + 10, kRequest.size() - 10, 0),
            static_cast<ssize_t>(kRequest.size() - 10));
  EXPECT_EQ(Sent(), kRequest.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kRequests], 1u);
}

TEST_F(SocketIo, EveryErrorPassesThroughAndMovesNothing) {
  for (const int error : {EINTR, EAGAIN, EPIPE, ECONNRESET}) {
    fake_.Fails(error);
    errno = 0;
    EXPECT_EQ(hooks::write(kFd, kRequest.data(), kRequest.size()), -1);
    EXPECT_EQ(errno, error);
    fake_.Fails(error);
    char buffer[16];
    EXPECT_EQ(hooks::read(kFd, buffer, sizeof(buffer)), -1);
    EXPECT_EQ(errno, error);
  }
  EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes], 0u);
  EXPECT_EQ(Vendor(kVendor)[kHeldReceivedBytes], 0u);
}

TEST_F(SocketIo, ErrnoIsLeftAloneBySuccess) {
  errno = ENOENT;
  hooks::send(kFd, kRequest.data(), kRequest.size(), 0);
  EXPECT_EQ(errno, ENOENT);
  fake_.Receives(kResponse);
  char buffer[256];
  hooks::recv(kFd, buffer, sizeof(buffer), 0);
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(SocketIo, TheRealCallIsMadeOnceWithAnyDescriptor) {
  char buffer[8];
  hooks::read(-1, buffer, sizeof(buffer));
  hooks::read(1 << 30, buffer, sizeof(buffer));
  hooks::write(12345, "x", 1);
  EXPECT_EQ(fake_.calls("read"), 2);
  EXPECT_EQ(fake_.calls("write"), 1);
}

TEST_F(SocketIo, PeekAndErrorQueueMoveNothing) {
  hooks::send(kFd, kRequest.data(), kRequest.size(), 0);
  char buffer[256];
  for (const int flags :
       {int{MSG_PEEK}, int{MSG_ERRQUEUE}, int{MSG_PEEK} | int{MSG_TRUNC}}) {
    fake_.Receives(kResponse);
    EXPECT_EQ(hooks::recv(kFd, buffer, sizeof(buffer), flags),
              static_cast<ssize_t>(kResponse.size()));
  }
  EXPECT_EQ(Received(), 0u);
  fake_.Receives(kResponse);
  hooks::recv(kFd, buffer, sizeof(buffer), 0);
  EXPECT_EQ(Received(), kResponse.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kResponses2xx], 1u);
}

TEST_F(SocketIo, TruncatedReceiveIsCountedWithoutTouchingTheBuffer) {
  hooks::send(kFd, kRequest.data(), kRequest.size(), 0);
  fake_.Moves(1000);
  EXPECT_EQ(hooks::recv(kFd, nullptr, 1000, MSG_TRUNC), 1000);
  EXPECT_EQ(Received(), 1000u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 1u);
}

TEST_F(SocketIo, EveryCallOfTheFamilyCounts) {
  const iovec out[] = {
      {const_cast<char*>(kRequest.data()), 20},
      {const_cast<char*>(kRequest.data()) + 20, kRequest.size() - 20}};
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(out);
  message.msg_iovlen = 2;
  hooks::send(kFd, kRequest.data(), kRequest.size(), 0);
  hooks::sendto(kFd, kRequest.data(), kRequest.size(), 0, nullptr, 0);
  hooks::sendmsg(kFd, &message, 0);
  hooks::write(kFd, kRequest.data(), kRequest.size());
  hooks::writev(kFd, out, 2);
  EXPECT_EQ(Sent(), 5 * kRequest.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kRequests], 5u);

  char buffer[256];
  const iovec in[] = {{buffer, 7}, {buffer + 7, sizeof(buffer) - 7}};
  message.msg_iov = const_cast<iovec*>(in);
  const auto expect_next = [&] { fake_.Receives(kResponse); };
  expect_next();
  hooks::recv(kFd, buffer, sizeof(buffer), 0);
  expect_next();
  hooks::recvfrom(kFd, buffer, sizeof(buffer), 0, nullptr, nullptr);
  expect_next();
  hooks::recvmsg(kFd, &message, 0);
  expect_next();
  hooks::read(kFd, buffer, sizeof(buffer));
  expect_next();
  hooks::readv(kFd, in, 2);
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kResponses2xx], 5u);
  expect_next();
  hooks::__read_chk(kFd, buffer, sizeof(buffer), sizeof(buffer));
  expect_next();
  hooks::__recv_chk(kFd, buffer, sizeof(buffer), sizeof(buffer), 0);
  expect_next();
  hooks::__recvfrom_chk(kFd, buffer, sizeof(buffer), sizeof(buffer), 0, nullptr,
                        nullptr);
  EXPECT_EQ(Received(), 8 * kResponse.size());
}

TEST_F(SocketIo, MessagesAreCountedInBytes) {
  iovec piece = {const_cast<char*>(kRequest.data()), kRequest.size()};
  mmsghdr messages[3] = {};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }
  EXPECT_EQ(hooks::sendmmsg(kFd, messages, 3, 0), 3);
  EXPECT_EQ(Sent(), 3 * kRequest.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kRequests], 3u);

  char buffer[256];
  piece = {buffer, sizeof(buffer)};
  fake_.Receives(kResponse);
  fake_.Receives(kResponse);
  EXPECT_EQ(hooks::recvmmsg(kFd, messages, 3, 0, nullptr), 2);
  EXPECT_EQ(Received(), 2 * kResponse.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kResponses2xx], 2u);
}

TEST_F(SocketIo, BodiesThatTheKernelMovesKeepTheirPlace) {
  constexpr std::string_view kUpload =
      "PUT http://shop.test/up HTTP/1.1\r\nHost: shop.test\r\n"
      "Content-Length: 100000\r\n\r\n";
  hooks::send(kFd, kUpload.data(), kUpload.size(), 0);
  EXPECT_EQ(hooks::sendfile(kFd, 3, nullptr, 60000), 60000);
  EXPECT_EQ(hooks::sendfile64(kFd, 3, nullptr, 20000), 20000);
  EXPECT_EQ(hooks::splice(3, nullptr, kFd, nullptr, 20000, 0), 20000);
  hooks::send(kFd, kRequest.data(), kRequest.size(), 0);
  EXPECT_EQ(Sent(), kUpload.size() + 100000 + kRequest.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kRequests], 2u);

  char buffer[256];
  constexpr std::string_view kHead =
      "HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n";
  fake_.Receives(kHead);
  hooks::recv(kFd, buffer, sizeof(buffer), 0);
  EXPECT_EQ(hooks::splice(kFd, nullptr, 3, nullptr, 50000, 0), 50000);
  fake_.Receives(kResponse);
  hooks::recv(kFd, buffer, sizeof(buffer), 0);
  EXPECT_EQ(Received(), kHead.size() + 50000 + kResponse.size());
  EXPECT_EQ(Traffic(kVendor, "shop.test")[kResponses2xx], 2u);
  EXPECT_EQ(Events(kDesynchronisedHttp1), 0u);
}

TEST_F(SocketIo, FastOpenConnectsWithItsFirstBytes) {
  constexpr int kOther = 8;
  sockaddr_in proxy = {};
  proxy.sin_family = AF_INET;
  proxy.sin_port = htons(3128);
  inet_pton(AF_INET, kProxyAddress, &proxy.sin_addr);
  const auto* address = reinterpret_cast<sockaddr*>(&proxy);
  hooks::sendto(kOther, kRequest.data(), kRequest.size(), MSG_FASTOPEN, address,
                sizeof(proxy));
  EXPECT_EQ(Sent(), kRequest.size());
  EXPECT_EQ(Vendor(kVendor)[kConnectionsOk], 2u);
  // Without a cookie the kernel only begins to connect.
  fake_.Fails(EINPROGRESS);
  hooks::sendto(kOther + 1, kRequest.data(), kRequest.size(), MSG_FASTOPEN,
                address, sizeof(proxy));
  EXPECT_TRUE(IsMetered(kOther + 1));
  EXPECT_EQ(Sent(), kRequest.size());
}

TEST_F(SocketIo, NullAndEmptyBuffersAreTheKernelsBusiness) {
  fake_.Fails(EFAULT);
  EXPECT_EQ(hooks::send(kFd, nullptr, 10, 0), -1);
  EXPECT_EQ(errno, EFAULT);
  EXPECT_EQ(hooks::writev(kFd, nullptr, 0), 0);
  fake_.Fails(EINVAL);
  EXPECT_EQ(hooks::readv(kFd, nullptr, -1), -1);
  EXPECT_EQ(Vendor(kVendor)[kHeldSentBytes], 0u);
}

}  // namespace
}  // namespace proxymeter::shim
