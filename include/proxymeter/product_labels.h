// Labels of a vendor's products as text: "country=us,zone=residential".
#ifndef PROXYMETER_PRODUCT_LABELS_H_
#define PROXYMETER_PRODUCT_LABELS_H_

#include <array>
#include <cstddef>
#include <string_view>

#include "proxymeter/limits.h"

namespace proxymeter {

/// Names that metrics use already, or that would put an account or a session
/// into a label: nobody may declare them.
constexpr bool IsReservedLabelName(std::string_view name) {
  constexpr std::string_view kReserved[] = {
      // Of our metrics, and of what scrapes them.
      "proxy_vendor", "destination_host", "protocol", "visibility",
      "response_code", "response_code_class", "pod_name", "pod_namespace",
      "namespace", "pod", "container", "node", "job", "instance", "currency",
      "le", "quantile",
      // Of people and their sessions.
      "customer", "user", "username", "account", "password", "pass", "key",
      "token", "secret", "session", "sessionid", "session_id", "sessid", "sid",
      "sticky"};
  for (const std::string_view reserved : kReserved) {
    if (name == reserved) return true;
  }
  return false;
}

/// [a-z][a-z0-9_]*, at most kMaxLabelName bytes, not reserved.
constexpr bool IsProductLabelName(std::string_view name) {
  if (name.empty() || name.size() > kMaxLabelName) return false;
  if (name.front() < 'a' || name.front() > 'z') return false;
  for (const char c : name) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!good) return false;
  }
  return !IsReservedLabelName(name);
}

struct ProductLabel {
  std::string_view name;
  std::string_view value;
};

/// Such a text, taken apart. The views point into it.
class ProductLabels {
 public:
  /// False when it is none: names that are no label's or come twice, values
  /// that are empty, too long, or of other characters than a-z, 0-9, '_', '.'
  /// and '-', more than kMaxVendorLabels. The empty text has no labels.
  constexpr bool Parse(std::string_view text) {
    count_ = 0;
    if (text.size() > kMaxLabelsLength) return false;
    while (!text.empty()) {
      const std::size_t end = text.find(',');
      const std::string_view part =
          end == std::string_view::npos ? text : text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view{}
                                           : text.substr(end + 1);
      const std::size_t middle = part.find('=');
      if (middle == std::string_view::npos || count_ == kMaxVendorLabels) {
        return false;
      }
      const ProductLabel label{part.substr(0, middle), part.substr(middle + 1)};
      if (!IsProductLabelName(label.name) || !IsValue(label.value)) {
        return false;
      }
      for (std::size_t i = 0; i < count_; ++i) {
        if (labels_[i].name == label.name) return false;
      }
      labels_[count_++] = label;
      if (end != std::string_view::npos && text.empty()) return false;
    }
    return true;
  }

  /// By name.
  constexpr void Sort() {
    for (std::size_t i = 1; i < count_; ++i) {
      for (std::size_t j = i; j > 0 && labels_[j].name < labels_[j - 1].name;
           --j) {
        const ProductLabel later = labels_[j];
        labels_[j] = labels_[j - 1];
        labels_[j - 1] = later;
      }
    }
  }

  constexpr const ProductLabel* begin() const { return labels_.data(); }
  constexpr const ProductLabel* end() const { return begin() + count_; }

 private:
  static constexpr bool IsValue(std::string_view value) {
    if (value.empty() || value.size() > kMaxLabelValue) return false;
    for (const char c : value) {
      const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                        c == '_' || c == '.' || c == '-';
      if (!good) return false;
    }
    return true;
  }

  std::array<ProductLabel, kMaxVendorLabels> labels_{};
  std::size_t count_ = 0;
};

}  // namespace proxymeter

#endif  // PROXYMETER_PRODUCT_LABELS_H_
