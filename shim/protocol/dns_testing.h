// DNS messages as servers write them, and a slow reader of them to compare
// with. Only tests include this.
#ifndef PROXYMETER_SHIM_PROTOCOL_DNS_TESTING_H_
#define PROXYMETER_SHIM_PROTOCOL_DNS_TESTING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxymeter/endpoint.h"

namespace proxymeter::protocol {

inline constexpr std::uint16_t kDnsA = 1;
inline constexpr std::uint16_t kDnsCname = 5;
inline constexpr std::uint16_t kDnsTxt = 16;
inline constexpr std::uint16_t kDnsAaaa = 28;
inline constexpr std::uint16_t kDnsOpt = 41;

inline std::string Dns16(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// An answer being written. Numbers of bytes and records are the message's to
/// get wrong: each member may be called in any order, with anything.
class DnsWriter {
 public:
  /// `flags`: RFC 1035, 4.1.1; an answer without error by default.
  explicit DnsWriter(std::string_view question, std::uint16_t type = kDnsA,
                     std::uint16_t flags = 0x8180, bool compress = true)
      : compress_(compress), bytes_(Dns16(0x1234) + Dns16(flags)) {
    bytes_ += Dns16(1) + std::string(6, '\0');
    Name(question);
    bytes_ += Dns16(type) + Dns16(1);
  }

  /// In wire form, by pointers to what stands there already.
  void Name(std::string_view name) {
    while (!name.empty()) {
      const auto known = names_.find(std::string(name));
      if (compress_ && known != names_.end()) {
        bytes_ += Dns16(0xc000 | known->second);
        return;
      }
      if (bytes_.size() < 0x4000) names_.emplace(name, bytes_.size());
      const std::string_view label = name.substr(0, name.find('.'));
      bytes_ += static_cast<char>(label.size());
      bytes_ += label;
      name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    bytes_ += '\0';
  }

  void Record(std::string_view owner, std::uint16_t type, std::string_view data,
              std::uint16_t dns_class = 1) {
    Name(owner);
    bytes_ += Dns16(type) + Dns16(dns_class) + std::string(4, '\0');
    bytes_ += Dns16(data.size());
    bytes_ += data;
    Count();
  }
  void A(std::string_view owner, std::array<std::uint8_t, 4> address) {
    Record(owner, kDnsA, {reinterpret_cast<char*>(address.data()), 4});
  }
  void Aaaa(std::string_view owner, Address address) {
    Record(owner, kDnsAaaa, {reinterpret_cast<char*>(address.data()), 16});
  }
  void Cname(std::string_view owner, std::string_view target) {
    Name(owner);
    bytes_ += Dns16(kDnsCname) + Dns16(1) + std::string(4, '\0');
    const std::size_t at = bytes_.size();
    bytes_ += Dns16(0);
    Name(target);
    bytes_.replace(at, 2, Dns16(bytes_.size() - at - 2));
    Count();
  }
  /// In the additional section.
  void Opt() {
    bytes_ +=
        '\0' + Dns16(kDnsOpt) + Dns16(1232) + std::string(4, '\0') + Dns16(0);
    ++bytes_[11];
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void Count() {
    const std::size_t records = static_cast<std::uint8_t>(bytes_[6]) << 8 |
                                static_cast<std::uint8_t>(bytes_[7]);
    bytes_.replace(6, 2, Dns16(records + 1));
  }

  bool compress_;
  std::string bytes_;
  std::map<std::string, std::size_t> names_;
};

/// What a message says, or nothing when it is no answer.
struct DnsSaid {
  std::string name;
  std::vector<Address> addresses;

  bool operator==(const DnsSaid&) const = default;
};

/// As DnsAnswer reads it, in the plainest way that does it.
class DnsReference {
 public:
  static std::optional<DnsSaid> Read(std::string_view message) {
    return DnsReference(message).Read();
  }

 private:
  using Labels = std::vector<std::string>;
  struct Record {
    Labels owner;
    std::size_t type, dns_class;
    std::string data;
    Labels alias;
  };

  explicit DnsReference(std::string_view message) : message_(message) {}

  std::optional<std::size_t> Take(std::size_t bytes) {
    if (message_.size() - at_ < bytes) {
      at_ = message_.size();  // nor is there anything behind
      return std::nullopt;
    }
    std::size_t value = 0;
    while (bytes-- != 0) {
      value = value << 8 | static_cast<std::uint8_t>(message_[at_++]);
    }
    return value;
  }

  // From `at`; pointers lead below `below`.
  bool Expand(std::size_t at, std::size_t below, int jumps, Labels* labels,
              std::size_t* end) const {
    if (at >= message_.size()) return false;
    const std::size_t size = static_cast<std::uint8_t>(message_[at]);
    if (size == 0) {
      *end = at + 1;
      std::size_t total = 1;
      for (const std::string& label : *labels) total += label.size() + 1;
      return total <= 255;
    }
    if (size < 64) {
      if (message_.size() - at <= size) return false;
      std::string label(message_.substr(at + 1, size));
      for (char& c : label) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      labels->push_back(label);
      return Expand(at + 1 + size, below, jumps, labels, end);
    }
    if (size < 192 || message_.size() - at < 2 || jumps == 127) return false;
    const std::size_t to =
        (size - 192) * 256 + static_cast<std::uint8_t>(message_[at + 1]);
    std::size_t elsewhere;
    *end = at + 2;
    return to >= 12 && to < below &&
           Expand(to, to, jumps + 1, labels, &elsewhere);
  }

  bool TakeName(Labels* labels) { return Expand(at_, at_, 0, labels, &at_); }

  bool TakeRecord(Record* record) {
    if (!TakeName(&record->owner)) return false;
    const auto type = Take(2), dns_class = Take(2), life = Take(4),
               size = Take(2);
    if (!size || message_.size() - at_ < *size) return false;
    (void)life;
    record->type = *type;
    record->dns_class = *dns_class;
    const std::size_t end = at_ + *size;
    record->data = message_.substr(at_, *size);
    if (*dns_class == 1) {
      if (*type == kDnsA && *size != 4) return false;
      if (*type == kDnsAaaa && *size != 16) return false;
      if (*type == kDnsCname && (!TakeName(&record->alias) || at_ != end)) {
        return false;
      }
    }
    at_ = end;
    return true;
  }

  std::optional<DnsSaid> Read() {
    if (message_.size() < 12) return std::nullopt;
    Take(2);
    const std::size_t flags = *Take(2), questions = *Take(2),
                      answers = *Take(2);
    at_ = 12;
    if (flags / 0x8000 != 1 || flags / 0x800 % 16 != 0 || flags % 16 != 0 ||
        questions != 1) {
      return std::nullopt;
    }
    Labels name;
    if (!TakeName(&name) || name.empty()) return std::nullopt;
    const auto type = Take(2), dns_class = Take(2);
    (void)type;
    if (dns_class != std::size_t{1}) return std::nullopt;
    DnsSaid said;
    for (const std::string& label : name) {
      for (const char c : label) {
        if (c <= ' ' || c > '~' || c == '.') return std::nullopt;
      }
      said.name += (said.name.empty() ? "" : ".") + label;
    }
    std::vector<Record> records;
    while (records.size() < answers && records.size() < 512) {
      Record record;
      if (!TakeRecord(&record)) {
        if (flags / 0x200 % 2 == 0) return said;
        break;
      }
      records.push_back(record);
    }
    for (int links = 0;; ++links) {
      const Record* alias = nullptr;
      for (const Record& record : records) {
        if (alias == nullptr && record.type == kDnsCname &&
            record.dns_class == 1 && record.owner == name) {
          alias = &record;
        }
      }
      if (alias == nullptr) break;
      if (links == 16) return said;
      name = alias->alias;
    }
    for (const Record& record : records) {
      if (record.dns_class != 1 || record.owner != name) continue;
      const auto* data =
          reinterpret_cast<const std::uint8_t*>(record.data.data());
      Address address;
      if (record.type == kDnsA) {
        address = MappedIpv4(data[0], data[1], data[2], data[3]);
      } else if (record.type == kDnsAaaa) {
        std::copy(data, data + 16, address.begin());
      } else {
        continue;
      }
      said.addresses.push_back(address);
    }
    return said;
  }

  std::string_view message_;
  std::size_t at_ = 0;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_DNS_TESTING_H_
