// Costs in the ledger.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "collector/ledger/ledger.h"

namespace proxymeter::collector {
namespace {

// Little-endian: the sum, then what of hand-shakes is to be taken off, sent and
// received.
static_assert(std::endian::native == std::endian::little);
struct Amount {
  CostUnits cost;
  std::uint64_t handshakes_sent;
  std::uint64_t handshakes_received;
};
static_assert(sizeof(Amount) == 32);

std::int64_t Signed(LedgerNumber number) {
  return static_cast<std::int64_t>(number);
}

}  // namespace

absl::Status Ledger::WriteCosts(const AccountsState& changes) {
  for (const LedgerNumber number : changes.dropped_costs) {
    const absl::Status drop = drop_cost_.Bind(0, Signed(number)).Run();
    if (!drop.ok()) return drop;
  }
  BlobColumn amounts(database_, "cost", "amount");
  for (const CostRow& row : changes.costs) {
    const Amount amount{row.value.cost, row.handshakes.sent,
                        row.handshakes.received};
    const Blob bytes(reinterpret_cast<const std::uint8_t*>(&amount),
                     sizeof amount);
    if (row.in_ledger) {
      const absl::StatusOr<bool> written =
          amounts.Overwrite(Signed(row.number), bytes);
      if (!written.ok()) return written.status();
      if (*written) continue;
    }
    const CostKey& key = row.value.key;
    const absl::Status put = put_cost_.Bind(0, Signed(row.number))
                                 .Bind(1, key.vendor)
                                 .Bind(2, key.destination)
                                 .Bind(3, key.currency)
                                 .Bind(4, bytes)
                                 .Run();
    if (!put.ok()) return put;
  }
  return absl::OkStatus();
}

absl::Status Ledger::LoadCosts(std::vector<CostRow>* costs) {
  absl::StatusOr<Statement> rows = database_.Prepare("SELECT * FROM cost");
  if (!rows.ok()) return rows.status();
  while (true) {
    const absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    const Blob bytes = rows->Bytes(4);
    Amount amount;
    if (bytes.size() != sizeof amount) {
      return absl::DataLossError("damaged row in: cost");
    }
    std::memcpy(&amount, bytes.data(), sizeof amount);
    CostRow& cost = costs->emplace_back();
    cost.number = static_cast<LedgerNumber>(rows->Integer(0));
    cost.value = {{std::string(rows->Text(1)), std::string(rows->Text(2)),
                   std::string(rows->Text(3))},
                  amount.cost};
    cost.written = amount.cost;
    cost.handshakes = {amount.handshakes_sent, amount.handshakes_received};
    cost.in_ledger = true;
  }
}

}  // namespace proxymeter::collector
