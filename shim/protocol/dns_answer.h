// What a DNS server answers: the addresses of the name it was asked for.
#ifndef PROXYMETER_SHIM_PROTOCOL_DNS_ANSWER_H_
#define PROXYMETER_SHIM_PROTOCOL_DNS_ANSWER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxymeter/endpoint.h"
#include "proxymeter/limits.h"
#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// Reads one message (RFC 1035, 4) that answers one question of class IN. A and
/// AAAA records (RFC 3596) count for that question's name when they are its
/// own, or stand at the end of the aliases (CNAME) that begin with it, in
/// whatever order they come. Other sections, and with them OPT (RFC 6891), are
/// not looked at.
///
/// Nothing is copied but the name. Names may be compressed: a pointer leads
/// only to what stands before it, so that every name ends.
class DnsAnswer {
 public:
  /// Records beyond, and aliases of more links, are not looked at.
  static constexpr std::size_t kMaxRecords = 512;
  static constexpr std::size_t kMaxAliases = 16;

  /// Reads header and question of `message`, which must outlive this. False
  /// when it is no answer without error, or when its name is none that a host
  /// could have.
  bool Open(Bytes message);

  /// The name asked for: lower case, however it is spelt in the message, and
  /// without the dot at its end.
  std::string_view name() const { return {text_, length_}; }

  /// The next of its addresses; false when there is none left. There is none at
  /// all when a record cannot be read, unless the message says itself that it
  /// has been cut (TC): then what is whole counts.
  bool Next(Address* address);

 private:
  struct Record {
    std::size_t owner;  // where its name stands, and so on
    std::size_t data;
    std::size_t end;
    std::uint16_t type;
    bool internet;
  };

  bool ReadRecord(std::size_t at, Record* record) const;
  bool Follow();
  std::size_t FindAlias() const;

  Bytes message_;
  std::size_t at_ = 0;       // of the next record
  std::size_t records_ = 0;  // from there on
  std::size_t host_ = 0;     // where the name stands whose addresses count
  bool followed_ = false;
  std::size_t length_ = 0;
  char text_[kMaxHostLength];
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_DNS_ANSWER_H_
