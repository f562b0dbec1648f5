#include "collector/web/figures_keeper.h"

#include <malloc.h>

#include <utility>

namespace proxymeter::collector {

std::shared_ptr<const Figures> FiguresKeeper::Current() {
  const std::lock_guard lock(mutex_);
  asked_ = now_().steady;
  if (current_ == nullptr || asked_ - current_->moment().steady >= kFreshFor) {
    Read();
  }
  return current_;
}

void FiguresKeeper::Read() {
  // One at a time: they are large.
  current_.reset();
  // The moment after: what was read is not newer than it.
  Metrics::View view = view_();
  const Moment moment = now_();
  current_ =
      std::make_shared<const Figures>(std::move(view), moment, base_.get());
  if (next_base_ == nullptr ||
      moment.steady - next_base_->moment.steady >= kRatesOver) {
    base_ = std::move(next_base_);
    next_base_ = std::make_shared<const Baseline>(current_->AsBaseline());
    if (base_ == nullptr) base_ = next_base_;
  }
  // What was just freed: the heap would keep it.
  malloc_trim(0);
}

bool FiguresKeeper::DropUnused() {
  const std::lock_guard lock(mutex_);
  if (current_ == nullptr || now_().steady - asked_ < kKeptFor) return false;
  current_.reset();
  base_.reset();
  next_base_.reset();
  return true;
}

}  // namespace proxymeter::collector
