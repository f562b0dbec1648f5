// Figures for everybody who looks, read once for all of them.
#ifndef PROXYMETER_COLLECTOR_WEB_FIGURES_KEEPER_H_
#define PROXYMETER_COLLECTOR_WEB_FIGURES_KEEPER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

#include "collector/web/figures.h"

namespace proxymeter::collector {

/// Ten open pages cost what one does, and none costs nothing. Thread-safe.
class FiguresKeeper {
 public:
  /// Shorter than the page's own interval, so that one page's questions of one
  /// moment see the same figures, and those of the next moment newer ones.
  static constexpr std::chrono::milliseconds kFreshFor{1500};
  /// Rates are taken over this and up to twice as long, as soon as somebody has
  /// looked for so long: shorter ones would show how crawlers take turns.
  static constexpr std::chrono::seconds kRatesOver{10};
  /// Figures that nobody asked for that long are given up.
  static constexpr std::chrono::seconds kKeptFor{30};

  FiguresKeeper(std::function<Metrics::View()> view,
                std::function<Moment()> now)
      : view_(std::move(view)), now_(std::move(now)) {}

  /// Waits while somebody else reads them.
  std::shared_ptr<const Figures> Current();

  /// To be called now and then. True when there were figures to give up.
  bool DropUnused();

 private:
  void Read();

  const std::function<Metrics::View()> view_;
  const std::function<Moment()> now_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point asked_{};
  std::shared_ptr<const Figures> current_;
  std::shared_ptr<const Baseline> base_;       // with current_, as is:
  std::shared_ptr<const Baseline> next_base_;  // taken once it is old enough
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_FIGURES_KEEPER_H_
