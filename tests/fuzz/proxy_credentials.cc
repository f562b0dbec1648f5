// What a client tells a proxy of itself, in a SOCKS hand-shake, in the head of
// a request and as the value of Proxy-Authorization: the same however it is
// cut, what a slow reading finds, and gone when it is wiped.
#include "shim/protocol/proxy_credentials.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "shim/protocol/http1_request.h"
#include "shim/protocol/socks.h"
#include "tests/fuzz/parser.h"

namespace proxymeter::fuzz {
namespace {

using protocol::Bytes;
using protocol::Observed;
using protocol::ProxyCredentials;

struct Said {
  std::string user;
  std::string password;
};

// As ProxyCredentials has them: none for what is too long.
std::string Bounded(std::string_view text) {
  return text.size() > kMaxCredentialLength ? "" : std::string(text);
}

void ExpectWiped(ProxyCredentials* credentials) {
  credentials->Wipe();
  const char* const bytes = reinterpret_cast<const char*>(credentials);
  Expect(std::all_of(bytes, bytes + sizeof(*credentials),
                     [](char byte) { return byte == 0; }),
         "what is wiped is gone");
}

std::string Describe(const ProxyCredentials& credentials) {
  return std::string(credentials.user()) + "\n" +
         std::string(credentials.password()) + "\n" +
         std::string(credentials.vendor());
}

/// "head" with what it says, "end", "lost".
struct HeadObserver {
  protocol::Http1RequestParser parser;
  ProxyCredentials credentials;

  Observed Consume(Bytes data) {
    const protocol::Http1Step step = parser.Consume(data, &credentials);
    switch (step.event) {
      case protocol::Http1Event::kHead: {
        const std::string said = Describe(credentials);
        ExpectWiped(&credentials);
        return {step.consumed, "head " + said};
      }
      case protocol::Http1Event::kMessageEnd:
        return {step.consumed, "end"};
      case protocol::Http1Event::kLost:
        return {step.consumed, "lost", true};
      case protocol::Http1Event::kNone:
      case protocol::Http1Event::kInformational:
        break;
    }
    return {step.consumed, ""};
  }
};

/// "said" with what it says, "lost".
struct SocksObserver {
  protocol::SocksClientParser parser;
  ProxyCredentials credentials;

  Observed Consume(Bytes data) {
    const auto [consumed, event] = parser.Consume(data, &credentials);
    if (event == protocol::SocksClientParser::Event::kNone) {
      return {consumed, ""};
    }
    if (event == protocol::SocksClientParser::Event::kLost) {
      return {consumed, "lost", true};
    }
    return {consumed, "said " + Describe(credentials), true};
  }
};

// RFC 1928, 3 and RFC 1929, 2; and SOCKS 4.
Said ReadSocks(std::string_view text) {
  const auto at = [text](std::size_t i) -> std::size_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  if (at(0) == 4) {
    constexpr std::size_t kHead = 8;
    if (text.size() < kHead) return {};
    return {Bounded(text.substr(kHead, text.find('\0', kHead) - kHead)), ""};
  }
  const std::size_t user = 2 + at(1) + 1;
  if (at(user - 1) != 1 || user >= text.size()) return {};
  const std::size_t password = user + 1 + at(user);
  if (password >= text.size()) return {};
  return {std::string(text.substr(user + 1, at(user))),
          std::string(text.substr(password + 1, at(password)))};
}

void CompareSocks(std::string_view text) {
  SocksObserver socks;
  socks.parser.Reset();
  std::string event;
  for (const protocol::Seen& seen :
       protocol::Feed(protocol::Cut(text, text.size(), 1), socks)) {
    event = seen.event;
  }
  if (event.substr(0, 4) != "said") return;
  const Said said = ReadSocks(text);
  Expect(event == "said " + said.user + "\n" + said.password + "\n",
         "user name and password of SOCKS");
}

// RFC 7617, 2: what follows what is not base64 counts for nothing.
Said ReadBasic(std::string_view value) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  // A carriage return alone is a blank (RFC 9112, 2.2).
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t blank = value.find_first_of(kBlanks);
  if (blank == std::string_view::npos) return {};
  std::string scheme(value.substr(0, blank));
  for (char& c : scheme) c = static_cast<char>(c | 0x20);
  if (scheme != "basic" || value.substr(0, blank).find_first_not_of(
                               "BASICbasic") != std::string_view::npos) {
    return {};
  }
  const std::size_t begin = value.find_first_not_of(kBlanks, blank);
  if (begin == std::string_view::npos) return {};
  std::string bits;
  for (const char c : value.substr(begin)) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) break;
    for (int bit = 5; bit >= 0; --bit) bits += (digit >> bit & 1) ? '1' : '0';
  }
  std::string text;
  for (std::size_t i = 0; i + 8 <= bits.size(); i += 8) {
    text += static_cast<char>(std::stoi(bits.substr(i, 8), nullptr, 2));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return {Bounded(text), ""};
  return {Bounded(text.substr(0, colon)), Bounded(text.substr(colon + 1))};
}

void CompareBasic(std::string_view value) {
  ProxyCredentials credentials;
  Expect(credentials.BeginAuthorization(), "the first one counts");
  for (const char c : value) {
    credentials.AppendAuthorization(static_cast<std::uint8_t>(c));
  }
  const Said said = ReadBasic(value);
  Expect(credentials.user() == said.user, "the user name of Basic");
  Expect(credentials.password() == said.password, "the password of Basic");
  ExpectWiped(&credentials);
}

}  // namespace
}  // namespace proxymeter::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  if (size < 3) return 0;
  const std::string_view text = fuzz::AsText(data + 2, size - 2);
  if (text.front() == 4 || text.front() == 5) {
    fuzz::SocksObserver socks;
    socks.parser.Reset();
    fuzz::FeedInPieces(data, size, socks);
    fuzz::CompareSocks(text);
  } else {
    fuzz::HeadObserver head;
    head.parser.Reset();
    fuzz::FeedInPieces(data, size, head);
  }
  fuzz::CompareBasic(text);
  return 0;
}
