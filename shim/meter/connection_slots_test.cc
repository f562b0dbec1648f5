#include "shim/meter/connection_slots.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "shim/hooks/hooks.h"
#include "shim/testing/exchange_fixture.h"

namespace proxymeter::shim {
namespace {

class ConnectionSlotsTest : public ExchangeFixture {
 protected:
  ConnectionSlotsTest() { fake_.set_close_on_exec(true); }

  // What a collector would find of the connection of `fd` now.
  static const ConnectionSlot* SlotOf(int fd) {
    const JournalFile& journal = shim.meter.journal();
    for (std::uint32_t i = 0; i < journal.slot_limit(); ++i) {
      if (journal.slot(i)->cookie == FakeLibc::CookieOf(fd)) {
        return journal.slot(i);
      }
    }
    return nullptr;
  }
  static const ConnectionSlot* SlotOfEnded(int fd) {
    const JournalFile& journal = shim.meter.journal();
    for (std::uint32_t i = 0; i < journal.slot_limit(); ++i) {
      if (journal.slot(i)->ended_cookie == FakeLibc::CookieOf(fd)) {
        return journal.slot(i);
      }
    }
    return nullptr;
  }
  static const JournalRow* Row(std::uint32_t number) {
    return number == 0 ? nullptr : &shim.meter.journal().rows()[number - 1];
  }
};

TEST_F(ConnectionSlotsTest, AnOpenConnectionHasOneAndAClosedOneNone) {
  Connect(kFd, kProxyAddress, 3128);
  const ConnectionSlot* slot = SlotOf(kFd);
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(Row(slot->vendor_row)->kind, RowKind::kVendor);
  EXPECT_EQ(Row(slot->vendor_row)->vendor(), kVendor);
  EXPECT_EQ(slot->row, 0u);
  EXPECT_EQ(slot->may_be_shared, 0u);
  hooks::close(kFd);
  EXPECT_EQ(SlotOf(kFd), nullptr);
}

TEST_F(ConnectionSlotsTest, KnowsWhatWasReportedAndWhereItWent) {
  const std::string request = "GET http://a.test/ HTTP/1.1\r\n\r\n";
  Connect(kFd, kProxyAddress, 3128);
  Send(request);
  const ConnectionSlot* slot = SlotOf(kFd);
  EXPECT_EQ(slot->sent, request.size());
  EXPECT_EQ(Row(slot->row)->destination(), "a.test");
  // Past the hooks: found at the end, and not again by the collector.
  fake_.set_kernel_bytes(request.size() + 3, 0);
  hooks::close(kFd);
  EXPECT_EQ(slot->sent, request.size() + 3);
}

TEST_F(ConnectionSlotsTest, TellsOfAConnectionThatHasEnded) {
  const std::string request = "GET http://a.test/ HTTP/1.1\r\n\r\n";
  const std::string response = "HTTP/1.1 204 No Content\r\n\r\n";
  Connect(kFd, kProxyAddress, 3128);
  Send(request);
  Receive(response);
  EXPECT_EQ(SlotOf(kFd)->received, response.size());
  EXPECT_EQ(SlotOfEnded(kFd), nullptr);
  const JournalHeader* header = shim.meter.journal().header();
  EXPECT_EQ(header->ended_connections, 0u);
  fake_.set_kernel_bytes(request.size() + 3, response.size() + 4);
  hooks::close(kFd);
  EXPECT_EQ(header->ended_connections, 1u);
  const ConnectionSlot* ended = SlotOfEnded(kFd);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->cookie, 0u);
  EXPECT_EQ(ended->sent, request.size() + 3);
  EXPECT_EQ(ended->received, response.size() + 4);
  EXPECT_EQ(Row(ended->vendor_row)->vendor(), kVendor);
  EXPECT_EQ(ended->adopted, 0u);
  // Not used again at once.
  Connect(kFd + 1, kProxyAddress, 3128);
  EXPECT_NE(SlotOf(kFd + 1), ended);
  EXPECT_EQ(SlotOfEnded(kFd), ended);
}

TEST_F(ConnectionSlotsTest, ManyThatEndMakeRoomForEachOther) {
  ASSERT_TRUE(shim.meter.Open(shim.environment.directory()));
  const JournalRow* vendor = shim.connections.VendorRow(kVendor);
  const JournalFile& journal = shim.meter.journal();
  constexpr std::uint64_t kConnections = 3 * (kFirstSlots + kMaxMoreSlots);
  for (std::uint64_t cookie = 1; cookie <= kConnections; ++cookie) {
    ConnectionSlot* slot =
        shim.meter.TakeSlot({.cookie = cookie, .may_be_shared = false}, vendor);
    ASSERT_NE(slot, nullptr) << cookie;
    EXPECT_EQ(slot->ended_cookie, 0u);
    EXPECT_EQ(slot->sent, 0u);
    EXPECT_EQ(slot->received, 0u);
    shim.meter.GiveBackSlot(slot);
  }
  EXPECT_EQ(journal.header()->ended_connections, kConnections);
  // The last ones are told of still, as many as there are slots.
  ASSERT_EQ(journal.slot_limit(), kFirstSlots + kMaxMoreSlots);
  for (std::uint32_t i = 0; i < journal.slot_limit(); ++i) {
    EXPECT_GT(journal.slot(i)->ended_cookie,
              kConnections - 2 * journal.slot_limit());
  }
}

TEST_F(ConnectionSlotsTest, WhatHasNoSlotIsCounted) {
  Connect(kFd, kProxyAddress, 3128);
  const JournalHeader* header = shim.meter.journal().header();
  EXPECT_EQ(header->without_slot, 0u);
  fake_.set_cookies(false);
  Connect(kFd + 1, kProxyAddress, 3128);
  Connect(kFd + 2, kProxyAddress, 3128);
  EXPECT_EQ(header->without_slot, 2u);
  hooks::close(kFd + 1);
  hooks::close(kFd);
  EXPECT_EQ(header->without_slot, 1u);
  hooks::close(kFd + 2);
  EXPECT_EQ(header->without_slot, 0u);
}

TEST_F(ConnectionSlotsTest, BetweenRequestsTheNextOneIsExpected) {
  const std::string get = "GET http://a.test/ HTTP/1.1\r\n\r\n";
  const std::string post =
      "POST http://a.test/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
  Connect(kFd, kProxyAddress, 3128);
  const ConnectionSlot* slot = SlotOf(kFd);
  // It may speak anything.
  EXPECT_EQ(slot->request_from, 0u);
  Send(get);
  EXPECT_EQ(slot->request_from, get.size() + 1);
  EXPECT_EQ(slot->request_row, 0u);
  Send(get.substr(0, 10));
  EXPECT_EQ(slot->request_from, get.size() + 1);
  Send(get.substr(10));
  EXPECT_EQ(slot->request_from, 2 * get.size() + 1);
  Send(post);
  EXPECT_EQ(slot->request_from, 0u);
  Send("four");
  EXPECT_EQ(slot->request_from, 0u);
  Send("5");
  EXPECT_EQ(slot->request_from, 2 * get.size() + post.size() + 5 + 1);
  // The vendor's next connection will begin like this one.
  Connect(kFd + 1, kProxyAddress, 3128);
  EXPECT_EQ(SlotOf(kFd + 1)->request_from, 1u);
}

TEST_F(ConnectionSlotsTest, ATunnelOrTlsIsNoRequest) {
  const std::string get = "GET http://a.test/ HTTP/1.1\r\n\r\n";
  for (const std::string& other :
       {std::string("CONNECT a.test:443 HTTP/1.1\r\n\r\n"),
        std::string("\x16\x03\x01\x00\x05hello"),
        std::string("\x05\x01\x00", 3),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("?")}) {
    Connect(kFd, kProxyAddress, 3128);
    Send(get);
    hooks::close(kFd);
    Connect(kFd, kProxyAddress, 3128);
    EXPECT_EQ(SlotOf(kFd)->request_from, 1u);
    Send(other);
    EXPECT_EQ(SlotOf(kFd)->request_from, 0u) << other;
    hooks::close(kFd);
    Connect(kFd, kProxyAddress, 3128);
    EXPECT_EQ(SlotOf(kFd)->request_from, 0u) << other;
    hooks::close(kFd);
  }
}

TEST_F(ConnectionSlotsTest, WhatAnotherProgramMayHaveIsMarked) {
  Connect(kFd, kProxyAddress, 3128);
  hooks::fcntl(kFd, F_SETFD, FD_CLOEXEC);
  EXPECT_EQ(SlotOf(kFd)->may_be_shared, 0u);
  hooks::fcntl(kFd, F_SETFD, 0);
  EXPECT_EQ(SlotOf(kFd)->may_be_shared, 1u);
  Connect(kFd + 1, kProxyAddress, 3128);
  fake_.set_next_descriptor(20);
  hooks::dup(kFd + 1);
  EXPECT_EQ(SlotOf(kFd + 1)->may_be_shared, 1u);
  Connect(kFd + 3, kProxyAddress, 3128);
  EXPECT_EQ(SlotOf(kFd + 3)->may_be_shared, 0u);
  hooks::ioctl(kFd + 3, FIONCLEX, 0);
  EXPECT_EQ(SlotOf(kFd + 3)->may_be_shared, 1u);
  fake_.set_close_on_exec(false);
  Connect(kFd + 2, kProxyAddress, 3128);
  EXPECT_EQ(SlotOf(kFd + 2)->may_be_shared, 1u);
}

TEST_F(ConnectionSlotsTest, AForksSlotStays) {
  Connect(kFd, kProxyAddress, 3128);
  const pid_t child = hooks::fork();
  if (child == 0) _exit(0);
  hooks::close(kFd);
  EXPECT_NE(SlotOf(kFd), nullptr);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(ConnectionSlotsTest, GrowsUpToItsLimitAndUsesAgainWhatIsFree) {
  ASSERT_TRUE(shim.meter.Open(shim.environment.directory()));
  const JournalRow* vendor = shim.connections.VendorRow(kVendor);
  const auto take = [&](std::uint64_t cookie) {
    return shim.meter.TakeSlot({.cookie = cookie, .may_be_shared = false},
                               vendor);
  };
  std::vector<ConnectionSlot*> taken;
  constexpr std::size_t kMost = kFirstSlots + kMaxMoreSlots;
  while (ConnectionSlot* slot = take(taken.size() + 1)) {
    taken.push_back(slot);
    ASSERT_LE(taken.size(), kMost);
  }
  EXPECT_EQ(taken.size(), kMost);
  for (std::size_t i = 0; i < kMost; ++i) EXPECT_EQ(taken[i]->cookie, i + 1);
  shim.meter.GiveBackSlot(taken[0]);
  EXPECT_EQ(take(99), taken[0]);
  EXPECT_EQ(take(0), nullptr);
}

}  // namespace
}  // namespace proxymeter::shim
