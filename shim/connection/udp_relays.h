// Where SOCKS5 proxies take datagrams (RFC 1928, 7).
#ifndef PROXYMETER_SHIM_CONNECTION_UDP_RELAYS_H_
#define PROXYMETER_SHIM_CONNECTION_UDP_RELAYS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "proxymeter/endpoint.h"
#include "proxymeter/journal.h"

namespace proxymeter::shim {

class Connection;

/// The endpoints that proxies named in answer to UDP ASSOCIATE, often at ports
/// that no rule knows: what goes there is the vendor's, for as long as the
/// connection that asked is open. No call waits.
class UdpRelays {
 public:
  static constexpr std::uint32_t kMost = 64;

  constexpr UdpRelays() = default;

  /// False when there is no room. `vendor_row` outlives this.
  bool Add(const Endpoint& relay, const Connection* owner,
           JournalRow* vendor_row);
  /// Its connection ends.
  void Remove(const Connection* owner);
  /// The row of the vendor whose relay this is, or null.
  JournalRow* Find(const Endpoint& endpoint) const;

 private:
  struct Slot {
    std::atomic<const Connection*> owner{nullptr};
    std::atomic<std::uint64_t> address[2]{};
    std::atomic<std::uint32_t> port{0};
    std::atomic<JournalRow*> vendor_row{nullptr};  // null while it changes
  };

  std::atomic<std::uint32_t> used_{0};
  std::array<Slot, kMost> slots_{};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_CONNECTION_UDP_RELAYS_H_
