// Which host names the process has resolved to which addresses: the bridge
// from getaddrinfo, or a DNS server's answer, to connect.
#ifndef PROXYMETER_SHIM_ATTRIBUTION_RESOLVED_HOSTS_H_
#define PROXYMETER_SHIM_ATTRIBUTION_RESOLVED_HOSTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxymeter/endpoint.h"
#include "proxymeter/limits.h"

namespace proxymeter::shim {

/// Remembers the latest kSlots (address, name) pairs. Only names that a rule
/// mentions are worth a slot; the caller sees to that. Lock-free: a slot that
/// another thread is writing is skipped.
class ResolvedHosts {
 public:
  static constexpr std::size_t kSlots = 256;
  /// Most names one address is looked up under.
  static constexpr std::size_t kMaxNames = 8;

  constexpr ResolvedHosts() = default;

  void Remember(const Address& address, std::string_view name);

  class Names {
   public:
    std::span<const std::string_view> view() const { return {views_, count_}; }
    /// `name` instead; it must outlive this.
    void ShowOnly(std::string_view name) {
      views_[0] = name;
      count_ = 1;
    }

   private:
    friend class ResolvedHosts;
    char text_[kMaxNames][kMaxHostLength];
    std::string_view views_[kMaxNames];
    std::size_t count_ = 0;
  };

  /// Copies the names known for `address`, most recent first.
  void Find(const Address& address, Names* names) const;

 private:
  // Text and address in words, so that a torn read is a wrong value that the
  // sequence number exposes, not undefined behaviour.
  static constexpr std::size_t kNameWords = (kMaxHostLength + 7) / 8;
  struct Slot {
    std::atomic<std::uint32_t> sequence{0};  // odd while being written
    std::atomic<std::uint32_t> length{0};
    std::atomic<std::uint64_t> address[2]{};
    std::atomic<std::uint64_t> name[kNameWords]{};
  };

  bool Holds(const Address& address, std::string_view name) const;

  std::atomic<std::uint32_t> next_{0};
  Slot slots_[kSlots];
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_ATTRIBUTION_RESOLVED_HOSTS_H_
