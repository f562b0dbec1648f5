// A host name in the one spelling that destination labels have.
#ifndef PROXYMETER_SHIM_PROTOCOL_HOST_NAME_H_
#define PROXYMETER_SHIM_PROTOCOL_HOST_NAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxymeter/limits.h"
#include "shim/protocol/bytes.h"

namespace proxymeter::protocol {

/// A host as destination label: lower case, without port, user information,
/// trailing dot or the brackets and zone of an IPv6 literal.
///
/// Letters, digits, '-', '.' and '_' make a name; labels are not empty. A name
/// of one label that starts with '_' is refused: such names are the meter's
/// own (proxymeter/limits.h). Text that is no host becomes
/// kInvalidDestination; empty text stays empty.
///
/// The text may also come in pieces: Clear, Append..., Finish.... In between
/// the name reads as empty.
class HostName {
 public:
  void Clear();

  /// Takes RFC 3986's authority: [userinfo@]host[:port]. False if the text was
  /// empty or no host.
  bool AssignAuthority(std::string_view authority);

  /// Takes a host without port: a TLS server name, a SOCKS domain. An IPv6
  /// literal may stand with or without brackets. False as above.
  bool AssignHost(std::string_view host);

  /// Takes an address in network byte order, of 4 or 16 bytes, and prints it as
  /// RFC 5952 says; an IPv4 address mapped into IPv6 prints as IPv4.
  void AssignAddress(Bytes raw);

  void AppendAuthority(std::uint8_t byte);
  void AppendHost(std::uint8_t byte);
  bool FinishAuthority();
  bool FinishHost();

  std::string_view view() const {
    return {text_.data(), building_ ? std::size_t{0} : length_};
  }
  bool empty() const { return view().empty(); }

 private:
  // Trailing dot, colon and port come on top of the longest name.
  static constexpr std::size_t kCapacity = kMaxHostLength + 11;

  bool Finish(std::size_t host_end);
  bool NormalizeName(std::size_t size);
  bool NormalizeIpv6(std::size_t begin, std::size_t end);
  bool Accept(std::size_t size);
  bool Reject();
  void Wipe();
  void Put(std::string_view text);
  void PutNumber(unsigned value, unsigned base);
  void PutIpv4(Bytes raw);
  void PutIpv6(Bytes raw);

  std::array<char, kCapacity> text_{};
  std::uint16_t length_ = 0;
  bool building_ = false;
  bool overflow_ = false;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_HOST_NAME_H_
