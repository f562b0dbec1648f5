// What a client tells a proxy of itself, kept no longer than it takes to read
// the account's parameters from it.
#ifndef PROXYMETER_SHIM_PROTOCOL_PROXY_CREDENTIALS_H_
#define PROXYMETER_SHIM_PROTOCOL_PROXY_CREDENTIALS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxymeter/limits.h"

namespace proxymeter::protocol {

/// User name and password, of Proxy-Authorization (Basic: RFC 7617) or of a
/// SOCKS hand-shake (RFC 1929), and the value of X-Proxy-Vendor. Nothing here
/// leaves the process; whoever has used it calls Wipe.
class ProxyCredentials {
 public:
  /// Forgets all of it, in memory too.
  void Wipe();

  /// The value of Proxy-Authorization, byte by byte; another scheme than Basic
  /// names nobody. Of several the first counts.
  bool BeginAuthorization();
  void AppendAuthorization(std::uint8_t byte);

  void AppendUser(std::uint8_t byte) { Append(&user_, byte); }
  void AppendPassword(std::uint8_t byte) { Append(&password_, byte); }

  /// The value of X-Proxy-Vendor; of several the last counts.
  void BeginVendor() { vendor_size_ = 0; }
  void AppendVendor(std::uint8_t byte);

  /// Empty for none, and for one that is too long.
  std::string_view user() const { return user_.view(); }
  std::string_view password() const { return password_.view(); }
  std::string_view vendor() const;

 private:
  enum class State : std::uint8_t {
    kNone,
    kScheme,
    kBlanks,    // between scheme and value
    kUser,      // base64, before the colon in it
    kPassword,  // and behind it
    kOther,     // not Basic, or behind its end
  };
  struct Text {
    char bytes[kMaxCredentialLength];
    std::uint16_t size;

    std::string_view view() const {
      return {bytes, size <= kMaxCredentialLength ? size : std::size_t{0}};
    }
  };

  static void Append(Text* text, std::uint8_t byte);
  void AppendDecoded(std::uint8_t byte);

  Text user_{};
  Text password_{};
  char vendor_[kMaxVendorLength]{};
  std::uint8_t vendor_size_ = 0;
  State state_ = State::kNone;
  std::uint8_t matched_ = 0;  // of the scheme
  std::uint8_t bits_ = 0;     // in group_, of base64
  std::uint32_t group_ = 0;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_PROXY_CREDENTIALS_H_
