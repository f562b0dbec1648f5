// The collector's policy file, mapped read-only and followed when it changes.
#ifndef PROXYMETER_SHIM_ATTRIBUTION_POLICY_MAP_H_
#define PROXYMETER_SHIM_ATTRIBUTION_POLICY_MAP_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "proxymeter/policy_view.h"
#include "shim/environment.h"

namespace proxymeter::shim {

class PolicyMap {
 public:
  constexpr PolicyMap() = default;

  enum class Change : std::uint8_t {
    kNone,      ///< same file as before, or looked at less than a second ago
    kLoaded,    ///< a new file is in force
    kRejected,  ///< a new file failed validation; the old one stays in force
  };

  /// Looks at DIR/policy, at most once a second. Refuses a file that the
  /// directory's owner does not own. `generation` is the process's
  /// (Process::generation): a look that a fork caught half-way does not bar the
  /// child. Leaves errno alone.
  Change Refresh(const Path& directory, std::uint32_t generation);

  /// Files refused since this was last asked, whoever looked.
  std::uint32_t TakeRejections() {
    return rejections_.exchange(0, std::memory_order_relaxed);
  }

  /// Whether the policy in force asks who opens connections: one load.
  bool asks_for_callers() const {
    return asks_for_callers_.load(std::memory_order_relaxed);
  }

  /// Another number for each policy that has come into force: one load.
  std::uint32_t generation() const {
    return generation_.load(std::memory_order_relaxed);
  }

  /// Whether the policy in force meters this process: one load.
  bool meters_process() const {
    return meters_process_.load(std::memory_order_relaxed);
  }

  /// A policy that stays mapped while this object lives; empty (matches
  /// nothing) when there is none.
  class Reader {
   public:
    explicit Reader(PolicyMap* map);
    ~Reader();
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    const PolicyView& policy() const { return *view_; }

   private:
    PolicyMap* map_;
    int slot_;
    const PolicyView* view_;
  };

 private:
  struct Slot {
    std::atomic<std::uint32_t> readers{0};
    PolicyView view;
    void* memory = nullptr;
    std::size_t bytes = 0;
  };
  struct Identity {
    ino_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_s = 0;
    std::int64_t modified_ns = 0;
    bool operator==(const Identity&) const = default;
  };

  // Two take turns; more, since a fork in the middle of another thread's
  // look-up leaves the child a reader that never goes.
  static constexpr int kSlots = 4;

  static Identity IdentityOf(const struct stat& status);
  Change Load(const Path& directory);
  // While there is no policy yet, and this process is mapping one.
  void AwaitFirst(std::uint32_t generation);

  // The first that is neither in force nor being read; kSlots: none is.
  int FreeSlot(int current) const;

  std::atomic<int> current_{-1};  // the one in force; -1 is none
  Slot slots_[kSlots];
  std::atomic<std::uint64_t> next_look_ns_{0};
  std::atomic<std::uint32_t> rejections_{0};
  std::atomic<std::uint32_t> loader_{0};  // generation + 1, or 0 for nobody
  Identity seen_;
  std::atomic<bool> asks_for_callers_{false};
  std::atomic<std::uint32_t> generation_{0};
  std::atomic<bool> meters_process_{true};
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_ATTRIBUTION_POLICY_MAP_H_
