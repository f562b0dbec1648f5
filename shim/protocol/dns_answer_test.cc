#include "shim/protocol/dns_answer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "shim/protocol/dns_testing.h"

namespace proxymeter::protocol {
namespace {

constexpr Address kV6 = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0,
                         0,    0, 0,   0,    0, 0, 0, 1};

// From an allocation of its own, so that AddressSanitizer notices a byte read
// beyond it.
std::optional<DnsSaid> Read(std::string_view text) {
  const std::vector<std::uint8_t> message(text.begin(), text.end());
  DnsAnswer answer;
  if (!answer.Open(message)) return std::nullopt;
  DnsSaid said{std::string(answer.name()), {}};
  for (Address address; answer.Next(&address);) {
    said.addresses.push_back(address);
  }
  Address none;
  EXPECT_FALSE(answer.Next(&none));
  return said;
}

DnsSaid Said(std::string name, std::vector<Address> addresses) {
  return {std::move(name), std::move(addresses)};
}

// Every kind of record, both families, aliases, an OPT behind.
std::string Recorded(std::uint16_t flags = 0x8180, bool compress = true) {
  DnsWriter writer("Gw.Acme.TEST", kDnsA, flags, compress);
  writer.Cname("gw.acme.test", "pool.acme.test");
  writer.Record("pool.acme.test", kDnsTxt, "\4text");
  writer.Cname("pool.acme.test", "eu.pool.acme.test");
  writer.A("eu.pool.acme.test", {192, 0, 2, 1});
  writer.Aaaa("eu.pool.acme.test", kV6);
  writer.A("eu.pool.acme.test", {192, 0, 2, 2});
  writer.Opt();
  return writer.bytes();
}

const DnsSaid kRecorded = Said(
    "gw.acme.test", {MappedIpv4(192, 0, 2, 1), kV6, MappedIpv4(192, 0, 2, 2)});

TEST(DnsAnswer, TellsTheAddressesOfTheNameAskedFor) {
  EXPECT_EQ(Read(Recorded()), kRecorded);
  EXPECT_EQ(Read(Recorded(0x8180, /*compress=*/false)), kRecorded);
}

// As dnsmasq 2.90 sent it.
TEST(DnsAnswer, ReadsWhatAServerWrote) {
  constexpr char kRecordedMessage[] =
      "\x9a\x2f\x85\x80\x00\x01\x00\x02\x00\x00\x00\x01\x02\x47\x57\x04"
      "\x61\x63\x6d\x65\x04\x74\x65\x73\x74\x00\x00\x01\x00\x01\xc0\x0c"
      "\x00\x05\x00\x01\x00\x00\x00\x00\x00\x10\x04\x70\x6f\x6f\x6c\x04"
      "\x61\x63\x6d\x65\x04\x74\x65\x73\x74\x00\xc0\x2a\x00\x01\x00\x01"
      "\x00\x00\x00\x00\x00\x04\x7f\x00\x15\x02\x00\x00\x29\x04\xd0\x00"
      "\x00\x00\x00\x00\x00";
  EXPECT_EQ(
      Read(std::string_view(kRecordedMessage, sizeof(kRecordedMessage) - 1)),
      Said("gw.acme.test", {MappedIpv4(127, 0, 21, 2)}));
}

TEST(DnsAnswer, OtherNamesAddressesAreNotIts) {
  DnsWriter writer("a.test");
  writer.A("b.test", {192, 0, 2, 1});
  writer.A("a.test", {192, 0, 2, 2});
  writer.A("a.test.b", {192, 0, 2, 3});
  writer.A("aa.test", {192, 0, 2, 4});
  writer.A("test", {192, 0, 2, 5});
  EXPECT_EQ(Read(writer.bytes()), Said("a.test", {MappedIpv4(192, 0, 2, 2)}));
}

TEST(DnsAnswer, AliasesMayComeInAnyOrder) {
  DnsWriter writer("a.test");
  writer.A("c.test", {192, 0, 2, 1});
  writer.Cname("b.test", "C.test");
  writer.Cname("A.test", "B.TEST");
  EXPECT_EQ(Read(writer.bytes()), Said("a.test", {MappedIpv4(192, 0, 2, 1)}));
}

std::string Aliases(std::size_t links) {
  DnsWriter writer("0.test");
  for (std::size_t i = 0; i < links; ++i) {
    writer.Cname(std::to_string(i) + ".test", std::to_string(i + 1) + ".test");
  }
  writer.A(std::to_string(links) + ".test", {192, 0, 2, 1});
  return writer.bytes();
}

TEST(DnsAnswer, LongChainsOfAliasesAreGivenUp) {
  EXPECT_EQ(Read(Aliases(DnsAnswer::kMaxAliases)),
            Said("0.test", {MappedIpv4(192, 0, 2, 1)}));
  EXPECT_EQ(Read(Aliases(DnsAnswer::kMaxAliases + 1)), Said("0.test", {}));
}

TEST(DnsAnswer, AliasesInACircleEnd) {
  DnsWriter writer("a.test");
  writer.Cname("a.test", "b.test");
  writer.Cname("b.test", "a.test");
  writer.A("a.test", {192, 0, 2, 1});
  EXPECT_EQ(Read(writer.bytes()), Said("a.test", {}));
}

TEST(DnsAnswer, OnlyAnswersWithoutErrorCount) {
  EXPECT_EQ(Read(Recorded(0x0180)), std::nullopt);  // a question
  EXPECT_EQ(Read(Recorded(0x8183)), std::nullopt);  // no such name
  EXPECT_EQ(Read(Recorded(0xa180)), std::nullopt);  // not a query
  std::string two = Recorded();
  two[5] = 2;  // questions
  EXPECT_EQ(Read(two), std::nullopt);
  two[5] = 0;
  EXPECT_EQ(Read(two), std::nullopt);
}

TEST(DnsAnswer, OnlyTheInternetCounts) {
  DnsWriter writer("a.test");
  writer.Record("a.test", kDnsA, "abcd", /*dns_class=*/3);
  EXPECT_EQ(Read(writer.bytes()), Said("a.test", {}));
  std::string chaos = writer.bytes();
  chaos[12 + 8 + 3] = 3;  // the question's class
  EXPECT_EQ(Read(chaos), std::nullopt);
}

TEST(DnsAnswer, NamesThatNoHostHasAreRefused) {
  EXPECT_EQ(Read(DnsWriter("").bytes()), std::nullopt);
  EXPECT_EQ(Read(DnsWriter("a b.test").bytes()), std::nullopt);
  EXPECT_EQ(Read(DnsWriter("a\xc3.test").bytes()), std::nullopt);
  EXPECT_EQ(Read(DnsWriter(std::string_view("a\0.test", 7)).bytes()),
            std::nullopt);
  std::string dot = DnsWriter("a-b.test").bytes();
  dot[14] = '.';
  EXPECT_EQ(Read(dot), std::nullopt);
}

TEST(DnsAnswer, NamesHaveABound) {
  const std::string label(61, 'x');
  // 4 * 62 + 5, and the root: 254 and 255 bytes.
  std::string name = label + '.' + label + '.' + label + '.' + label + ".1234";
  EXPECT_EQ(Read(DnsWriter(name).bytes()), Said(name, {}));
  name += '5';
  EXPECT_EQ(name.size(), kMaxHostLength);
  EXPECT_EQ(Read(DnsWriter(name).bytes()), Said(name, {}));
  name += '6';
  EXPECT_EQ(Read(DnsWriter(name).bytes()), std::nullopt);
}

// Only what ends behind the answers is one: half a list of addresses would be
// what no client believes.
TEST(DnsAnswer, WhatIsCutOffAnywhereIsNoAnswer) {
  for (const bool compress : {true, false}) {
    const std::string whole = Recorded(0x8180, compress);
    const std::size_t answers = whole.size() - 11;  // the OPT
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const auto said = Read(std::string_view(whole).substr(0, size));
      EXPECT_EQ(said,
                DnsReference::Read(std::string_view(whole).substr(0, size)))
          << size;
      if (size >= answers) {
        EXPECT_EQ(said, kRecorded) << size;
      } else if (said) {
        EXPECT_TRUE(said->addresses.empty()) << size;
      }
    }
  }
}

TEST(DnsAnswer, OfAMessageThatSaysItWasCutTheWholeRecordsCount) {
  const std::string whole = Recorded(0x8380);
  std::size_t most = 0;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto said = Read(std::string_view(whole).substr(0, size));
    if (!said) continue;
    EXPECT_GE(said->addresses.size(), most);
    most = said->addresses.size();
    for (std::size_t i = 0; i < most; ++i) {
      EXPECT_EQ(said->addresses[i], kRecorded.addresses[i]);
    }
  }
  EXPECT_EQ(most, 3u);
}

TEST(DnsAnswer, RecordsOfTheWrongSizeSpoilTheMessage) {
  for (const auto& [type, size] :
       {std::pair(kDnsA, 3), {kDnsA, 5}, {kDnsAaaa, 4}, {kDnsAaaa, 17}}) {
    DnsWriter writer("a.test");
    writer.A("a.test", {192, 0, 2, 1});
    writer.Record("a.test", type, std::string(size, 'x'));
    EXPECT_EQ(Read(writer.bytes()), Said("a.test", {}));
  }
}

TEST(DnsAnswer, AnAliasFillsItsRecord) {
  for (const std::string_view data :
       {std::string_view("\1b\0x", 4), std::string_view("\1b"),
        std::string_view("\2b\0", 3), std::string_view("")}) {
    DnsWriter writer("a.test");
    writer.A("a.test", {192, 0, 2, 1});
    writer.Record("c.test", kDnsCname, data);
    EXPECT_EQ(Read(writer.bytes()), Said("a.test", {}));
  }
}

TEST(DnsAnswer, PointersThatLeadNowhereEnd) {
  DnsWriter writer("gw.acme.test");
  writer.A("gw.acme.test", {192, 0, 2, 1});
  writer.Opt();
  const std::string whole = writer.bytes();
  const std::size_t question = 12;
  // Of the question: to itself, ahead, into the header, behind the end.
  for (const std::size_t to : {12, 13, 40, 0, 11, 0x3fff}) {
    std::string hostile = whole;
    hostile.replace(question, 2, Dns16(0xc000 | to));
    EXPECT_EQ(Read(hostile), std::nullopt) << to;
  }
  // Reserved kinds of labels.
  for (const char kind : {'\x40', '\x80', '\xbf'}) {
    std::string hostile = whole;
    hostile[question] = kind;
    EXPECT_EQ(Read(hostile), std::nullopt);
  }
  // Of a record: everywhere.
  const std::size_t owner = question + 14 + 4;
  ASSERT_EQ(static_cast<std::uint8_t>(whole[owner]), 0xc0u);
  for (std::size_t to = 0; to < whole.size() + 2; ++to) {
    std::string hostile = whole;
    hostile.replace(owner, 2, Dns16(0xc000 | to));
    EXPECT_EQ(Read(hostile), DnsReference::Read(hostile)) << to;
  }
}

// Pointers to pointers, each before the last.
TEST(DnsAnswer, ChainsOfPointersHaveABound) {
  for (const std::size_t jumps : {100u, 126u, 127u, 128u, 5000u}) {
    DnsWriter writer("a.test");
    std::string pointers = Dns16(0xc000 | 12);
    writer.Record("x", kDnsTxt, "");
    std::string message = writer.bytes();
    const std::size_t first = message.size();
    for (std::size_t i = 1; i < jumps; ++i) {
      pointers += Dns16(0xc000 | (first + 2 * (i - 1)));
    }
    message.replace(first - 2, 2, Dns16(pointers.size()));
    message += pointers;
    // Its owner is the last of them.
    message += Dns16(0xc000 | (message.size() - 2)) + Dns16(kDnsA) + Dns16(1) +
               std::string(4, '\0') + Dns16(4) + "\x01\x02\x03\x04";
    message[7] = 2;
    const DnsSaid known = Said("a.test", {MappedIpv4(1, 2, 3, 4)});
    EXPECT_EQ(Read(message), jumps < 127 ? known : Said("a.test", {})) << jumps;
  }
}

TEST(DnsAnswer, NoMoreRecordsThanItsBoundAreRead) {
  DnsWriter writer("a.test");
  for (std::size_t i = 0; i < DnsAnswer::kMaxRecords + 100; ++i) {
    writer.A("a.test", {192, 0, 2, static_cast<std::uint8_t>(i)});
  }
  EXPECT_EQ(Read(writer.bytes())->addresses.size(), DnsAnswer::kMaxRecords);
}

TEST(DnsAnswer, CountsOfRecordsAreNotBelieved) {
  std::string many = Recorded();
  many.replace(6, 2, Dns16(0xffff));
  EXPECT_EQ(Read(many), Said("gw.acme.test", {}));
  std::string few = Recorded();
  few.replace(6, 2, Dns16(4));
  EXPECT_EQ(Read(few), Said("gw.acme.test", {MappedIpv4(192, 0, 2, 1)}));
}

std::string Spelt(std::string name, std::mt19937* random) {
  for (char& c : name) {
    if ((*random)() % 2 != 0) c = static_cast<char>(std::toupper(c));
  }
  return name;
}

// Messages of every shape, and then with a few bytes that are others.
TEST(DnsAnswer, ReadsWhatTheReferenceReads) {
  std::mt19937 random(20261122);
  const std::vector<std::string> names = {"a.test",
                                          "b.test",
                                          "gw.a.test",
                                          "test",
                                          "x.gw.a.test",
                                          "b.b.test",
                                          "a-very-long-name-of-a-host.b.test",
                                          "0.pool.b.test"};
  std::size_t addresses = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto any = [&] {
      return Spelt(names[random() % names.size()], &random);
    };
    DnsWriter writer(any(), random() % 2 ? kDnsA : kDnsAaaa,
                     random() % 8 ? 0x8180 : 0x8380, random() % 4 != 0);
    for (unsigned left = random() % 12; left != 0; --left) {
      switch (random() % 5) {
        case 0:
          writer.Cname(any(), any());
          break;
        case 1:
          writer.Aaaa(any(), kV6);
          break;
        case 2:
          writer.Record(any(), static_cast<std::uint16_t>(random() % 50),
                        std::string(random() % 20, '\3'));
          break;
        default:
          writer.A(any(), {192, 0, 2, static_cast<std::uint8_t>(random())});
      }
    }
    if (random() % 2) writer.Opt();
    std::string message = writer.bytes();
    if (round % 2 != 0) {
      for (unsigned left = random() % 4; left != 0; --left) {
        message[random() % message.size()] = static_cast<char>(random());
      }
      if (random() % 8 == 0) message.resize(random() % message.size());
    }
    const auto said = Read(message);
    ASSERT_EQ(said, DnsReference::Read(message))
        << round << ' ' << testing::PrintToString(message);
    addresses += said ? said->addresses.size() : 0;
    refused += !said;
  }
  // Neither half of the test is idle.
  EXPECT_GT(addresses, 5'000u);
  EXPECT_GT(refused, 500u);
}

}  // namespace

static void PrintTo(const DnsSaid& said, std::ostream* out) {
  *out << said.name;
  for (const Address& address : said.addresses) {
    *out << ' ' << testing::PrintToString(address);
  }
}

}  // namespace proxymeter::protocol
