#include "collector/web/live_site.h"

#include <google/protobuf/util/json_util.h>
#include <malloc.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "collector/web/page_files.h"

namespace proxymeter::collector {
namespace {

constexpr std::uint64_t kDefaultDestinations = 100;
constexpr std::uint64_t kMaxDestinations = 1000;
constexpr std::uint64_t kMaxOffset = 10'000'000;

Moment Now() {
  const auto unix_time = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<std::uint64_t>(
              std::chrono::duration_cast<std::chrono::nanoseconds>(unix_time)
                  .count()),
          std::chrono::steady_clock::now()};
}

HttpAnswer JsonAnswer(const google::protobuf::Message& message,
                      int status = 200) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options)
           .ok()) {
    // A pod's name that is not UTF-8, perhaps.
    status = 500;
    json = R"({"parameter":"","message":"not to be told in JSON"})";
  }
  json += '\n';
  return {.status = status,
          .content_type = "application/json",
          .body = std::make_shared<const std::string>(std::move(json)),
          .headers = {{"Cache-Control", "no-store"}}};
}

HttpAnswer ErrorAnswer(int status, const QueryError& error) {
  v1::ErrorResponse message;
  message.set_parameter(error.parameter);
  message.set_message(error.message);
  return JsonAnswer(message, status);
}

DestinationSort SortNamed(std::string_view name) {
  constexpr std::pair<std::string_view, DestinationSort> kSorts[] = {
      {"byte_rate", DestinationSort::kByteRate},
      {"requests", DestinationSort::kRequests},
      {"request_rate", DestinationSort::kRequestRate},
      {"sent", DestinationSort::kSent},
      {"received", DestinationSort::kReceived},
      {"errors", DestinationSort::kErrors},
      {"cost", DestinationSort::kCost},
      {"destination", DestinationSort::kDestination},
      {"vendor", DestinationSort::kVendor}};
  for (const auto& [known, sort] : kSorts) {
    if (known == name) return sort;
  }
  return DestinationSort::kBytes;
}

}  // namespace

LiveSite::LiveSite(Sources sources, CollectorIdentity identity)
    : sources_(std::move(sources)),
      identity_(std::move(identity)),
      figures_(sources_.view, Now),
      thread_([this] { KeepHistory(); }) {}

LiveSite::~LiveSite() {
  {
    const std::lock_guard lock(stop_mutex_);
    stop_ = true;
  }
  stop_condition_.notify_all();
  thread_.join();
}

HttpAnswer LiveSite::Answer(const HttpQuestion& question) {
  const Query query(question.parameters);
  if (question.path == "/api/v1/vendors") return Vendors(query);
  if (question.path == "/api/v1/destinations") return Destinations(query);
  if (question.path == "/api/v1/history") return HistorySince(query);
  if (question.path == "/api/v1/status") return Status(query);
  if (question.path.starts_with("/api/")) {
    return ErrorAnswer(404, {.parameter = "", .message = "no such path"});
  }
  return PageAnswer(question.path);
}

HttpAnswer LiveSite::Vendors(Query query) {
  if (const auto error = query.Finish()) return ErrorAnswer(400, *error);
  return JsonAnswer(VendorsMessage(*figures_.Current()));
}

HttpAnswer LiveSite::Destinations(Query query) {
  const std::string_view sort = query.Choice(
      "sort", {"bytes", "byte_rate", "requests", "request_rate", "sent",
               "received", "errors", "cost", "destination", "vendor"});
  const bool by_name = sort == "destination" || sort == "vendor";
  const std::string_view order = by_name
                                     ? query.Choice("order", {"asc", "desc"})
                                     : query.Choice("order", {"desc", "asc"});
  const DestinationQuery wanted{
      .vendor = query.Text("vendor"),
      .search = query.Text("search"),
      .sort = SortNamed(sort),
      .reversed = order != (by_name ? "asc" : "desc"),
      .offset = query.Number("offset", 0, 0, kMaxOffset),
      .limit = query.Number("limit", kDefaultDestinations, 1, kMaxDestinations),
  };
  if (const auto error = query.Finish()) return ErrorAnswer(400, *error);
  return JsonAnswer(DestinationsMessage(*figures_.Current(), wanted));
}

HttpAnswer LiveSite::HistorySince(Query query) {
  const double after = query.Seconds("after", 0);
  if (const auto error = query.Finish()) return ErrorAnswer(400, *error);
  return JsonAnswer(history_.Message(after));
}

HttpAnswer LiveSite::Status(Query query) {
  if (const auto error = query.Finish()) return ErrorAnswer(400, *error);
  return JsonAnswer(StatusMessage(*figures_.Current(), identity_));
}

void LiveSite::KeepHistory() {
  std::unique_lock lock(stop_mutex_);
  while (!stop_) {
    lock.unlock();
    Sample();
    // What was held for pages that are closed: the heap would keep it.
    if (figures_.DropUnused()) malloc_trim(0);
    lock.lock();
    stop_condition_.wait_for(lock, History::kInterval,
                             [this] { return stop_; });
  }
}

void LiveSite::Sample() {
  const std::optional<VendorSums> sums = sources_.sums();
  if (!sums) return;
  const Moment now = Now();
  history_.Add(*sums, static_cast<double>(now.unix_ns) / 1e9, now.steady);
}

}  // namespace proxymeter::collector
