// Rates of the last minutes, so that charts are filled when the page is opened.
#ifndef PROXYMETER_COLLECTOR_WEB_HISTORY_H_
#define PROXYMETER_COLLECTOR_WEB_HISTORY_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "collector/accounts/totals.h"
#include "proxymeter/v1/live.pb.h"

namespace proxymeter::collector {

/// A ring of fixed size, about 130 kB when full: it lives in memory alone, and
/// begins anew with the collector. Thread-safe.
class History {
 public:
  static constexpr std::chrono::seconds kInterval{5};
  static constexpr std::size_t kSamples = 180;  ///< a quarter of an hour
  /// Vendors told apart; what others do is counted together, as `_other`. A
  /// vendor without traffic in all samples makes room for another.
  static constexpr std::size_t kVendors = 32;
  static constexpr char kOther[] = "_other";

  /// Takes the sums at a moment. The first are where growth is counted from,
  /// as are such that have fallen.
  void Add(const VendorSums& sums, double unix_seconds,
           std::chrono::steady_clock::time_point now);

  /// Samples that ended after `after`, Unix time in seconds.
  v1::HistoryResponse Message(double after) const;

 private:
  struct Rates {
    float requests = 0;
    float sent_bytes = 0;
    float received_bytes = 0;
    float proxy_errors = 0;

    friend bool operator==(const Rates&, const Rates&) = default;
  };
  static constexpr std::size_t kSlots = kVendors + 1;  // the last: kOther
  struct Sample {
    double unix_seconds = 0;
    std::array<Rates, kSlots> rates{};
  };

  std::size_t SlotOf(const std::string& vendor);
  void FreeIdleSlots();
  static bool HaveFallen(const VendorSums& before, const VendorSums& now);
  static Rates RatesOf(const VendorSum& before, const VendorSum& now,
                       double seconds);
  static void AddTo(const Rates& more, Rates& rates);

  mutable std::mutex mutex_;
  bool has_base_ = false;
  VendorSums base_;
  std::chrono::steady_clock::time_point base_time_{};
  std::array<std::string, kVendors> names_{};  // empty: a free slot
  std::deque<Sample> samples_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_HISTORY_H_
