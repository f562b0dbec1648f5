#include "collector/accounts/settlement.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxymeter/journal.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

class Settlement {
 public:
  explicit Settlement(JournalContents& journal) : rows_(journal.rows) {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      position_[rows_[i].index] = i;
    }
  }

  void Apply(MeteredConnection& connection, const FinalSent& final_sent) {
    if (connection.adopted) return;
    RowValue* vendor = Find(connection.vendor_row, RowKind::kVendor);
    if (vendor == nullptr) return;  // not written by a shim
    const std::optional<std::uint64_t> sent =
        CanBeSettled(connection) ? final_sent(connection.cookie) : std::nullopt;
    if (!sent) {
      ++vendor->counters[kConnectionsUnsettled];
      return;
    }
    const std::uint64_t missing =
        *sent > connection.sent ? *sent - connection.sent : 0;
    vendor->counters[kReconciledSentBytes] += missing;
    connection.sent += missing;
    if (connection.request_from != 0 && *sent >= connection.request_from) {
      AddRequest(connection, vendor->key.vendor, missing);
    } else {
      AddBytes(connection.row, connection.vendor_row, missing);
    }
  }

 private:
  RowValue* Find(const std::optional<std::uint32_t>& index, RowKind kind) {
    if (!index) return nullptr;
    const auto found = position_.find(*index);
    if (found == position_.end()) return nullptr;
    RowValue& row = rows_[found->second].row;
    return row.key.kind == kind ? &row : nullptr;
  }

  void AddBytes(const std::optional<std::uint32_t>& index,
                const std::optional<std::uint32_t>& vendor_index,
                std::uint64_t bytes) {
    if (RowValue* row = Find(index, RowKind::kTraffic)) {
      row->counters[kSentBytes] += bytes;
    } else {
      // Held, and never released: that is what `_unknown` is made of.
      Find(vendor_index, RowKind::kVendor)->counters[kHeldSentBytes] += bytes;
    }
  }

  void AddRequest(const MeteredConnection& connection, std::string vendor,
                  std::uint64_t bytes) {
    RowKey key = {.kind = RowKind::kTraffic,
                  .vendor = std::move(vendor),
                  .destination = kUnknownDestination,
                  .protocol = Protocol::kHttp1,
                  .visibility = Visibility::kInferred};
    const RowValue* row = Find(connection.request_row, RowKind::kTraffic);
    if (row != nullptr) {
      key.protocol = row->key.protocol;
      key.destination = row->key.destination;
      key.labels = row->key.labels;
      AddBytes(connection.row, connection.vendor_row, bytes);
      bytes = 0;
    }
    Counters& counters = Inferred(key).counters;
    counters[kRequests] += 1;
    counters[kSentBytes] += bytes;
  }

  // The row of what is inferred here, numbered behind those that a shim makes.
  RowValue& Inferred(const RowKey& key) {
    const auto [found, inserted] = inferred_.try_emplace(key, rows_.size());
    if (inserted) {
      const auto index =
          static_cast<std::uint32_t>(kMaxJournalRows + inferred_.size() - 1);
      rows_.push_back({index, {.key = key, .counters = {}}});
    }
    return rows_[found->second].row;
  }

  std::vector<IndexedRow>& rows_;
  absl::flat_hash_map<std::uint32_t, std::size_t> position_;
  absl::flat_hash_map<RowKey, std::size_t> inferred_;
};

}  // namespace

void Settle(const FinalSent& final_sent, JournalContents& journal) {
  Settlement settlement(journal);
  for (MeteredConnection& connection : journal.connections.open) {
    settlement.Apply(connection, final_sent);
  }
}

}  // namespace proxymeter::collector
