// What comes from a DNS server: one message, read as the reference reads it,
// and a stream of them.
#include "shim/protocol/dns_answer.h"

#include <string>
#include <vector>

#include "shim/protocol/dns_messages.h"
#include "shim/protocol/dns_testing.h"
#include "shim/protocol/parser_testing.h"
#include "tests/fuzz/fuzz_target.h"

namespace {

using namespace proxymeter;
using namespace proxymeter::protocol;

std::optional<DnsSaid> Read(Bytes message) {
  DnsAnswer answer;
  if (!answer.Open(message)) return std::nullopt;
  DnsSaid said{std::string(answer.name()), {}};
  for (Address address; answer.Next(&address);) {
    said.addresses.push_back(address);
  }
  return said;
}

std::vector<std::string> Messages(const Pieces& pieces) {
  DnsMessages stream;
  std::vector<std::string> messages;
  for (const auto& piece : pieces) {
    Bytes rest(piece);
    while (true) {
      const Bytes message = stream.Consume(&rest);
      if (message.empty()) break;
      if (message.size() > DnsMessages::kCapacity) continue;
      messages.emplace_back(message.begin(), message.end());
    }
    fuzz::Expect(rest.empty(), "a stream is read to its end");
  }
  return messages;
}

}  // namespace

// The first two bytes say how to cut the stream that the rest is as well.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view rest = fuzz::AsText(data + 2, size - 2);
  const std::vector<std::uint8_t> message(data + 2, data + size);
  fuzz::Expect(Read(message) == DnsReference::Read(rest),
               "an answer reads as by the reference");
  fuzz::Expect(Messages(Cut(rest, data[0], data[1])) ==
                   Messages(Cut(rest, rest.size(), 1)),
               "messages are the same however they are cut");
  return 0;
}
