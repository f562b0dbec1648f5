#include "collector/exposition/destination_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "collector/exposition/response_classes.h"
#include "collector/exposition/text_format.h"

namespace proxymeter::collector {
namespace {

constexpr std::size_t kSorted = 1000;
constexpr std::size_t kLineBytes = 160;  // about

// Views into the rows; Abseil's own, which it has a quick hash for.
using Place = std::tuple<absl::string_view, absl::string_view, bool>;
using Asked =
    std::tuple<absl::string_view, absl::string_view, Protocol, Visibility>;

// Of one place, by vendor and destination, and whether by the kernel's word.
struct Sum {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::array<std::uint64_t, std::size(kResponseClasses)> responses{};
};

bool CanHaveRequests(Protocol protocol) {
  return protocol == Protocol::kHttp1 || protocol == Protocol::kHttps1 ||
         protocol == Protocol::kHttp2 || protocol == Protocol::kHttps2;
}

// Pairs of what stands in a map, the few in order.
template <typename Map>
auto Ordered(const Map& map) {
  std::vector<const typename Map::value_type*> entries;
  entries.reserve(map.size());
  for (const auto& entry : map) entries.push_back(&entry);
  if (entries.size() <= kSorted) {
    std::sort(entries.begin(), entries.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
  }
  return entries;
}

// Prometheus does not tell an empty label from none.
void AppendLabel(std::string_view before, std::string_view value,
                 std::string& text) {
  if (value.empty()) return;
  text.append(before);
  AppendEscaped(value, text);
  text += '"';
}

// The series of one family, behind what `text` has.
class Series {
 public:
  Series(std::string_view name, std::string_view help, std::size_t count,
         std::string* text)
      : name_(name), text_(*text) {
    if (count == 0) return;
    text_.reserve(text_.size() + (count + 1) * kLineBytes);
    AppendHead(name, help, "counter", text_);
  }

  void Add(std::string_view labels, std::string_view more,
           std::uint64_t value) {
    text_.append(name_).append(labels).append(more).append("} ");
    AppendNumber(static_cast<double>(value), text_);
    text_ += '\n';
  }

 private:
  const std::string_view name_;
  std::string& text_;
};

class Destinations {
 public:
  explicit Destinations(std::size_t rows) {
    places_.reserve(rows);
    asked_.reserve(rows);
  }

  void Add(const RowKey& key, const Counters& counters) {
    // Bytes are what they are, whatever was read in them; but who said so
    // matters.
    Sum& sum = places_[{key.vendor, key.destination,
                        key.visibility == Visibility::kKernel}];
    sum.sent += counters[kSentBytes];
    sum.received += counters[kReceivedBytes];
    if (CanHaveRequests(key.protocol) || counters[kRequests] > 0) {
      asked_[{key.vendor, key.destination, key.protocol, key.visibility}] +=
          counters[kRequests];
    }
    for (std::size_t i = 0; i < std::size(kResponseClasses); ++i) {
      const std::uint64_t responses = counters[kResponseClasses[i].counter];
      if (responses == 0) continue;
      // These do not tell who said so.
      places_[{key.vendor, key.destination, false}].responses[i] += responses;
      ++responses_;
    }
  }

  std::string Write(const PodIdentity& pod) {
    AppendLabel(",pod_name=\"", pod.name, of_pod_);
    AppendLabel(",pod_namespace=\"", pod.name_space, of_pod_);
    std::string text;
    WriteRequests(&text);
    WritePlaces(&text);
    return text;
  }

 private:
  // All that series of a place have in common.
  const std::string& LabelsOf(absl::string_view vendor,
                              absl::string_view destination) {
    labels_.assign("{proxy_vendor=\"");
    AppendEscaped(std::string_view(vendor.data(), vendor.size()), labels_);
    labels_ += '"';
    AppendLabel(",destination_host=\"",
                std::string_view(destination.data(), destination.size()),
                labels_);
    return labels_;
  }

  void WriteRequests(std::string* text) {
    Series requests("proxymeter_requests_total",
                    "Requests whose head was sent, by vendor and destination.",
                    asked_.size(), text);
    std::string more;
    for (const auto* entry : Ordered(asked_)) {
      const auto& [vendor, destination, protocol, visibility] = entry->first;
      more.clear();
      AppendLabel(",protocol=\"", Name(protocol), more);
      AppendLabel(",visibility=\"", Name(visibility), more);
      requests.Add(LabelsOf(vendor, destination), more.append(of_pod_),
                   entry->second);
    }
  }

  void WritePlaces(std::string* text) {
    Series responses("proxymeter_responses_total",
                     "Final responses received, by class of their status code.",
                     responses_, text);
    std::string text_of_sent;
    std::string text_of_received;
    Series sent("proxymeter_sent_bytes_total",
                "Bytes of payload sent to the vendor, TLS records and "
                "handshakes with the proxy included. visibility=\"kernel\": by "
                "the kernel's word alone.",
                places_.size(), &text_of_sent);
    Series received("proxymeter_received_bytes_total",
                    "Bytes of payload received from the vendor, TLS records "
                    "and handshakes with the proxy included. "
                    "visibility=\"kernel\": by the kernel's word alone.",
                    places_.size(), &text_of_received);
    std::string by_the_kernel;
    AppendLabel(",visibility=\"", Name(Visibility::kKernel), by_the_kernel);
    by_the_kernel += of_pod_;
    for (const auto* entry : Ordered(places_)) {
      const auto& [place, sum] = *entry;
      const auto& [vendor, destination, kernel] = place;
      const std::string& labels = LabelsOf(vendor, destination);
      const std::string& more = kernel ? by_the_kernel : of_pod_;
      sent.Add(labels, more, sum.sent);
      received.Add(labels, more, sum.received);
      for (std::size_t i = 0; i < sum.responses.size(); ++i) {
        if (sum.responses[i] == 0) continue;
        std::string of_class;
        AppendLabel(",response_code_class=\"", kResponseClasses[i].name,
                    of_class);
        responses.Add(labels, of_class.append(of_pod_), sum.responses[i]);
      }
    }
    text->append(text_of_sent).append(text_of_received);
  }

  absl::flat_hash_map<Place, Sum> places_;
  absl::flat_hash_map<Asked, std::uint64_t> asked_;
  std::size_t responses_ = 0;  // series, at most
  std::string of_pod_;
  std::string labels_;  // of the place at hand
};

}  // namespace

std::string DestinationText(const std::vector<RowValue>& rows,
                            const PodIdentity& pod) {
  Destinations destinations(rows.size());
  for (const RowValue& row : rows) {
    if (row.key.kind == RowKind::kTraffic) {
      destinations.Add(row.key, row.counters);
    }
  }
  return destinations.Write(pod);
}

}  // namespace proxymeter::collector
