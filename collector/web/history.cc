#include "collector/web/history.h"

#include <algorithm>

namespace proxymeter::collector {

bool History::HaveFallen(const VendorSums& before, const VendorSums& now) {
  return std::any_of(before.begin(), before.end(), [&now](const auto& was) {
    const auto found = now.find(was.first);
    if (found == now.end()) return true;
    const VendorSum& a = was.second;
    const VendorSum& b = found->second;
    return b.requests < a.requests || b.sent_bytes < a.sent_bytes ||
           b.received_bytes < a.received_bytes ||
           b.proxy_errors < a.proxy_errors;
  });
}

History::Rates History::RatesOf(const VendorSum& before, const VendorSum& now,
                                double seconds) {
  const auto rate = [seconds](std::uint64_t from, std::uint64_t to) {
    return static_cast<float>(static_cast<double>(to - from) / seconds);
  };
  return {rate(before.requests, now.requests),
          rate(before.sent_bytes, now.sent_bytes),
          rate(before.received_bytes, now.received_bytes),
          rate(before.proxy_errors, now.proxy_errors)};
}

void History::AddTo(const Rates& more, Rates& rates) {
  rates.requests += more.requests;
  rates.sent_bytes += more.sent_bytes;
  rates.received_bytes += more.received_bytes;
  rates.proxy_errors += more.proxy_errors;
}

void History::Add(const VendorSums& sums, double unix_seconds,
                  std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const double seconds =
      std::chrono::duration<double>(now - base_time_).count();
  if (has_base_ && seconds <= 0) return;
  if (has_base_ && !HaveFallen(base_, sums)) {
    FreeIdleSlots();
    Sample& sample =
        samples_.emplace_back(Sample{.unix_seconds = unix_seconds});
    for (const auto& [vendor, sum] : sums) {
      const auto found = base_.find(vendor);
      const Rates rates = RatesOf(
          found == base_.end() ? VendorSum{} : found->second, sum, seconds);
      if (rates == Rates{}) continue;  // needs no slot
      AddTo(rates, sample.rates[vendor == kOther ? kVendors : SlotOf(vendor)]);
    }
    if (samples_.size() > kSamples) samples_.pop_front();
  }
  base_ = sums;
  base_time_ = now;
  has_base_ = true;
}

std::size_t History::SlotOf(const std::string& vendor) {
  auto slot = std::find(names_.begin(), names_.end(), vendor);
  if (slot == names_.end()) {
    slot = std::find(names_.begin(), names_.end(), "");
    if (slot == names_.end()) return kVendors;
    *slot = vendor;
  }
  return static_cast<std::size_t>(slot - names_.begin());
}

void History::FreeIdleSlots() {
  for (std::size_t slot = 0; slot < kVendors; ++slot) {
    const bool idle = std::all_of(
        samples_.begin(), samples_.end(),
        [slot](const Sample& s) { return s.rates[slot] == Rates{}; });
    if (idle) names_[slot].clear();
  }
}

v1::HistoryResponse History::Message(double after) const {
  v1::HistoryResponse message;
  message.set_interval_seconds(kInterval.count());
  message.set_capacity(kSamples);
  const std::lock_guard lock(mutex_);
  const auto first = std::find_if(
      samples_.begin(), samples_.end(),
      [after](const Sample& sample) { return sample.unix_seconds > after; });
  for (auto sample = first; sample != samples_.end(); ++sample) {
    message.add_unix_seconds(sample->unix_seconds);
  }
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    const bool idle = std::all_of(
        samples_.begin(), samples_.end(),
        [slot](const Sample& s) { return s.rates[slot] == Rates{}; });
    if (idle) continue;
    v1::VendorHistory* vendor = message.add_vendors();
    vendor->set_vendor(slot == kVendors ? kOther : names_[slot]);
    for (auto sample = first; sample != samples_.end(); ++sample) {
      const Rates& rates = sample->rates[slot];
      vendor->add_requests(rates.requests);
      vendor->add_sent_bytes(rates.sent_bytes);
      vendor->add_received_bytes(rates.received_bytes);
      vendor->add_proxy_errors(rates.proxy_errors);
    }
  }
  return message;
}

}  // namespace proxymeter::collector
