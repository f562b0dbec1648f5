// The configuration in force, for whoever in the collector depends on it.
#ifndef PROXYMETER_COLLECTOR_RELOAD_CONFIG_IN_FORCE_H_
#define PROXYMETER_COLLECTOR_RELOAD_CONFIG_IN_FORCE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "collector/policy/vendor_config.h"

namespace proxymeter::collector {

/// One configuration and what was made of it. Never changes.
struct InForce {
  /// Never null. Its address lists are empty but for their paths.
  std::shared_ptr<const VendorConfig> config{};
  /// 1 for the first of this collector; one more with each that differs.
  std::uint64_t generation = 0;
  std::string config_sha256{};  ///< of the file's text, in hex; empty: no file
  std::uint64_t policy_checksum = 0;  ///< as in the policy's header
  std::uint64_t policy_bytes = 0;
  std::size_t vendors = 0;
  std::size_t rules = 0;
  std::chrono::system_clock::time_point since{};
};

/// Thread-safe.
class ConfigInForce {
 public:
  using Listener = std::function<void(const InForce&)>;

  /// Ends a subscription with its life; must not outlive the ConfigInForce, nor
  /// be destroyed by its own listener. Waits for a listener that is running.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription() { End(); }
    void End();

   private:
    friend class ConfigInForce;
    Subscription(ConfigInForce* owner, std::list<Listener>::iterator listener)
        : owner_(owner), listener_(listener) {}

    ConfigInForce* owner_ = nullptr;
    std::list<Listener>::iterator listener_{};
  };

  explicit ConfigInForce(InForce first);
  ConfigInForce(const ConfigInForce&) = delete;
  ConfigInForce& operator=(const ConfigInForce&) = delete;

  /// Never null. Hold it for as long as one answer shall be of one piece.
  std::shared_ptr<const InForce> current() const;
  std::shared_ptr<const VendorConfig> config() const;

  /// Calls `listener` with what is in force, at once, and then with whatever
  /// comes into force, in that order and one call at a time. It may ask
  /// current() and must neither subscribe nor wait for a reload.
  [[nodiscard]] Subscription Subscribe(Listener listener);

  /// Puts `next` in force; its generation and time are set here.
  void Put(InForce next);

 private:
  std::mutex telling_;  // guards listeners_; taken before mutex_
  std::list<Listener> listeners_;
  mutable std::mutex mutex_;  // guards current_
  std::shared_ptr<const InForce> current_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RELOAD_CONFIG_IN_FORCE_H_
