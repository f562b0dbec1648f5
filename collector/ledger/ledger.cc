#include "collector/ledger/ledger.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace proxymeter::collector {
namespace {

// "PXML" in ASCII: tells our file from other SQLite databases.
constexpr std::int64_t kApplicationId = 0x50584d4c;

// Exclusive: without it, the WAL's index is a mapped file, and a full tmpfs
// would be a SIGBUS here. It also keeps a second collector out.
constexpr char kSettings[] = R"(
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
)";

constexpr char kSchema[] = R"(
CREATE TABLE meta (
  name TEXT PRIMARY KEY NOT NULL,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE total (
  kind INTEGER NOT NULL,
  vendor TEXT NOT NULL,
  destination TEXT NOT NULL,
  protocol INTEGER NOT NULL,
  visibility INTEGER NOT NULL,
  code INTEGER NOT NULL,
  counters BLOB NOT NULL,
  PRIMARY KEY (kind, vendor, destination, protocol, visibility, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE folded (
  vendor TEXT PRIMARY KEY NOT NULL,
  destinations INTEGER NOT NULL,
  counters BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  id BLOB PRIMARY KEY NOT NULL,
  has_journal INTEGER NOT NULL,
  owner INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session_row (
  session BLOB NOT NULL,
  place INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  vendor TEXT NOT NULL,
  destination TEXT NOT NULL,
  protocol INTEGER NOT NULL,
  visibility INTEGER NOT NULL,
  code INTEGER NOT NULL,
  counters BLOB NOT NULL,
  PRIMARY KEY (session, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE retired (
  number INTEGER PRIMARY KEY NOT NULL,
  id BLOB UNIQUE NOT NULL
) STRICT;
)";

constexpr std::int64_t kNoOwner = -1;  // of a session of gRPC
constexpr char kSince[] = "since_unix_ns";
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

// Little-endian, as many as there are: a later version may have more.
static_assert(std::endian::native == std::endian::little);
Blob Pack(const Counters& counters) {
  return {reinterpret_cast<const std::uint8_t*>(counters.data()),
          sizeof(counters)};
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

Statement& BindKey(Statement& statement, int parameter, const RowKey& key) {
  return statement.Bind(parameter, static_cast<std::int64_t>(key.kind))
      .Bind(parameter + 1, key.vendor)
      .Bind(parameter + 2, key.destination)
      .Bind(parameter + 3, static_cast<std::int64_t>(key.protocol))
      .Bind(parameter + 4, static_cast<std::int64_t>(key.visibility))
      .Bind(parameter + 5, static_cast<std::int64_t>(key.code));
}

Statement& BindRow(Statement& statement, int parameter, const RowValue& row) {
  return BindKey(statement, parameter, row.key)
      .Bind(parameter + 6, Pack(row.counters));
}

bool ReadRow(const Statement& statement, int column, RowValue* row) {
  row->key.kind = static_cast<RowKind>(statement.Integer(column));
  row->key.vendor = statement.Text(column + 1);
  row->key.destination = statement.Text(column + 2);
  row->key.protocol = static_cast<Protocol>(statement.Integer(column + 3));
  row->key.visibility = static_cast<Visibility>(statement.Integer(column + 4));
  row->key.code = static_cast<std::uint16_t>(statement.Integer(column + 5));
  return Unpack(statement.Bytes(column + 6), &row->counters);
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

absl::Status SetAside(const std::string& path, std::uint64_t now_unix_ns) {
  const std::string aside = absl::StrCat(path, ".damaged-", now_unix_ns);
  if (std::rename(path.c_str(), aside.c_str()) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot set aside the damaged ledger ", path));
  }
  // A log that belongs to the damaged file must not be applied to the new one.
  const std::string log = absl::StrCat(path, "-wal");
  std::rename(log.c_str(), absl::StrCat(aside, "-wal").c_str());
  return absl::OkStatus();
}

absl::Status At(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("ledger ", path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<Ledger> Ledger::Open(const std::string& path,
                                    std::uint64_t now_unix_ns) {
  absl::StatusOr<Ledger> ledger = OpenSound(path, now_unix_ns);
  if (absl::IsDataLoss(ledger.status())) {
    spdlog::error(
        "event=ledger_damaged file={} error=\"{}\" "
        "advice=\"set aside; totals begin anew with what open journals hold\"",
        path, std::string(ledger.status().message()));
    if (absl::Status aside = SetAside(path, now_unix_ns); !aside.ok()) {
      return aside;
    }
    ledger = OpenSound(path, now_unix_ns);
  }
  if (!ledger.ok()) return At(path, ledger.status());
  return ledger;
}

absl::StatusOr<Ledger> Ledger::OpenSound(const std::string& path,
                                         std::uint64_t now_unix_ns) {
  absl::StatusOr<Database> database = Database::Open(path);
  if (!database.ok()) return database.status();
  Ledger ledger(*std::move(database));
  if (absl::Status ready = ledger.Prepare(now_unix_ns); !ready.ok()) {
    return ready;
  }
  return ledger;
}

absl::Status Ledger::Prepare(std::uint64_t now_unix_ns) {
  if (absl::Status set = database_.Execute(kSettings); !set.ok()) return set;
  const auto version = database_.Integer("PRAGMA user_version");
  if (!version.ok()) return version.status();
  const auto application = database_.Integer("PRAGMA application_id");
  if (!application.ok()) return application.status();
  const auto tables = database_.Integer("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  if (*tables == 0) {
    const std::string create = absl::StrCat(
        "BEGIN IMMEDIATE;", kSchema, "PRAGMA user_version = ", kLedgerVersion,
        "; PRAGMA application_id = ", kApplicationId,
        "; INSERT INTO meta VALUES ('", kSince, "', ", now_unix_ns,
        "); COMMIT;");
    if (absl::Status made = database_.Execute(create.c_str()); !made.ok()) {
      return made;
    }
  } else if (*application != kApplicationId) {
    return absl::FailedPreconditionError(
        "this is a database of another program");
  } else if (*version != kLedgerVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("written by another version of proxymeter: its layout is ",
                     *version, ", this program knows ", kLedgerVersion));
  } else {
    absl::StatusOr<Statement> check = database_.Prepare("PRAGMA quick_check");
    if (!check.ok()) return check.status();
    const absl::StatusOr<bool> row = check->Step();
    if (!row.ok()) return row.status();
    if (!*row || check->Text(0) != "ok") {
      return absl::DataLossError(std::string(check->Text(0)));
    }
  }
  const struct {
    Statement* statement;
    const char* sql;
  } statements[] = {
      {&drop_total_,
       "DELETE FROM total WHERE kind = ? AND vendor = ? AND destination = ? "
       "AND protocol = ? AND visibility = ? AND code = ?"},
      {&put_folded_, "INSERT OR REPLACE INTO folded VALUES (?,?,?)"},
      {&put_total_, "INSERT OR REPLACE INTO total VALUES (?,?,?,?,?,?,?)"},
      {&put_session_, "INSERT OR REPLACE INTO session VALUES (?,?,?)"},
      {&put_row_,
       "INSERT OR REPLACE INTO session_row VALUES (?,?,?,?,?,?,?,?,?)"},
      {&put_retired_, "INSERT OR IGNORE INTO retired (id) VALUES (?)"},
      {&drop_session_, "DELETE FROM session WHERE id = ?"},
      {&drop_rows_, "DELETE FROM session_row WHERE session = ?"},
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
  absl::Status status =
      ForEach(database_, "SELECT * FROM total", [&](const Statement& row) {
        return ReadRow(row, 0, &state.totals.emplace_back());
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
  status =
      ForEach(database_, "SELECT * FROM session", [&](const Statement& row) {
        SessionHead& head = state.sessions.emplace_back();
        head.has_journal = row.Integer(1) != 0;
        if (row.Integer(2) != kNoOwner) {
          head.owner = static_cast<std::uint32_t>(row.Integer(2));
        }
        return Unpack(row.Bytes(0), &head.id);
      });
  if (!status.ok()) return status;
  status = ForEach(database_, "SELECT * FROM session_row",
                   [&](const Statement& row) {
                     SessionRow& to = state.rows.emplace_back();
                     to.row.index = static_cast<std::uint32_t>(row.Integer(1));
                     return Unpack(row.Bytes(0), &to.session) &&
                            ReadRow(row, 2, &to.row.row);
                   });
  if (!status.ok()) return status;
  status = ForEach(database_, "SELECT id FROM retired ORDER BY number",
                   [&](const Statement& row) {
                     return Unpack(row.Bytes(0), &state.retired.emplace_back());
                   });
  if (!status.ok()) return status;
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
  // First: a destination may have come back since it was folded.
  for (const RowKey& key : changes.dropped) {
    if (auto drop = BindKey(drop_total_, 0, key).Run(); !drop.ok()) return drop;
  }
  for (const FoldedVendor& folded : changes.folded) {
    put_folded_.Bind(0, folded.vendor)
        .Bind(1, static_cast<std::int64_t>(folded.destinations))
        .Bind(2, Pack(folded.counters));
    if (absl::Status put = put_folded_.Run(); !put.ok()) return put;
  }
  for (const RowValue& row : changes.totals) {
    if (auto put = BindRow(put_total_, 0, row).Run(); !put.ok()) return put;
  }
  for (const SessionHead& head : changes.sessions) {
    put_session_.Bind(0, Blob(head.id))
        .Bind(1, std::int64_t{head.has_journal})
        .Bind(2, head.owner ? std::int64_t{*head.owner} : kNoOwner);
    if (absl::Status put = put_session_.Run(); !put.ok()) return put;
  }
  for (const SessionRow& row : changes.rows) {
    put_row_.Bind(0, Blob(row.session)).Bind(1, std::int64_t{row.row.index});
    if (auto put = BindRow(put_row_, 2, row.row.row).Run(); !put.ok()) {
      return put;
    }
  }
  for (const SessionId& id : changes.retired) {
    for (Statement* statement : {&drop_rows_, &drop_session_, &put_retired_}) {
      if (auto run = statement->Bind(0, Blob(id)).Run(); !run.ok()) return run;
    }
  }
  for (const SessionId& id : changes.forgotten) {
    if (auto drop = drop_retired_.Bind(0, Blob(id)).Run(); !drop.ok()) {
      return drop;
    }
  }
  return WriteWorkload(changes.workload);
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
