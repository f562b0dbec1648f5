// Files of addresses: text, an entry a line, plain or in gzip.
//
//   # comment, also behind an entry
//   203.0.113.7                     an address
//   198.51.100.0/24                 a network, as CIDR
//   198.51.100.7-198.51.100.90      a range, both ends included
//   2001:db8::/48                   IPv6 likewise
#ifndef PROXYMETER_COLLECTOR_POLICY_ADDRESS_LIST_H_
#define PROXYMETER_COLLECTOR_POLICY_ADDRESS_LIST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/policy/match_text.h"

namespace proxymeter::collector {

/// Networks as compactly as tens of millions of them need. A range is as many
/// entries as it takes networks, all of its line.
struct AddressList {
  struct Entry4 {
    std::uint32_t first;  ///< host byte order
    std::uint32_t line;   ///< from 1
    std::uint8_t prefix;  ///< 0 to 32
  };
  struct Entry6 {
    Address first;
    std::uint32_t line;
    std::uint8_t prefix;  ///< 0 to 128
  };

  std::string path;  ///< as given, for messages
  std::vector<Entry4> entries4;
  std::vector<Entry6> entries6;

  std::size_t size() const { return entries4.size() + entries6.size(); }
};

/// An entry as match rules have them.
Cidr CidrOf(const AddressList::Entry4& entry);
Cidr CidrOf(const AddressList::Entry6& entry);

/// What a file may be at most: it is read into memory, and gzip makes much of
/// little.
struct AddressListLimits {
  std::uint64_t bytes = std::uint64_t{2} << 30;  ///< of text
  std::size_t entries = 50'000'000;
};

/// Reads a file. NotFound, PermissionDenied and the like when it cannot be
/// read; InvalidArgument names the first mistake:
///   "exits.txt:17: '10.0.0.0/33' is not a CIDR: prefix length over 32"
/// and a file without any entry is one. ResourceExhausted: beyond a limit.
absl::StatusOr<AddressList> LoadAddressList(
    const std::string& path, const AddressListLimits& limits = {});

/// The same for a text in memory, called `path` in messages.
absl::StatusOr<AddressList> ParseAddressList(
    std::string_view text, std::string_view path,
    const AddressListLimits& limits = {});

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_ADDRESS_LIST_H_
