#include "shim/protocol/dns_messages.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "shim/protocol/dns_testing.h"
#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

using Messages = std::vector<std::string>;

Messages Feed(DnsMessages* stream, const Pieces& pieces) {
  Messages messages;
  for (const auto& piece : pieces) {
    Bytes rest(piece);
    while (true) {
      const Bytes message = stream->Consume(&rest);
      if (message.empty()) break;
      messages.emplace_back(message.begin(), message.end());
    }
    EXPECT_TRUE(rest.empty());
  }
  return messages;
}

std::string Framed(std::string_view message) {
  return Dns16(message.size()) + std::string(message);
}

TEST(DnsMessages, AreTheSameHoweverTheyAreCut) {
  const Messages messages = {"x", std::string(300, 'a'), "last"};
  std::string stream;
  for (const std::string& message : messages) stream += Framed(message);
  stream.insert(3, Dns16(0));  // one without anything in it
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (const std::size_t others : {1ul, 7ul, 256ul, stream.size()}) {
      DnsMessages reader;
      EXPECT_EQ(Feed(&reader, Cut(stream, first, others)), messages);
    }
  }
}

TEST(DnsMessages, OneThatIsTooLongIsPassedOver) {
  const std::string most(DnsMessages::kCapacity, 'm');
  const std::string more(DnsMessages::kCapacity + 1, 'n');
  const std::string longest(65535, 'l');
  const std::string stream = Framed("before") + Framed(longest) +
                             Framed("between") + Framed(more) + Framed(most) +
                             Framed("behind");
  DnsMessages reader;
  EXPECT_EQ(Feed(&reader, Cut(stream, 1000, 1000)),
            (Messages{"before", "between", most, "behind"}));
  // Whole, it needs no room.
  EXPECT_EQ(Feed(&reader, Cut(stream, stream.size(), 1)),
            (Messages{"before", longest, "between", more, most, "behind"}));
  // As clients do that read the length first.
  EXPECT_EQ(Feed(&reader, Cut(Framed(longest), 2, 65535)), Messages{longest});
}

TEST(DnsMessages, ALostStreamSaysNothing) {
  DnsMessages reader;
  EXPECT_EQ(Feed(&reader, Cut(Framed("one") + "\1", 100, 1)), Messages{"one"});
  reader.Lose();
  EXPECT_EQ(Feed(&reader, Cut(Framed("two"), 100, 1)), Messages{});
  reader.Reset();
  EXPECT_EQ(Feed(&reader, Cut(Framed("three"), 100, 1)), Messages{"three"});
}

}  // namespace
}  // namespace proxymeter::protocol
