#include "collector/ledger/database.h"

#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {
namespace {

absl::Status StatusOf(sqlite3* database, int result) {
  const char* message =
      database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(result);
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::Status StatusOfOpen(int error, const std::string& path) {
  const absl::Status status =
      absl::ErrnoToStatus(error, absl::StrCat("cannot open ", path));
  switch (error) {
    case ENOENT:  // O_CREAT: its directory is missing
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return absl::FailedPreconditionError(status.message());
    default:
      return absl::UnavailableError(status.message());
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

// A bind fails only for want of memory or for a wrong number: the row would be
// NULL then, which every column of the ledger refuses.

Statement& Statement::Bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter + 1, value);
  return *this;
}

Statement& Statement::Bind(int parameter, std::string_view value) {
  sqlite3_bind_text(statement_.get(), parameter + 1, value.data(),
                    static_cast<int>(value.size()), SQLITE_STATIC);
  return *this;
}

Statement& Statement::Bind(int parameter, Blob value) {
  sqlite3_bind_blob(statement_.get(), parameter + 1, value.data(),
                    static_cast<int>(value.size()), SQLITE_STATIC);
  return *this;
}

absl::Status Statement::Run() { return Step().status(); }

absl::StatusOr<bool> Statement::Step() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  absl::Status status;
  if (result != SQLITE_DONE) {
    status = StatusOf(sqlite3_db_handle(statement_.get()), result);
  }
  sqlite3_reset(statement_.get());
  if (!status.ok()) return status;
  return false;
}

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(
      sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(
                    sqlite3_column_bytes(statement_.get(), column))};
}

Blob Statement::Bytes(int column) const {
  const auto* bytes = static_cast<const std::uint8_t*>(
      sqlite3_column_blob(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(
                     sqlite3_column_bytes(statement_.get(), column))};
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

absl::StatusOr<Database> Database::Open(const std::string& path) {
  {
    // SQLite would create it with the mode that the umask leaves.
    const ScopedFd file(
        open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) {
      return StatusOfOpen(errno, path);
    }
  }
  sqlite3* handle = nullptr;
  const int result = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
      nullptr);
  Database database(handle);
  if (result != SQLITE_OK) return StatusOf(handle, result);
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

absl::Status Database::Execute(const char* sql) {
  const int result =
      sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus()
                             : StatusOf(database_.get(), result);
}

absl::StatusOr<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(
      database_.get(), sql.data(), static_cast<int>(sql.size()),
      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return StatusOf(database_.get(), result);
  return Statement(statement);
}

absl::StatusOr<std::int64_t> Database::Integer(std::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row)
    return absl::DataLossError(absl::StrCat("no answer to ", std::string(sql)));
  return statement->Integer(0);
}

void BlobColumn::Close::operator()(sqlite3_blob* blob) const {
  sqlite3_blob_close(blob);
}

absl::StatusOr<bool> BlobColumn::Overwrite(std::int64_t row, Blob value) {
  sqlite3* const database = database_.database_.get();
  int result;
  if (blob_ == nullptr) {
    sqlite3_blob* blob = nullptr;
    result = sqlite3_blob_open(database, "main", table_, column_, row,
                               /*flags=*/1, &blob);
    blob_.reset(blob);
  } else {
    result = sqlite3_blob_reopen(blob_.get(), row);
  }
  if (result != SQLITE_OK) {
    // The handle is of no use after a failure.
    const absl::Status status = StatusOf(database, result);
    blob_.reset();
    // That it is this error, and no other, tells that there is no such row.
    if (result == SQLITE_ERROR) return false;
    return status;
  }
  const int size = static_cast<int>(value.size());
  if (sqlite3_blob_bytes(blob_.get()) != size) return false;
  result = sqlite3_blob_write(blob_.get(), value.data(), size, 0);
  if (result != SQLITE_OK) return StatusOf(database, result);
  return true;
}

}  // namespace proxymeter::collector
