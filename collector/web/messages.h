// Figures as the messages of live.proto.
#ifndef PROXYMETER_COLLECTOR_WEB_MESSAGES_H_
#define PROXYMETER_COLLECTOR_WEB_MESSAGES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "collector/accounts/sessions.h"
#include "collector/pod_identity.h"
#include "collector/web/figures.h"
#include "proxymeter/v1/live.pb.h"

namespace proxymeter::collector {

inline constexpr std::size_t kMaxVendorsTold = 500;
v1::VendorsResponse VendorsMessage(const Figures& figures);

enum class DestinationSort : std::uint8_t {
  kBytes,
  kByteRate,
  kRequests,
  kRequestRate,
  kSent,
  kReceived,
  kErrors,  ///< responses of classes 4xx and 5xx
  kCost,    ///< by currency, and then by amount
  kDestination,
  kVendor,
};

struct DestinationQuery {
  std::string vendor{};  ///< exactly; empty: all
  std::string search{};  ///< anywhere in the destination, A to Z as a to z
  DestinationSort sort = DestinationSort::kBytes;
  /// What sorts by names is ascending otherwise, all else descending.
  bool reversed = false;
  std::size_t offset = 0;
  std::size_t limit = 100;
};

/// Equal ones stand by destination and vendor. What has no cost, or no rate,
/// stands last, whichever way is sorted.
v1::DestinationsResponse DestinationsMessage(const Figures& figures,
                                             const DestinationQuery& query);

/// What does not change while the collector runs.
struct CollectorIdentity {
  PodIdentity pod{};
  std::uint64_t started_unix_ns = 0;
  bool audit_wanted = true;
  SessionLimits limits{};
};

v1::StatusResponse StatusMessage(const Figures& figures,
                                 const CollectorIdentity& identity);

// Parts of the above.

v1::Rates RatesMessage(const Growth& growth);
/// When, since when, and over how long.
template <typename Message>
void FillMoment(const Figures& figures, Message& message) {
  message.set_unix_ns(figures.moment().unix_ns);
  message.set_since_unix_ns(figures.view().accounts.since_unix_ns);
  message.set_known(figures.view().accounts.known);
}

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_MESSAGES_H_
