// What the journal knows of a connection: of those that are open, and of those
// that ended last.
#ifndef PROXYMETER_CONNECTION_SLOT_H_
#define PROXYMETER_CONNECTION_SLOT_H_

#include <atomic>
#include <cstdint>

namespace proxymeter {

/// A TCP connection, so that what the kernel says of it can be compared with
/// what was reported. While it is open, SIGKILL may fall between the kernel's
/// taking bytes and the report of it; when it has ended, what stands here says
/// which of the kernel's connections were metered, and how much of them, until
/// the slot is another's.
struct alignas(64) ConnectionSlot {
  /// SO_COOKIE, which no other socket has or will have until the next boot; 0:
  /// the slot is free. Stored last, with release.
  std::atomic<std::uint64_t> cookie;
  std::atomic<std::uint64_t> sent;  ///< bytes reported since it was opened
  /// What `sent` comes to, at least, when a request has been sent that is not
  /// counted yet: what comes next can only be one. 0: nothing is expected.
  std::atomic<std::uint64_t> request_from;
  /// Number of the traffic row that its bytes go to, plus one; 0: not known.
  std::atomic<std::uint32_t> row;
  /// The same for the request expected, whose host may be another one.
  std::atomic<std::uint32_t> request_row;
  /// Number of the vendor's row, plus one; 0: it has none, nor counts.
  std::atomic<std::uint32_t> vendor_row;
  /// Not 0: another program may have it too, whose bytes are not ours.
  std::atomic<std::uint32_t> may_be_shared;
  std::atomic<std::uint64_t> received;  ///< as `sent`
  /// Cookie of the connection that had the slot last, and has ended: all but
  /// `cookie` is about it. 0: none. Stored with release before `cookie` is 0.
  std::atomic<std::uint64_t> ended_cookie;
  std::atomic<std::uint32_t> ended_ms;  ///< when, by the monotonic clock
  /// Not 0: somebody else made it, and may have used it before.
  std::atomic<std::uint32_t> adopted;
};
static_assert(sizeof(ConnectionSlot) == 64);
/// A slot is not used again so soon after its connection's end as long as there
/// are others: collectors look in every second.
inline constexpr std::uint32_t kSlotKeptMs = 2500;
/// Stands for a cookie while a slot is being filled in.
inline constexpr std::uint64_t kSlotClaimed = ~std::uint64_t{0};

}  // namespace proxymeter

#endif  // PROXYMETER_CONNECTION_SLOT_H_
