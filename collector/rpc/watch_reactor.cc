#include "collector/rpc/watch_reactor.h"

#include <algorithm>
#include <utility>

namespace proxymeter::collector {
namespace {

std::chrono::milliseconds Interval(std::uint32_t milliseconds) {
  return std::chrono::milliseconds(
      milliseconds == 0 ? 1000u : std::max(milliseconds, 100u));
}

}  // namespace

WatchReactor::WatchReactor(Source source, std::uint32_t interval_ms,
                           StreamSlot slot)
    : source_(std::move(source)),
      interval_(Interval(interval_ms)),
      slot_(std::move(slot)) {
  Write();
}

void WatchReactor::OnWriteDone(bool ok) {
  if (ok) {
    const std::lock_guard lock(mutex_);
    if (!cancelled_) {
      alarm_.Set(std::chrono::system_clock::now() + interval_,
                 [this](bool) { OnAlarm(); });
      return;
    }
  }
  Finish(grpc::Status::CANCELLED);
}

void WatchReactor::OnCancel() {
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
  }
  // No alarm is set from here on. One that is set goes off now, so that the
  // call ends without waiting for the interval.
  alarm_.Cancel();
}

void WatchReactor::OnDone() { delete this; }

void WatchReactor::OnAlarm() {
  bool cancelled = false;
  {
    const std::lock_guard lock(mutex_);
    cancelled = cancelled_;
  }
  // Either leads to the end of this object in another thread: nothing of it
  // may be touched afterwards.
  if (cancelled) {
    Finish(grpc::Status::CANCELLED);
  } else {
    Write();
  }
}

void WatchReactor::Write() {
  response_ = source_();
  StartWrite(&response_);
}

}  // namespace proxymeter::collector
