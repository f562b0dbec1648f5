// Prometheus's text format, version 0.0.4.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_TEXT_FORMAT_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_TEXT_FORMAT_H_

#include <prometheus/metric_family.h>

#include <string>
#include <string_view>
#include <vector>

namespace proxymeter::collector {

/// What prometheus::TextSerializer makes of `families`, byte for byte. That one
/// puts each piece through a stream, which takes longer than a scrape of many
/// series may: counters and gauges are written here, the few others by it.
std::string ToText(const std::vector<prometheus::MetricFamily>& families);

/// The lines before the series of a family; `type` as in the format.
void AppendHead(std::string_view name, std::string_view help,
                std::string_view type, std::string& text);
/// A label's value, without its quotes.
void AppendEscaped(std::string_view value, std::string& text);
void AppendNumber(double value, std::string& text);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_TEXT_FORMAT_H_
