#include "collector/exposition/destination_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "collector/exposition/response_classes.h"
#include "collector/exposition/text_format.h"

namespace proxymeter::collector {
namespace {

constexpr std::size_t kSorted = 1000;
constexpr std::size_t kLineBytes = 160;  // about

// Vendor and destination, in the rows; by Abseil's own views, which it has a
// quick hash for.
using Place = std::pair<absl::string_view, absl::string_view>;

struct Bytes {
  bool any = false;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

struct Requests {
  Protocol protocol;
  Visibility visibility;
  std::uint64_t count;
};

struct Sum {
  Bytes reported;
  Bytes by_the_kernel;
  absl::InlinedVector<Requests, 2> requests;
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

// The series of one family; none, no head either.
class Series {
 public:
  Series(std::string_view name, std::string_view help, std::size_t about)
      : name_(name), help_(help), about_(about) {}

  void Add(std::string_view labels, std::string_view more,
           std::uint64_t value) {
    if (text_.empty()) {
      text_.reserve((about_ + 1) * kLineBytes);
      AppendHead(name_, help_, "counter", text_);
    }
    text_.append(name_).append(labels).append(more).append("} ");
    AppendNumber(static_cast<double>(value), text_);
    text_ += '\n';
  }

  const std::string& text() const { return text_; }

 private:
  const std::string_view name_;
  const std::string_view help_;
  const std::size_t about_;
  std::string text_;
};

// All four families at once: the labels of a place are made once.
class Writer {
 public:
  Writer(const PodIdentity& pod, std::size_t places)
      : requests_("proxymeter_requests_total",
                  "Requests whose head was sent, by vendor and destination.",
                  places),
        responses_("proxymeter_responses_total",
                   "Final responses received, by class of their status code.",
                   places),
        sent_("proxymeter_sent_bytes_total",
              "Bytes of payload sent to the vendor, TLS records and handshakes "
              "with the proxy included. visibility=\"kernel\": by the kernel's "
              "word alone.",
              places),
        received_("proxymeter_received_bytes_total",
                  "Bytes of payload received from the vendor, TLS records and "
                  "handshakes with the proxy included. visibility=\"kernel\": "
                  "by the kernel's word alone.",
                  places) {
    AppendLabel(",pod_name=\"", pod.name, of_pod_);
    AppendLabel(",pod_namespace=\"", pod.name_space, of_pod_);
    AppendLabel(",visibility=\"", Name(Visibility::kKernel), by_the_kernel_);
    by_the_kernel_ += of_pod_;
  }

  void Add(const Place& place, const Sum& sum) {
    const auto& [vendor, destination] = place;
    labels_.assign("{proxy_vendor=\"");
    AppendEscaped({vendor.data(), vendor.size()}, labels_);
    labels_ += '"';
    AppendLabel(",destination_host=\"",
                {destination.data(), destination.size()}, labels_);
    AddRequests(sum);
    for (std::size_t i = 0; i < sum.responses.size(); ++i) {
      if (sum.responses[i] == 0) continue;
      more_.clear();
      AppendLabel(",response_code_class=\"", kResponseClasses[i].name, more_);
      responses_.Add(labels_, more_.append(of_pod_), sum.responses[i]);
    }
    AddBytes(sum.reported, of_pod_);
    AddBytes(sum.by_the_kernel, by_the_kernel_);
  }

  std::string Take() const {
    std::string text;
    const Series* const families[] = {&requests_, &responses_, &sent_,
                                      &received_};
    std::size_t size = 0;
    for (const Series* family : families) size += family->text().size();
    // The metrics that follow find room.
    text.reserve(size + size / 8);
    for (const Series* family : families) text += family->text();
    return text;
  }

 private:
  void AddRequests(const Sum& sum) {
    auto requests = sum.requests;
    std::sort(requests.begin(), requests.end(),
              [](const Requests& a, const Requests& b) {
                return std::pair(Name(a.protocol), Name(a.visibility)) <
                       std::pair(Name(b.protocol), Name(b.visibility));
              });
    for (const Requests& each : requests) {
      more_.clear();
      AppendLabel(",protocol=\"", Name(each.protocol), more_);
      AppendLabel(",visibility=\"", Name(each.visibility), more_);
      requests_.Add(labels_, more_.append(of_pod_), each.count);
    }
  }

  void AddBytes(const Bytes& bytes, const std::string& more) {
    if (!bytes.any) return;
    sent_.Add(labels_, more, bytes.sent);
    received_.Add(labels_, more, bytes.received);
  }

  Series requests_;
  Series responses_;
  Series sent_;
  Series received_;
  std::string of_pod_;
  std::string by_the_kernel_;
  std::string labels_;  // of the place at hand
  std::string more_;
};

class Destinations {
 public:
  explicit Destinations(std::size_t rows) { sums_.reserve(rows); }

  void Add(const RowKey& key, const Counters& counters) {
    Sum& sum = sums_[{key.vendor, key.destination}];
    // Bytes are what they are, whatever was read in them; but who said so
    // matters.
    Bytes& bytes = key.visibility == Visibility::kKernel ? sum.by_the_kernel
                                                         : sum.reported;
    bytes.any = true;
    bytes.sent += counters[kSentBytes];
    bytes.received += counters[kReceivedBytes];
    if (CanHaveRequests(key.protocol) || counters[kRequests] > 0) {
      AddRequests(key, counters[kRequests], sum);
    }
    for (std::size_t i = 0; i < sum.responses.size(); ++i) {
      sum.responses[i] += counters[kResponseClasses[i].counter];
    }
  }

  std::string Write(const PodIdentity& pod) const {
    Writer writer(pod, sums_.size());
    for (const auto* entry : Ordered(sums_)) {
      writer.Add(entry->first, entry->second);
    }
    return writer.Take();
  }

 private:
  // Labels of a product, which are in the key too, are no matter here.
  static void AddRequests(const RowKey& key, std::uint64_t count, Sum& sum) {
    for (Requests& requests : sum.requests) {
      if (requests.protocol == key.protocol &&
          requests.visibility == key.visibility) {
        requests.count += count;
        return;
      }
    }
    sum.requests.push_back({key.protocol, key.visibility, count});
  }

  absl::flat_hash_map<Place, Sum> sums_;
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
