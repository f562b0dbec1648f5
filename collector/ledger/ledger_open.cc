// How a ledger is opened, made, or set aside.

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "collector/ledger/ledger.h"
#include "collector/ledger/schema.h"

namespace proxymeter::collector {
namespace {

// Nothing was ever written there. The log counts: it may have it all.
bool IsBlank(const std::string& path) {
  for (const std::string& name : {path, absl::StrCat(path, "-wal")}) {
    struct stat info {};
    if (stat(name.c_str(), &info) == 0 ? info.st_size != 0 : errno != ENOENT) {
      return false;
    }
  }
  return true;
}

bool IsToBeSetAside(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsUnimplemented(status);
}

absl::Status At(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("ledger ", path, ": ", status.message()));
}

}  // namespace

absl::Status Ledger::SetAside(const std::string& path,
                              std::uint64_t now_unix_ns,
                              const absl::Status& why) {
  const std::string aside =
      absl::StrCat(path, absl::IsDataLoss(why) ? ".damaged-" : ".other-layout-",
                   now_unix_ns);
  if (std::rename(path.c_str(), aside.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat(
        std::string(why.message()), ", and it cannot be set aside: ",
        std::string(absl::ErrnoToStatus(errno, "rename").message())));
  }
  // A log that belongs to that file must not be applied to the new one.
  const std::string log = absl::StrCat(path, "-wal");
  std::rename(log.c_str(), absl::StrCat(aside, "-wal").c_str());
  spdlog::error(
      "event=ledger_set_aside file={} now={} error=\"{}\" advice=\"totals "
      "begin anew with what open journals hold\"",
      path, aside, std::string(why.message()));
  return absl::OkStatus();
}

absl::StatusOr<Ledger> Ledger::Open(const std::string& path,
                                    std::uint64_t now_unix_ns,
                                    std::uint64_t* set_aside) {
  bool empty = IsBlank(path);
  absl::StatusOr<Ledger> ledger = OpenSound(path, now_unix_ns, &empty);
  if (IsToBeSetAside(ledger.status())) {
    if (absl::Status moved = SetAside(path, now_unix_ns, ledger.status());
        !moved.ok()) {
      return At(path, moved);
    }
    if (set_aside != nullptr) ++*set_aside;
    empty = true;
    ledger = OpenSound(path, now_unix_ns, &empty);
  }
  if (ledger.ok()) return ledger;
  const absl::Status& status = ledger.status();
  if (empty && !absl::IsFailedPrecondition(status)) {
    return At(path, absl::NotFoundError(status.message()));
  }
  return At(path, status);
}

absl::StatusOr<Ledger> Ledger::OpenSound(const std::string& path,
                                         std::uint64_t now_unix_ns,
                                         bool* empty) {
  absl::StatusOr<Database> database = Database::Open(path);
  if (!database.ok()) return database.status();
  Ledger ledger(*std::move(database));
  if (absl::Status ready = ledger.Prepare(now_unix_ns, empty); !ready.ok()) {
    return ready;
  }
  return ledger;
}

absl::Status Ledger::Prepare(std::uint64_t now_unix_ns, bool* empty) {
  if (absl::Status set = database_.Execute(kLedgerSettings); !set.ok())
    return set;
  const auto tables = database_.Integer("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  if (*tables == 0) {
    *empty = true;
    const std::string create =
        absl::StrCat("BEGIN IMMEDIATE;", kLedgerSchema,
                     "PRAGMA user_version = ", kLedgerVersion,
                     "; PRAGMA application_id = ", kLedgerApplicationId,
                     "; INSERT INTO meta VALUES ('", kSince, "', ", now_unix_ns,
                     "); COMMIT;");
    if (absl::Status made = database_.Execute(create.c_str()); !made.ok()) {
      return made;
    }
  } else if (absl::Status sound = CheckFile(); !sound.ok()) {
    return sound;
  }
  if (absl::Status added = database_.Execute(kLedgerAdditions); !added.ok()) {
    return added;
  }
  return PrepareStatements();
}

absl::Status Ledger::CheckFile() {
  const auto version = database_.Integer("PRAGMA user_version");
  if (!version.ok()) return version.status();
  const auto application = database_.Integer("PRAGMA application_id");
  if (!application.ok()) return application.status();
  if (*application != kLedgerApplicationId) {
    return absl::FailedPreconditionError(
        "this is a database of another program");
  }
  if (*version != kLedgerVersion) {
    return absl::UnimplementedError(
        absl::StrCat("written by another version of proxymeter: its layout is ",
                     *version, ", this program knows ", kLedgerVersion));
  }
  absl::StatusOr<Statement> check = database_.Prepare("PRAGMA quick_check");
  if (!check.ok()) return check.status();
  const absl::StatusOr<bool> row = check->Step();
  if (!row.ok()) return row.status();
  if (!*row || check->Text(0) != "ok") {
    return absl::DataLossError(std::string(check->Text(0)));
  }
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
