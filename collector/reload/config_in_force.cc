#include "collector/reload/config_in_force.h"

#include <utility>

namespace proxymeter::collector {
namespace {

std::shared_ptr<const InForce> Stamped(InForce next, std::uint64_t generation) {
  next.generation = generation;
  next.since = std::chrono::system_clock::now();
  return std::make_shared<const InForce>(std::move(next));
}

}  // namespace

ConfigInForce::Subscription::Subscription(Subscription&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      listener_(other.listener_) {}

ConfigInForce::Subscription& ConfigInForce::Subscription::operator=(
    Subscription&& other) noexcept {
  if (this == &other) return *this;
  End();
  owner_ = std::exchange(other.owner_, nullptr);
  listener_ = other.listener_;
  return *this;
}

void ConfigInForce::Subscription::End() {
  ConfigInForce* const owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  const std::lock_guard lock(owner->telling_);
  owner->listeners_.erase(listener_);
}

ConfigInForce::ConfigInForce(InForce first)
    : current_(Stamped(std::move(first), 1)) {}

std::shared_ptr<const InForce> ConfigInForce::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::shared_ptr<const VendorConfig> ConfigInForce::config() const {
  return current()->config;
}

ConfigInForce::Subscription ConfigInForce::Subscribe(Listener listener) {
  const std::lock_guard lock(telling_);
  listener(*current());
  listeners_.push_back(std::move(listener));
  return {this, std::prev(listeners_.end())};
}

void ConfigInForce::Put(InForce next) {
  const std::lock_guard telling(telling_);
  const std::shared_ptr<const InForce> former = current();
  const std::shared_ptr<const InForce> stamped =
      Stamped(std::move(next), former->generation + 1);
  {
    const std::lock_guard lock(mutex_);
    current_ = stamped;
  }
  for (const Listener& listener : listeners_) listener(*stamped);
}

}  // namespace proxymeter::collector
