#include "collector/kernel/tcp_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

namespace proxymeter::collector {
namespace {

constexpr std::size_t kFixed = NLMSG_HDRLEN + sizeof(inet_diag_msg);

template <typename T>
std::string Bytes(const T& value, std::size_t length = sizeof(T)) {
  return std::string(reinterpret_cast<const char*>(&value),
                     std::min(length, sizeof value));
}

std::string Attribute(std::uint16_t type, const std::string& payload) {
  const nlattr header = {
      .nla_len = static_cast<__u16>(NLA_HDRLEN + payload.size()),
      .nla_type = type};
  std::string text = Bytes(header) + payload;
  text.resize(NLA_ALIGN(text.size()));
  return text;
}

tcp_info Info() {
  tcp_info info{};
  info.tcpi_bytes_sent = 5000;
  info.tcpi_bytes_retrans = 700;
  info.tcpi_bytes_received = 1ull << 40;
  info.tcpi_bytes_acked = 4200;
  info.tcpi_rtt = 1500;
  return info;
}

inet_diag_msg Fixed() {
  inet_diag_msg fixed{};
  fixed.idiag_family = AF_INET;
  fixed.idiag_state = 1;
  fixed.id.idiag_sport = htons(40000);
  fixed.id.idiag_dport = htons(8080);
  fixed.id.idiag_src[0] = htonl(0x0a000001);
  fixed.id.idiag_dst[0] = htonl(0xcb007109);
  fixed.id.idiag_cookie[0] = 7;
  fixed.id.idiag_cookie[1] = 2;
  fixed.idiag_rqueue = 99;
  fixed.idiag_uid = 1000;
  fixed.idiag_inode = 4711;
  return fixed;
}

std::string Message(const inet_diag_msg& fixed, const std::string& attributes,
                    std::uint16_t type = SOCK_DIAG_BY_FAMILY) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  return Bytes(header) + Bytes(fixed) + attributes;
}

// From memory that ends where the message does.
std::optional<TcpSocket> Parse(const std::string& message) {
  const std::unique_ptr<char[]> copy(new char[message.size()]);
  std::memcpy(copy.get(), message.data(), message.size());
  auto* header = reinterpret_cast<nlmsghdr*>(copy.get());
  header->nlmsg_len = static_cast<__u32>(message.size());
  return ParseTcpSocket(header);
}

TEST(TcpSocket, EveryFieldIsRead) {
  const auto socket =
      Parse(Message(Fixed(), Attribute(INET_DIAG_SHUTDOWN, "\1") +
                                 Attribute(INET_DIAG_INFO, Bytes(Info()))));
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->cookie, 0x200000007u);
  EXPECT_EQ(socket->local.address, MappedIpv4(10, 0, 0, 1));
  EXPECT_EQ(socket->local.port, 40000u);
  EXPECT_EQ(socket->remote.address, MappedIpv4(203, 0, 113, 9));
  EXPECT_EQ(socket->remote.port, 8080u);
  EXPECT_EQ(socket->state, TcpState::kEstablished);
  EXPECT_TRUE(socket->has_counts);
  EXPECT_EQ(socket->sent, 4300u);
  EXPECT_EQ(socket->received, 1ull << 40);
  EXPECT_EQ(socket->acked, 4200u);
  EXPECT_EQ(socket->retransmitted, 700u);
  EXPECT_EQ(socket->unread, 99u);
  EXPECT_EQ(socket->rtt_us, 1500u);
  EXPECT_EQ(socket->inode, 4711u);
  EXPECT_EQ(socket->uid, 1000u);
}

TEST(TcpSocket, KernelsTellMoreOrLess) {
  const std::size_t needed =
      offsetof(tcp_info, tcpi_bytes_retrans) + sizeof(__u64);
  const std::string info = Bytes(Info()) + std::string(64, '\xff');
  for (std::size_t length = 0; length <= info.size(); ++length) {
    const auto socket = Parse(
        Message(Fixed(), Attribute(INET_DIAG_INFO, info.substr(0, length))));
    ASSERT_TRUE(socket.has_value()) << length;
    EXPECT_EQ(socket->has_counts, length >= needed) << length;
    EXPECT_EQ(socket->sent, length >= needed ? 4300u : 0u) << length;
    EXPECT_EQ(socket->cookie, 0x200000007u);
  }
}

TEST(TcpSocket, WhatACutMessageSaysIsNotTaken) {
  const std::string shutdown = Attribute(INET_DIAG_SHUTDOWN, "\1");
  const std::string info = Attribute(INET_DIAG_INFO, Bytes(Info()));
  const std::string whole = Message(Fixed(), shutdown + info);
  const std::size_t first = kFixed + shutdown.size();
  for (std::size_t length = NLMSG_HDRLEN; length <= whole.size(); ++length) {
    const auto socket = Parse(whole.substr(0, length));
    // Between attributes nobody can tell; the first one's padding is 3 bytes.
    const bool complete = length == kFixed ||
                          (length + 3 >= first && length <= first) ||
                          length == whole.size();
    EXPECT_EQ(socket.has_value(), complete) << length;
    EXPECT_EQ(socket && socket->has_counts, length == whole.size()) << length;
  }
}

TEST(TcpSocket, LengthsThatLieAreRefused) {
  const std::string whole =
      Message(Fixed(), Attribute(INET_DIAG_INFO, Bytes(Info())));
  for (const int length : {0, 1, 3, 0x7fff, 0xffff}) {
    std::string message = whole;
    const auto lie = static_cast<__u16>(length);
    std::memcpy(&message[kFixed], &lie, sizeof lie);
    EXPECT_FALSE(Parse(message).has_value()) << length;
  }
  for (const int length : {0, 1, 15, 16, 87}) {
    std::string message = whole;
    auto* header = reinterpret_cast<nlmsghdr*>(message.data());
    header->nlmsg_len = static_cast<__u32>(length);
    EXPECT_FALSE(ParseTcpSocket(header).has_value()) << length;
  }
}

TEST(TcpSocket, OtherMessagesAreNone) {
  EXPECT_FALSE(Parse(Message(Fixed(), "", NLMSG_DONE)).has_value());
  EXPECT_FALSE(Parse(Message(Fixed(), "", NLMSG_ERROR)).has_value());
  inet_diag_msg fixed = Fixed();
  fixed.idiag_family = AF_UNIX;
  EXPECT_FALSE(Parse(Message(fixed, "")).has_value());
}

TEST(TcpSocket, OneThatListensHasNoCounts) {
  inet_diag_msg fixed = Fixed();
  fixed.idiag_state = static_cast<__u8>(TcpState::kListen);
  const auto socket =
      Parse(Message(fixed, Attribute(INET_DIAG_INFO, Bytes(Info()))));
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->state, TcpState::kListen);
  EXPECT_FALSE(socket->has_counts);
  EXPECT_EQ(socket->unread, 0u);
}

TEST(TcpSocket, IPv6IsTakenAsItIs) {
  inet_diag_msg fixed = Fixed();
  fixed.idiag_family = AF_INET6;
  const Address address = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0,
                           0,    0, 0,    0,    0, 0, 0, 9};
  std::memcpy(fixed.id.idiag_dst, address.data(), address.size());
  const auto socket = Parse(Message(fixed, ""));
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->remote.address, address);
}

}  // namespace
}  // namespace proxymeter::collector
