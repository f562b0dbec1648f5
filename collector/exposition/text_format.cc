#include "collector/exposition/text_format.h"

#include <prometheus/text_serializer.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string_view>

namespace proxymeter::collector {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Digits that are sure to come back as they were; the serializer's own.
constexpr int kDigits = std::numeric_limits<double>::max_digits10 - 1;
// Whole numbers below have no exponent in so many digits.
constexpr double kPlain = 1e15;
constexpr std::size_t kLineBytes = 128;  // about

void AppendSeries(const MetricFamily& family, const ClientMetric& metric,
                  std::string& text) {
  text += family.name;
  char before = '{';
  for (const ClientMetric::Label& label : metric.label) {
    text += before;
    text.append(label.name).append("=\"");
    AppendEscaped(label.value, text);
    text += '"';
    before = ',';
  }
  if (before == ',') text += '}';
  text += ' ';
  AppendNumber(family.type == MetricType::Counter ? metric.counter.value
                                                  : metric.gauge.value,
               text);
  if (metric.timestamp_ms != 0) {
    text.append(" ").append(std::to_string(metric.timestamp_ms));
  }
  text += '\n';
}

}  // namespace

void AppendHead(std::string_view name, std::string_view help,
                std::string_view type, std::string& text) {
  text.append("# HELP ").append(name).append(" ").append(help);
  text.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void AppendNumber(double value, std::string& text) {
  std::array<char, 32> digits;
  if (std::abs(value) < kPlain && value == std::trunc(value) &&
      !std::signbit(value)) {
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                   static_cast<std::int64_t>(value))
                         .ptr;
    text.append(digits.data(), end);
    return;
  }
  const int size =
      std::snprintf(digits.data(), digits.size(), "%.*g", kDigits, value);
  text.append(digits.data(), static_cast<std::size_t>(size));
}

void AppendEscaped(std::string_view value, std::string& text) {
  const auto special = [](char c) {
    return c == '\\' || c == '"' || c == '\n';
  };
  // Hardly any has one. A search for each takes less than a look at each byte.
  if (value.find('"') == value.npos && value.find('\\') == value.npos &&
      value.find('\n') == value.npos) {
    text += value;
    return;
  }
  for (const char c : value) {
    if (special(c)) text += '\\';
    text += c == '\n' ? 'n' : c;
  }
}

std::string ToText(const std::vector<MetricFamily>& families) {
  std::size_t lines = 0;
  for (const MetricFamily& family : families) lines += family.metric.size() + 2;
  std::string text;
  text.reserve(lines * kLineBytes);
  for (const MetricFamily& family : families) {
    const bool counter = family.type == MetricType::Counter;
    if (!counter && family.type != MetricType::Gauge) {
      text += prometheus::TextSerializer().Serialize({family});
      continue;
    }
    AppendHead(family.name, family.help, counter ? "counter" : "gauge", text);
    for (const ClientMetric& metric : family.metric) {
      AppendSeries(family, metric, text);
    }
  }
  return text;
}

}  // namespace proxymeter::collector
