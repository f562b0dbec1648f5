#include "shim/protocol/client_hello.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "shim/protocol/observers.h"
#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

using testing::ElementsAre;

static_assert(std::is_trivially_destructible_v<ClientHelloParser>);
static_assert(std::is_trivially_copyable_v<ClientHelloParser>);
static_assert(sizeof(ClientHelloParser) <= 420);
[[maybe_unused]] constinit ClientHelloParser constant_initialized;

struct Hello {
  std::string bytes;
  std::string random;
};

/// What OpenSSL sends for a server name and a list of protocols in wire format,
/// either of which may be empty.
Hello OpenSslHello(const std::string& name, const std::string& protocols,
                   int max_version = TLS1_3_VERSION) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(
      SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX_set_max_proto_version(context.get(), max_version);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()),
                                                      SSL_free);
  if (!name.empty()) SSL_set_tlsext_host_name(ssl.get(), name.c_str());
  if (!protocols.empty()) {
    SSL_set_alpn_protos(
        ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
        static_cast<unsigned>(protocols.size()));
  }
  BIO* const sent = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), sent);
  EXPECT_EQ(SSL_connect(ssl.get()), -1);
  EXPECT_EQ(SSL_get_error(ssl.get(), -1), SSL_ERROR_WANT_READ);
  char* data = nullptr;
  const long size = BIO_get_mem_data(sent, &data);
  std::string random(SSL3_RANDOM_SIZE, '\0');
  SSL_get_client_random(ssl.get(),
                        reinterpret_cast<unsigned char*>(random.data()),
                        random.size());
  return {std::string(data, static_cast<std::size_t>(size)), random};
}

std::string Record(const std::string& payload) {
  std::string header = "\x16\x03\x01";
  header += static_cast<char>(payload.size() >> 8);
  header += static_cast<char>(payload.size());
  return header + payload;
}

/// The message of a single record, in records of at most `size` bytes.
std::string Refragment(const std::string& bytes, std::size_t size) {
  const std::string message = bytes.substr(5);
  std::string records;
  for (std::size_t at = 0; at < message.size(); at += size) {
    records += Record(message.substr(at, size));
  }
  return records;
}

std::string Number(std::size_t value, int size) {
  std::string text;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    text += static_cast<char>(value >> shift);
  }
  return text;
}

/// A length and what it counts.
std::string Vector(const std::string& content, int length_size) {
  return Number(content.size(), length_size) + content;
}

std::string Extension(int type, const std::string& data) {
  return Number(static_cast<std::size_t>(type), 2) + Vector(data, 2);
}

const std::string kRandom = "0123456789abcdefghijklmnopqrstuv";
const std::string kPrefix = "\x03\x03" + kRandom + Vector("session", 1) +
                            Vector("\x13\x01", 2) +
                            Vector(std::string(1, '\0'), 1);

std::string Message(const std::string& body) {
  return "\x01" + Vector(body, 3);
}

std::string HandMade(const std::string& extensions) {
  return Record(Message(kPrefix + Vector(extensions, 2)));
}

std::string ServerName(const std::string& entries) {
  return Extension(0, Vector(entries, 2));
}

std::string HostEntry(const std::string& name) {
  return Number(0, 1) + Vector(name, 2);
}

/// Feeds it every way; the event without the random if that is kRandom.
std::string Read(const std::string& bytes) {
  const auto events = Events(FeedEveryWay(bytes, ClientHelloObserver{}));
  if (events.empty()) return "";
  EXPECT_EQ(events.size(), 1u);
  std::string text = events[0];
  if (text.ends_with(kRandom)) text.resize(text.size() - kRandom.size() - 1);
  return text;
}

TEST(ClientHelloTest, ReadsWhatOpenSslSends) {
  const std::string protocols = Vector("h2", 1) + Vector("http/1.1", 1);
  const Hello both = OpenSslHello("www.Example.com", protocols);
  EXPECT_EQ(Read(both.bytes), "hello www.example.com h2 " + both.random);
  const Hello name = OpenSslHello("example.com", "");
  EXPECT_EQ(Read(name.bytes), "hello example.com  " + name.random);
  const Hello alpn = OpenSslHello("", Vector("http/1.1", 1));
  EXPECT_EQ(Read(alpn.bytes), "hello  http/1.1 " + alpn.random);
  const Hello none = OpenSslHello("", "");
  EXPECT_EQ(Read(none.bytes), "hello   " + none.random);
  const Hello old = OpenSslHello("example.com", protocols, TLS1_2_VERSION);
  EXPECT_EQ(Read(old.bytes), "hello example.com h2 " + old.random);
}

TEST(ClientHelloTest, ReadsTinyRecords) {
  const Hello hello = OpenSslHello("example.com", Vector("h2", 1));
  for (const std::size_t size : {1, 2, 3, 7, 50, 200}) {
    EXPECT_EQ(Read(Refragment(hello.bytes, size)),
              "hello example.com h2 " + hello.random)
        << size;
  }
}

TEST(ClientHelloTest, NeedsTheWholeMessage) {
  const Hello hello = OpenSslHello("example.com", Vector("h2", 1));
  for (std::size_t size = 0; size < hello.bytes.size(); ++size) {
    ClientHelloParser parser;
    EXPECT_EQ(
        parser.Consume(
            {reinterpret_cast<const std::uint8_t*>(hello.bytes.data()), size}),
        ClientHelloParser::Status::kNeedMore)
        << size;
  }
}

TEST(ClientHelloTest, TheStatusSticks) {
  const Hello hello = OpenSslHello("example.com", "");
  EXPECT_EQ(Read(hello.bytes + "garbage"),
            "hello example.com  " + hello.random);
  EXPECT_EQ(Read("GET" + hello.bytes), "not TLS");
}

TEST(ClientHelloTest, ResetStartsAnewFromAnyPlace) {
  const std::string full = OpenSslHello("a.example", Vector("h2", 1)).bytes;
  const Bytes data(reinterpret_cast<const std::uint8_t*>(full.data()),
                   full.size());
  const std::string plain = HandMade("");
  const std::string named = HandMade(ServerName(HostEntry("b.example")) +
                                     Extension(16, Vector(Vector("x", 1), 2)));
  for (std::size_t size = 0; size <= full.size(); ++size) {
    ClientHelloObserver observer;
    observer.Consume(data.first(size));
    observer.parser.Reset();
    EXPECT_TRUE(observer.parser.server_name().empty());
    EXPECT_THAT(Events(Feed(Cut(plain, 50, 50), observer)),
                ElementsAre("hello   " + kRandom));
    EXPECT_THAT(Events(Feed(Cut(named, 50, 50), observer)),
                ElementsAre("hello b.example x " + kRandom));
  }
}

TEST(ClientHelloTest, ReadsHandMadeMessages) {
  EXPECT_EQ(Read(HandMade("")), "hello  ");
  EXPECT_EQ(Read(Record(Message(kPrefix))), "hello  ");
  EXPECT_EQ(Read(HandMade(Extension(0x1234, "") + Extension(7, "data"))),
            "hello  ");
  EXPECT_EQ(Read(HandMade(ServerName(HostEntry("a.example.")))),
            "hello a.example ");
  EXPECT_EQ(Read(HandMade(ServerName(HostEntry("a b")))), "hello _invalid ");
  EXPECT_EQ(Read(HandMade(ServerName(HostEntry(std::string(300, 'a'))))),
            "hello _invalid ");
}

TEST(ClientHelloTest, OnlyHostNamesNameTheServer) {
  const std::string other = Number(1, 1) + Vector("other", 2);
  EXPECT_EQ(Read(HandMade(ServerName(other))), "hello  ");
  EXPECT_EQ(Read(HandMade(ServerName(other + HostEntry("a")))), "hello a ");
  EXPECT_EQ(Read(HandMade(ServerName(HostEntry("a") + HostEntry("b")))),
            "hello a ");
}

TEST(ClientHelloTest, KeepsOneShortProtocol) {
  const auto alpn = [](const std::string& list) {
    return Read(HandMade(Extension(16, Vector(list, 2))));
  };
  EXPECT_EQ(alpn(Vector("0123456789abcdef", 1)), "hello  0123456789abcdef");
  EXPECT_EQ(alpn(Vector("0123456789abcdefg", 1)), "hello  ");
  EXPECT_EQ(alpn(Vector(std::string(255, 'x'), 1) + Vector("h2", 1)),
            "hello  ");
  EXPECT_EQ(alpn(Vector("a", 1) + Vector("b", 1)), "hello  a");
}

TEST(ClientHelloTest, RefusesMalformedMessages) {
  const std::string head = kPrefix.substr(0, 34);
  const std::string suites = Vector("\x13\x01", 2);
  const std::vector<std::string> messages = {
      Message(""),
      Message(kPrefix.substr(0, 10)),
      Message(head),
      Message(kPrefix.substr(0, kPrefix.size() - 1)),
      Message(head + Vector(std::string(33, 's'), 1) + suites),
      Message(head + Vector("", 1) + Vector("", 2) + Vector("x", 1)),
      Message(head + Vector("", 1) + Vector("odd", 2) + Vector("x", 1)),
      Message(head + Vector("", 1) + suites + Vector("", 1)),
      Message(kPrefix + "\x01"),
      Message(kPrefix + Number(1, 2)),
      Message(kPrefix + Vector("", 2) + "x"),
      Message(kPrefix + Vector(Extension(7, "x") + "y", 2)),
      Message(kPrefix + Vector(Number(7, 2) + Number(5, 2) + "four", 2)),
      Message(kPrefix + Vector(Extension(0, ""), 2)),
      Message(kPrefix + Vector(Extension(0, "\x01"), 2)),
      Message(kPrefix + Vector(ServerName(""), 2)),
      Message(kPrefix + Vector(ServerName(HostEntry("")), 2)),
      Message(kPrefix + Vector(ServerName(Number(0, 1)), 2)),
      Message(kPrefix +
              Vector(ServerName(Number(0, 1) + Number(9, 2) + "a"), 2)),
      Message(kPrefix + Vector(Extension(0, Number(9, 2) + HostEntry("a")), 2)),
      Message(kPrefix + Vector(Extension(16, ""), 2)),
      Message(kPrefix + Vector(Extension(16, Vector("", 2)), 2)),
      Message(kPrefix + Vector(Extension(16, Vector(Vector("", 1), 2)), 2)),
      Message(kPrefix + Vector(Extension(16, Vector("\x05h2", 2)), 2)),
      Message(kPrefix + Vector(Extension(16, Number(1, 2) + "\x02h2"), 2)),
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(Read(Record(messages[i])), "not TLS") << i;
  }
}

// Not only once the bytes that are too many have come.
TEST(ClientHelloTest, RefusesLengthsBeyondWhatEnclosesThem) {
  const std::string rest(20, 'r');
  const std::string name =
      Number(0, 2) + Number(6, 2) + Number(4, 2) + Number(0, 1) + Number(2, 2);
  const std::string alpn =
      Number(16, 2) + Number(4, 2) + Number(2, 2) + Number(2, 1);
  const std::string extension = Number(7, 2) + Number(21, 2);
  const std::string name_extension = Number(0, 2) + Number(21, 2);
  for (const std::string& start : {name, alpn, extension, name_extension}) {
    const std::string bytes = HandMade(start + rest);
    const std::string bad = bytes.substr(0, bytes.size() - rest.size());
    EXPECT_EQ(Read(bad), "not TLS");
    EXPECT_EQ(Read(bad.substr(0, bad.size() - 1)), "");
  }
}

TEST(ClientHelloTest, RefusesOtherStreamsAtTheirFirstWrongByte) {
  const std::string start = "\x16\x03\x01";
  for (const std::string& bytes :
       {std::string("G"), std::string("\xff"), std::string(1, '\0'),
        std::string("\x16\x02"), start + Number(0, 2), start + Number(16385, 2),
        start + "\xff", start + Number(4, 2) + "\x02",
        start + Number(4, 2) + "\x01" + Number((1 << 16) + 1, 3),
        start + Number(4, 2) + "\x01" + Number(1, 3),
        start + Number(1, 2) + "\x01\x17"}) {
    EXPECT_EQ(Read(bytes), "not TLS") << testing::PrintToString(bytes);
    EXPECT_EQ(Read(bytes.substr(0, bytes.size() - 1)), "")
        << testing::PrintToString(bytes);
  }
}

TEST(ClientHelloTest, TakesMessagesOf64KilobytesAndNoLarger) {
  const std::size_t padding = (1 << 16) - kPrefix.size() - 6;
  const auto sized = [](std::size_t size) {
    const std::string extension = Extension(21, std::string(size, '\0'));
    return Refragment("12345" + Message(kPrefix + Vector(extension, 2)),
                      1 << 14);
  };
  const auto events = [](const std::string& bytes) {
    return Events(Feed(Cut(bytes, 1000, 1000), ClientHelloObserver{}));
  };
  EXPECT_THAT(events(sized(padding)), ElementsAre("hello   " + kRandom));
  EXPECT_THAT(events(sized(padding + 1)), ElementsAre("not TLS"));
}

}  // namespace
}  // namespace proxymeter::protocol
