#include "shim/protocol/first_bytes.h"

#include <string_view>

#include "shim/protocol/ascii.h"

namespace proxymeter::protocol {
namespace {

using namespace std::string_view_literals;

// Numbers at a place; 0 beyond the end, where no caller looks unchecked.
class Reader {
 public:
  explicit Reader(Bytes data) : data_(data) {}

  std::size_t size() const { return data_.size(); }
  std::uint8_t Byte(std::size_t at) const {
    return at < data_.size() ? data_[at] : std::uint8_t{0};
  }
  std::uint32_t Big16(std::size_t at) const {
    return static_cast<std::uint32_t>(Byte(at) << 8 | Byte(at + 1));
  }
  std::uint32_t Big32(std::size_t at) const {
    return Big16(at) << 16 | Big16(at + 2);
  }
  std::uint32_t Little32(std::size_t at) const {
    return Byte(at) | static_cast<std::uint32_t>(Byte(at + 1)) << 8 |
           static_cast<std::uint32_t>(Byte(at + 2)) << 16 |
           static_cast<std::uint32_t>(Byte(at + 3)) << 24;
  }
  bool StartsWith(std::string_view text) const {
    return data_.size() >= text.size() && Has(0, text);
  }
  bool Has(std::size_t at, std::string_view text) const {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (Byte(at + i) != static_cast<std::uint8_t>(text[i])) return false;
    }
    return true;
  }
  // Within the first line, in either case.
  bool LineContains(std::string_view lower) const {
    for (std::size_t at = 0; at < data_.size() && data_[at] != '\n'; ++at) {
      std::size_t i = 0;
      while (i < lower.size() &&
             ToLower(Byte(at + i)) == static_cast<std::uint8_t>(lower[i])) {
        ++i;
      }
      if (i == lower.size()) return true;
    }
    return false;
  }

 private:
  Bytes data_;
};

// RESP: an array of bulk strings.
bool IsRedis(const Reader& in) {
  return in.size() >= 4 && in.Byte(0) == '*' && IsDigit(in.Byte(1)) &&
         (in.Has(2, "\r\n$") || (IsDigit(in.Byte(2)) && in.Has(3, "\r\n")));
}

// A length, then the protocol's version or the code of a request (PostgreSQL
// documentation, 55.7: StartupMessage, SSLRequest, GSSENCRequest,
// CancelRequest).
bool IsPostgresql(const Reader& in) {
  const std::uint32_t length = in.Big32(0);
  if (in.size() < 8 || length != in.size()) return false;
  const std::uint32_t code = in.Big32(4);
  return code >> 16 == 3 || (code >= 80877102 && code <= 80877104);
}

// The header of a message, in little endian, that answers nothing: OP_MSG,
// OP_COMPRESSED or OP_QUERY.
bool IsMongodb(const Reader& in) {
  if (in.size() < 16 || in.Little32(0) < 16 || in.Little32(8) != 0) {
    return false;
  }
  const std::uint32_t code = in.Little32(12);
  return code == 2013 || code == 2012 || code == 2004;
}

// ApiVersions, with which clients begin; before 0.10, Metadata.
bool IsKafka(const Reader& in) {
  if (in.size() < 14 || in.Big32(0) != in.size() - 4) return false;
  const std::uint32_t key = in.Big16(4);
  return (key == 18 && in.Big16(6) <= 5) || (key == 3 && in.Big16(6) <= 13);
}

// Versions 3 to 5, OPTIONS without a body or STARTUP with one.
bool IsCql(const Reader& in) {
  if (in.size() < 9 || in.Byte(0) < 3 || in.Byte(0) > 5) return false;
  const std::uint32_t length = in.Big32(5);
  if (length != in.size() - 9) return false;
  return in.Byte(4) == (length == 0 ? 5 : 1);
}

// The binary protocol's strict form, framed or not; the compact one.
bool IsThrift(const Reader& in) {
  const auto begins = [&](std::size_t at) {
    return (in.Has(at, "\x80\x01\x00"sv) && in.Byte(at + 3) == 1) ||
           (in.Byte(at) == 0x82 && in.Byte(at + 1) == 0x21);
  };
  if (in.size() >= 8 && in.Big32(0) == in.size() - 4) return begins(4);
  return in.size() >= 8 && begins(0);
}

// CONNECT, whose variable header begins with the protocol's name.
bool IsMqtt(const Reader& in) {
  if (in.size() < 8 || in.Byte(0) != 0x10) return false;
  std::size_t at = 1;
  while (at < 5 && (in.Byte(at) & 0x80) != 0) ++at;
  return in.Has(at + 1, "\0\4MQTT"sv) || in.Has(at + 1, "\0\6MQIsdp"sv);
}

// A query with one question, alone in its piece (RFC 1035, 4.2.2).
bool IsDns(const Reader& in) {
  return in.size() >= 2 + 12 + 5 && in.Big16(0) == in.size() - 2 &&
         (in.Byte(4) & 0xf8) == 0 && in.Big16(6) == 1 && in.Big16(8) == 0 &&
         in.Big16(10) == 0 && in.Big16(12) <= 2;
}

// A BindRequest (RFC 4511, 4.2) in a message of short length.
bool IsLdap(const Reader& in) {
  return in.size() >= 7 && in.Byte(0) == 0x30 && in.Byte(1) == in.size() - 2 &&
         in.Has(2, "\x02\x01"sv) && in.Byte(5) == 0x60;
}

// Greeting of protocol 10: length, sequence number 0, the server's version.
bool IsMysql(const Reader& in) {
  return in.size() >= 7 && in.Byte(3) == 0 && in.Byte(4) == 10 &&
         IsDigit(in.Byte(5)) && (in.Little32(0) & 0xffffff) == in.size() - 4;
}

}  // namespace

Protocol ProtocolOfClient(Bytes data) {
  const Reader in(data);
  if (in.StartsWith("SSH-2.0-"sv) || in.StartsWith("SSH-1."sv)) {
    return Protocol::kSsh;
  }
  if (in.StartsWith("AMQP"sv)) return Protocol::kAmqp;
  if (IsRedis(in)) return Protocol::kRedis;
  if (IsPostgresql(in)) return Protocol::kPostgresql;
  if (IsMongodb(in)) return Protocol::kMongodb;
  if (IsKafka(in)) return Protocol::kKafka;
  if (IsCql(in)) return Protocol::kCql;
  if (IsThrift(in)) return Protocol::kThrift;
  if (IsMqtt(in)) return Protocol::kMqtt;
  if (IsDns(in)) return Protocol::kDns;
  if (IsLdap(in)) return Protocol::kLdap;
  return Protocol::kUnknown;
}

Protocol ProtocolOfServer(Bytes data) {
  const Reader in(data);
  if (in.StartsWith("SSH-2.0-"sv) || in.StartsWith("SSH-1."sv)) {
    return Protocol::kSsh;
  }
  if (in.StartsWith("220 "sv) || in.StartsWith("220-"sv)) {
    // Both greet with this number; mail says so in its first line.
    if (in.LineContains("smtp")) return Protocol::kSmtp;
    if (in.LineContains("ftp")) return Protocol::kFtp;
    return Protocol::kUnknown;
  }
  if (in.StartsWith("+OK "sv)) return Protocol::kPop3;
  if (in.StartsWith("* OK "sv)) return Protocol::kImap;
  if (in.StartsWith("INFO {"sv)) return Protocol::kNats;
  if (IsMysql(in)) return Protocol::kMysql;
  return Protocol::kUnknown;
}

}  // namespace proxymeter::protocol
