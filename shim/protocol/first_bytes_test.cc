#include "shim/protocol/first_bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace proxymeter::protocol {
namespace {

using namespace std::string_literals;

Bytes View(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string OfClient(std::string_view text) {
  return std::string(Name(ProtocolOfClient(View(text))));
}
std::string OfServer(std::string_view text) {
  return std::string(Name(ProtocolOfServer(View(text))));
}

struct Sample {
  const char* protocol;
  std::string bytes;
};

// As the protocols' own documents have them.
const Sample kClients[] = {
    {"ssh", "SSH-2.0-OpenSSH_9.2\r\n"},
    {"amqp", "AMQP\0\0\11\1"s},
    {"redis", "*1\r\n$4\r\nPING\r\n"},
    {"redis", "*12\r\n$4\r\nMSET\r\n"},
    {"postgresql", "\0\0\0\x16\0\3\0\0user\0me\0db\0d\0\0"s},
    {"postgresql", "\0\0\0\10\4\xd2\x16\x2f"s},
    {"mongodb", "\x15\0\0\0\1\0\0\0\0\0\0\0\xdd\7\0\0\0\0\0\0\0"s},
    {"kafka", "\0\0\0\x0e\0\x12\0\3\0\0\0\1\0\4test"s},
    {"cql", "\4\0\0\0\5\0\0\0\0"s},
    {"cql", "\5\0\0\0\1\0\0\0\2\0\0"s},
    {"thrift", "\0\0\0\x11\x80\1\0\1\0\0\0\4ping\0\0\0\1\0"s},
    {"thrift", "\x80\1\0\1\0\0\0\4ping\0\0\0\1\0"s},
    {"mqtt", "\x10\x0c\0\4MQTT\4\2\0\x3c\0\0"s},
    {"mqtt", "\x10\x8c\1\0\6MQIsdp\3\2\0\x3c"s},
    {"dns", "\0\x1d\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\3com\0\0\1\0\1"s},
    {"ldap", "\x30\x0c\2\1\1\x60\7\2\1\3\4\0\x80\0"s},
};

const Sample kServers[] = {
    {"ssh", "SSH-2.0-OpenSSH_9.2\r\n"},
    {"smtp", "220 mail.example ESMTP Postfix\r\n"},
    {"smtp", "220-mail.example ESMTP\r\n220 ready\r\n"},
    {"ftp", "220 (vsFTPd 3.0.3)\r\n"},
    {"ftp", "220 ProFTPD Server ready.\r\n"},
    {"pop3", "+OK POP3 ready\r\n"},
    {"imap", "* OK IMAP4rev1 ready\r\n"},
    {"nats", "INFO {\"server_id\":\"x\"}\r\n"},
    {"mysql", "\7\0\0\0\n8.0.1\0"s},
};

TEST(FirstBytes, EachProtocolHasItsName) {
  for (const auto& [protocol, bytes] : kClients) {
    EXPECT_EQ(OfClient(bytes), protocol) << bytes;
  }
  for (const auto& [protocol, bytes] : kServers) {
    EXPECT_EQ(OfServer(bytes), protocol) << bytes;
  }
}

// A piece that is cut short gives the right name or none.
TEST(FirstBytes, PiecesAreNeverTakenForAnother) {
  for (const auto& [protocol, bytes] : kClients) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::string found = OfClient(bytes.substr(0, size));
      EXPECT_TRUE(found == "unknown" || found == protocol)
          << protocol << " cut to " << size << " is " << found;
    }
  }
  for (const auto& [protocol, bytes] : kServers) {
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const std::string found = OfServer(bytes.substr(0, size));
      EXPECT_TRUE(found == "unknown" || found == protocol)
          << protocol << " cut to " << size << " is " << found;
    }
  }
}

TEST(FirstBytes, OtherBytesHaveNoName) {
  for (const char* text :
       {"", "\x16\x03\x01", "GET / HTTP/1.1\r\n", "EHLO me\r\n", "*x\r\n$",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "SSH", "SSH-9", "hello"}) {
    EXPECT_EQ(OfClient(text), "unknown") << text;
  }
  for (const char* text : {"", "HTTP/1.1 408 x\r\n", "220", "220 ready\r\n",
                           "2200 smtp", "+OKAY", "* BYE "}) {
    EXPECT_EQ(OfServer(text), "unknown") << text;
  }
  EXPECT_EQ(OfClient(std::string(64, '\0')), "unknown");
  EXPECT_EQ(OfServer(std::string(64, '\0')), "unknown");
}

// What each looks at, changed byte by byte: no name of another protocol may
// come of it but by a change that makes it one.
TEST(FirstBytes, LengthsHaveToBeRight) {
  for (const auto& [protocol, bytes] : kClients) {
    const std::string_view name = protocol;
    if (name == "ssh" || name == "amqp" || name == "redis" || name == "mqtt" ||
        name == "mongodb" || bytes[0] == '\x80') {
      continue;
    }
    EXPECT_EQ(OfClient(bytes + "x"), "unknown") << protocol;
  }
}

}  // namespace
}  // namespace proxymeter::protocol
