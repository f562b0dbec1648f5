#include "shim/protocol/http1_fields.h"

#include <gtest/gtest.h>

#include <string>

#include "shim/protocol/parser_testing.h"

namespace proxymeter::protocol {
namespace {

/// "length=N chunked|other host=H" of what a section says, or "lost".
struct FieldsObserver {
  Http1Fields fields;
  HostName host;

  Observed Consume(Bytes data) {
    const auto [consumed, status] = fields.Consume(data, &host);
    switch (status) {
      case Http1Fields::Status::kNeedMore:
        return {consumed, ""};
      case Http1Fields::Status::kLost:
        return {consumed, "lost", true};
      case Http1Fields::Status::kEnd:
        break;
    }
    std::string text;
    if (fields.has_length()) {
      text += "length=" + std::to_string(fields.length()) + " ";
    }
    if (fields.coding() == Http1Fields::Coding::kChunked) text += "chunked ";
    if (fields.coding() == Http1Fields::Coding::kOther) text += "other ";
    text += "host=" + std::string(host.view());
    fields.Reset();
    host.Clear();
    return {consumed, text};
  }
};

/// Feeds `lines` and the empty line; the section has to end with it.
std::string Read(std::string_view lines) {
  const std::string section = std::string(lines) + "\r\n";
  const auto seen = FeedEveryWay(section, FieldsObserver{});
  EXPECT_EQ(seen.size(), 1u) << lines;
  if (seen.empty()) return "";
  if (seen[0].event != "lost") {
    EXPECT_EQ(seen[0].bytes, section);
  }
  return seen[0].event;
}

TEST(Http1FieldsTest, ReadsAnEmptySection) {
  EXPECT_EQ(Read(""), "host=");
  EXPECT_EQ(Events(FeedEveryWay("\n\n", FieldsObserver{})),
            (std::vector<std::string>{"host=", "host="}));
}

TEST(Http1FieldsTest, ReadsTheHost) {
  EXPECT_EQ(Read("Host: Example.com:80\r\n"), "host=example.com");
  EXPECT_EQ(Read("hOsT:example.com\n"), "host=example.com");
  EXPECT_EQ(Read("Host:  \t example.com \t \r\n"), "host=example.com");
  EXPECT_EQ(Read("Host :example.com\r\n"), "host=example.com");
  EXPECT_EQ(Read("Host: a\r\nHost: b\r\n"), "host=a");
  EXPECT_EQ(Read("Host:\r\nHost: b\r\n"), "host=b");
  EXPECT_EQ(Read("Host: a b\r\n"), "host=_invalid");
  EXPECT_EQ(Read("Host: a\rb\r\n"), "host=_invalid");
  EXPECT_EQ(Read("Host: " + std::string(300, ' ') + "a\r\n"), "host=a");
  EXPECT_EQ(Read("Host: a" + std::string(300, ' ') + "\r\n"), "host=a");
  EXPECT_EQ(Read("Host: " + std::string(300, 'a') + "\r\n"), "host=_invalid");
  EXPECT_EQ(Read("Hostess: a\r\nX-Host: b\r\nHos: c\r\n"), "host=");
}

TEST(Http1FieldsTest, IgnoresOtherLines) {
  EXPECT_EQ(Read("A: 1\r\nno colon here\r\n: no name\r\n(x): y\r\nb\xc3: z\r\n"
                 "transfer-encodings: gzip\r\nB:\r\nHost: a\r\n"),
            "host=a");
  EXPECT_EQ(Read("Content-Lengthy: x\r\nContent Length: x\r\nContent\r\n"),
            "host=");
  EXPECT_EQ(Read("A: \x01\x7f" + std::string(1, '\0') + "\r\n"), "host=");
}

TEST(Http1FieldsTest, BareCarriageReturnEndsNoSection) {
  EXPECT_EQ(Read("A: 1\r\n\rHost: x\r\nContent-Length: 4\r\n"),
            "length=4 host=");
}

TEST(Http1FieldsTest, ReadsTheLength) {
  EXPECT_EQ(Read("Content-Length: 0\r\n"), "length=0 host=");
  EXPECT_EQ(Read("CONTENT-LENGTH:\t42 \r\n"), "length=42 host=");
  EXPECT_EQ(Read("Content-Length: 000000000000000000000000007\n"),
            "length=7 host=");
  EXPECT_EQ(Read("Content-Length: 18446744073709551615\r\n"),
            "length=18446744073709551615 host=");
  EXPECT_EQ(Read("Content-Length: 5\r\nContent-Length: 5\r\n"),
            "length=5 host=");
  EXPECT_EQ(Read("Content-Length: 5, 05 ,5\r\n"), "length=5 host=");
}

TEST(Http1FieldsTest, RefusesWhatIsNoLength) {
  for (const char* value :
       {"", " ", "-1", "+1", "5x", "0x5", "5 6", "5,6", ",5", "5,", "5\r6",
        "18446744073709551616", "99999999999999999999999", "1.0", "\"5\""}) {
    EXPECT_EQ(Read("Content-Length: " + std::string(value) + "\r\n"), "lost")
        << value;
  }
  EXPECT_EQ(Read("Content-Length: 5\r\nContent-Length: 6\r\n"), "lost");
  EXPECT_EQ(Read("Content-Length: " + std::string("5\0", 2) + "\r\n"), "lost");
}

TEST(Http1FieldsTest, ReadsTheCoding) {
  EXPECT_EQ(Read("Transfer-Encoding: chunked\r\n"), "chunked host=");
  EXPECT_EQ(Read("transfer-encoding:CHUNKED \r\n"), "chunked host=");
  EXPECT_EQ(Read("Transfer-Encoding: gzip, chunked\r\n"), "chunked host=");
  EXPECT_EQ(Read("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            "chunked host=");
  EXPECT_EQ(Read("Transfer-Encoding: chunked,,\r\n"), "chunked host=");
  EXPECT_EQ(Read("Transfer-Encoding: chunked, gzip\r\n"), "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: chunked;a=b\r\n"), "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: xchunked\r\n"), "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: chunkedx\r\n"), "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: chun ked\r\n"), "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: a;b=\"c,chunked\"\r\n"), "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: " + std::string(300, 'a') + "\r\n"),
            "other host=");
  EXPECT_EQ(Read("Transfer-Encoding: identity\r\n"), "host=");
  EXPECT_EQ(Read("Transfer-Encoding:\r\n"), "host=");
  EXPECT_EQ(Read("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            "length=5 chunked host=");
}

TEST(Http1FieldsTest, UnfoldsLines) {
  EXPECT_EQ(Read("Host:\r\n example.com\r\n"), "host=example.com");
  EXPECT_EQ(Read("Host: example.com\r\n \r\n\t\r\n"), "host=example.com");
  EXPECT_EQ(Read("Host: a\r\n b\r\n"), "host=_invalid");
  EXPECT_EQ(Read("Content-Length: 5\r\n 6\r\n"), "lost");
  EXPECT_EQ(Read("Transfer-Encoding: gzip,\r\n\tchunked\r\n"), "chunked host=");
  EXPECT_EQ(Read("X: a\r\n Host: b\r\n"), "host=");
  EXPECT_EQ(Read(" Host: before any line\r\nHost: b\r\n"), "host=b");
}

TEST(Http1FieldsTest, RefusesControlCharactersInNames) {
  EXPECT_EQ(Read(std::string("A\0B: c\r\n", 8)), "lost");
  EXPECT_EQ(Read(std::string("\0: c\r\n", 6)), "lost");
  EXPECT_EQ(Read("\x7f: c\r\n"), "lost");
}

TEST(Http1FieldsTest, TakesNoHostWhereOneIsKnown) {
  const std::string text = "Host: b\r\n\r\n";
  HostName host;
  ASSERT_TRUE(host.AssignHost("a"));
  Http1Fields fields;
  const Bytes data(reinterpret_cast<const std::uint8_t*>(text.data()),
                   text.size());
  EXPECT_EQ(fields.Consume(data, &host).status, Http1Fields::Status::kEnd);
  EXPECT_EQ(host.view(), "a");
  fields.Reset();
  EXPECT_EQ(fields.Consume(data, nullptr).consumed, text.size());
}

}  // namespace
}  // namespace proxymeter::protocol
