#include "collector/ledger/ledger.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "collector/ledger/schema.h"
#include "proxymeter/journal.h"

namespace proxymeter::collector {
namespace {

constexpr std::int64_t kNoOwner = -1;  // of a session of gRPC
constexpr char kRejectedPrefix[] = "rejected_";

struct NamedCount {
  const char* name;
  std::uint64_t Workload::*count;
};
constexpr NamedCount kCounts[] = {
    {"sessions", &Workload::sessions},
    {"frames", &Workload::frames},
    {"journals_read", &Workload::journals_read},
    {"overflowed", &Workload::overflowed},
};

// Little-endian, the first `count`: as many as a row's kind has, so that its
// size stays.
static_assert(std::endian::native == std::endian::little);
Blob Pack(const Counters& counters, std::size_t count) {
  return {reinterpret_cast<const std::uint8_t*>(counters.data()),
          count * sizeof counters[0]};
}

bool Unpack(Blob blob, Counters* counters) {
  if (blob.size() > sizeof(*counters) || blob.size() % 8 != 0) return false;
  std::memcpy(counters->data(), blob.data(), blob.size());
  return true;
}

bool Unpack(Blob blob, SessionId* id) {
  if (blob.size() != id->size()) return false;
  std::ranges::copy(blob, id->begin());
  return true;
}

std::int64_t Signed(LedgerNumber number) {
  return static_cast<std::int64_t>(number);
}

// The rows of a session stand side by side: what decodes frames and journals
// lets no place pass that a journal does not have.
static_assert(kMaxJournalRows == 2048, "number of session_row");
std::int64_t RowNumber(LedgerNumber session, std::uint32_t place) {
  return Signed(session * kMaxJournalRows + place);
}

// Writes a row of total or session_row, which have the same columns; only its
// counters where it is there already.
absl::Status PutRow(BlobColumn& counters, Statement& put, std::int64_t number,
                    bool is_there, const RowValue& row) {
  const RowKey& key = row.key;
  const Blob values = Pack(row.counters, CounterCount(key.kind));
  if (is_there) {
    const absl::StatusOr<bool> written = counters.Overwrite(number, values);
    if (!written.ok()) return written.status();
    if (*written) return absl::OkStatus();
  }
  return put.Bind(0, number)
      .Bind(1, static_cast<std::int64_t>(key.kind))
      .Bind(2, key.vendor)
      .Bind(3, key.destination)
      .Bind(4, key.labels)
      .Bind(5, static_cast<std::int64_t>(key.protocol))
      .Bind(6, static_cast<std::int64_t>(key.visibility))
      .Bind(7, static_cast<std::int64_t>(key.code))
      .Bind(8, values)
      .Run();
}

// Of total and session_row.
bool ReadRow(const Statement& statement, RowValue* row) {
  row->key.kind = static_cast<RowKind>(statement.Integer(1));
  row->key.vendor = statement.Text(2);
  row->key.destination = statement.Text(3);
  row->key.labels = statement.Text(4);
  row->key.protocol = static_cast<Protocol>(statement.Integer(5));
  row->key.visibility = static_cast<Visibility>(statement.Integer(6));
  row->key.code = static_cast<std::uint16_t>(statement.Integer(7));
  return Unpack(statement.Bytes(8), &row->counters);
}

// Calls `read(statement)` for each row of `sql`; false from it is damage.
template <typename Read>
absl::Status ForEach(Database& database, std::string_view sql, Read read) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  while (true) {
    const absl::StatusOr<bool> row = statement->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    if (!read(*statement)) {
      return absl::DataLossError(
          absl::StrCat("damaged row in: ", std::string(sql)));
    }
  }
}

}  // namespace

absl::Status Ledger::PrepareStatements() {
  const struct {
    Statement* statement;
    const char* sql;
  } statements[] = {
      {&drop_total_, "DELETE FROM total WHERE number = ?"},
      {&put_folded_, "INSERT OR REPLACE INTO folded VALUES (?,?,?)"},
      {&put_total_, "INSERT OR REPLACE INTO total VALUES (?,?,?,?,?,?,?,?,?)"},
      {&drop_cost_, "DELETE FROM cost WHERE number = ?"},
      {&put_cost_, "INSERT OR REPLACE INTO cost VALUES (?,?,?,?,?)"},
      {&put_session_, "INSERT OR REPLACE INTO session VALUES (?,?,?,?)"},
      {&put_row_,
       "INSERT OR REPLACE INTO session_row VALUES (?,?,?,?,?,?,?,?,?)"},
      {&put_retired_, "INSERT OR IGNORE INTO retired (id) VALUES (?)"},
      {&drop_session_, "DELETE FROM session WHERE number = ?"},
      {&drop_rows_, "DELETE FROM session_row WHERE number BETWEEN ? AND ?"},
      {&drop_retired_, "DELETE FROM retired WHERE id = ?"},
      {&put_meta_, "INSERT OR REPLACE INTO meta VALUES (?,?)"},
  };
  for (const auto& [statement, sql] : statements) {
    absl::StatusOr<Statement> prepared = database_.Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  const auto since = database_.Integer(
      absl::StrCat("SELECT value FROM meta WHERE name = '", kSince, "'"));
  if (!since.ok()) return since.status();
  since_unix_ns_ = static_cast<std::uint64_t>(*since);
  return absl::OkStatus();
}

absl::StatusOr<AccountsState> Ledger::Load() {
  AccountsState state;
  state.since_unix_ns = since_unix_ns_;
  absl::Status status =
      ForEach(database_, "SELECT * FROM total", [&](const Statement& row) {
        TotalRow& to = state.totals.emplace_back();
        to.number = static_cast<LedgerNumber>(row.Integer(0));
        to.in_ledger = true;
        return ReadRow(row, &to.row);
      });
  if (!status.ok()) return status;
  status =
      ForEach(database_, "SELECT * FROM folded", [&](const Statement& row) {
        FoldedVendor& to = state.folded.emplace_back();
        to.vendor = row.Text(0);
        to.destinations = static_cast<std::uint64_t>(row.Integer(1));
        return Unpack(row.Bytes(2), &to.counters);
      });
  if (!status.ok()) return status;
  absl::flat_hash_map<LedgerNumber, SessionId> ids;
  status =
      ForEach(database_, "SELECT * FROM session", [&](const Statement& row) {
        SessionHead& head = state.sessions.emplace_back();
        head.number = static_cast<LedgerNumber>(row.Integer(0));
        head.has_journal = row.Integer(2) != 0;
        if (row.Integer(3) != kNoOwner) {
          head.owner = static_cast<std::uint32_t>(row.Integer(3));
        }
        if (!Unpack(row.Bytes(1), &head.id)) return false;
        ids.emplace(head.number, head.id);
        return true;
      });
  if (!status.ok()) return status;
  status = ForEach(
      database_, "SELECT * FROM session_row", [&](const Statement& row) {
        SessionRow& to = state.rows.emplace_back();
        const auto number = static_cast<LedgerNumber>(row.Integer(0));
        to.session_number = number / kMaxJournalRows;
        to.row.index = static_cast<std::uint32_t>(number % kMaxJournalRows);
        const auto session = ids.find(to.session_number);
        if (session == ids.end()) return false;
        to.session = session->second;
        to.in_ledger = true;
        return ReadRow(row, &to.row.row);
      });
  if (!status.ok()) return status;
  status =
      ForEach(database_, "SELECT id FROM retired ORDER BY number",
              [&](const Statement& row) {
                return Unpack(row.Bytes(0), &state.retired.emplace_back().id);
              });
  if (!status.ok()) return status;
  if (status = LoadCosts(&state.costs); !status.ok()) return status;
  if (status = LoadWorkload(&state.workload); !status.ok()) return status;
  return state;
}

absl::Status Ledger::LoadWorkload(Workload* workload) {
  return ForEach(
      database_, "SELECT name, value FROM meta", [&](const Statement& row) {
        const std::string_view name = row.Text(0);
        const auto value = static_cast<std::uint64_t>(row.Integer(1));
        for (const auto& [known, count] : kCounts) {
          if (name == known) workload->*count = value;
        }
        for (std::size_t i = 0; i < kRejections; ++i) {
          const auto reason = Name(static_cast<Rejection>(i));
          if (name == absl::StrCat(kRejectedPrefix, std::string(reason))) {
            workload->rejected[i] = value;
          }
        }
        return true;
      });
}

absl::Status Ledger::Write(const AccountsState& changes) {
  if (absl::Status begun = database_.Execute("BEGIN IMMEDIATE"); !begun.ok()) {
    return begun;
  }
  absl::Status written = WriteRows(changes);
  if (written.ok()) written = database_.Execute("COMMIT");
  // An error may have rolled back already; then there is nothing to undo.
  if (!written.ok()) database_.Execute("ROLLBACK").IgnoreError();
  return written;
}

absl::Status Ledger::WriteRows(const AccountsState& changes) {
  for (const LedgerNumber number : changes.dropped) {
    const absl::Status drop = drop_total_.Bind(0, Signed(number)).Run();
    if (!drop.ok()) return drop;
  }
  for (const FoldedVendor& folded : changes.folded) {
    put_folded_.Bind(0, folded.vendor)
        .Bind(1, static_cast<std::int64_t>(folded.destinations))
        .Bind(2, Pack(folded.counters, CounterCount(RowKind::kTraffic)));
    if (absl::Status put = put_folded_.Run(); !put.ok()) return put;
  }
  if (absl::Status put = WriteTotals(changes.totals); !put.ok()) return put;
  if (absl::Status put = WriteCosts(changes); !put.ok()) return put;
  for (const SessionHead& head : changes.sessions) {
    put_session_.Bind(0, Signed(head.number))
        .Bind(1, Blob(head.id))
        .Bind(2, std::int64_t{head.has_journal})
        .Bind(3, head.owner ? std::int64_t{*head.owner} : kNoOwner);
    if (absl::Status put = put_session_.Run(); !put.ok()) return put;
  }
  if (absl::Status put = WriteSessionRows(changes.rows); !put.ok()) return put;
  for (const RetiredSession& session : changes.retired) {
    drop_rows_.Bind(0, RowNumber(session.number, 0))
        .Bind(1, RowNumber(session.number, kMaxJournalRows - 1));
    drop_session_.Bind(0, Signed(session.number));
    put_retired_.Bind(0, Blob(session.id));
    for (Statement* statement : {&drop_rows_, &drop_session_, &put_retired_}) {
      if (absl::Status run = statement->Run(); !run.ok()) return run;
    }
  }
  for (const SessionId& id : changes.forgotten) {
    if (auto drop = drop_retired_.Bind(0, Blob(id)).Run(); !drop.ok()) {
      return drop;
    }
  }
  return WriteWorkload(changes.workload);
}

absl::Status Ledger::WriteTotals(const std::vector<TotalRow>& totals) {
  BlobColumn counters(database_, "total", "counters");
  for (const TotalRow& total : totals) {
    const absl::Status put = PutRow(counters, put_total_, Signed(total.number),
                                    total.in_ledger, total.row);
    if (!put.ok()) return put;
  }
  return absl::OkStatus();
}

absl::Status Ledger::WriteSessionRows(const std::vector<SessionRow>& rows) {
  BlobColumn counters(database_, "session_row", "counters");
  for (const SessionRow& row : rows) {
    const absl::Status put =
        PutRow(counters, put_row_, RowNumber(row.session_number, row.row.index),
               row.in_ledger, row.row.row);
    if (!put.ok()) return put;
  }
  return absl::OkStatus();
}

absl::Status Ledger::WriteWorkload(const Workload& workload) {
  const auto put = [this](std::string_view name, std::uint64_t value) {
    return put_meta_.Bind(0, name)
        .Bind(1, static_cast<std::int64_t>(value))
        .Run();
  };
  for (const auto& [name, count] : kCounts) {
    if (absl::Status status = put(name, workload.*count); !status.ok()) {
      return status;
    }
  }
  for (std::size_t i = 0; i < kRejections; ++i) {
    const std::string name = absl::StrCat(
        kRejectedPrefix, std::string(Name(static_cast<Rejection>(i))));
    if (absl::Status status = put(name, workload.rejected[i]); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
