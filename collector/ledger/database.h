// SQLite with errors as absl::Status.
#ifndef PROXYMETER_COLLECTOR_LEDGER_DATABASE_H_
#define PROXYMETER_COLLECTOR_LEDGER_DATABASE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_blob;
struct sqlite3_stmt;

namespace proxymeter::collector {

using Blob = std::span<const std::uint8_t>;

/// A prepared statement, used again and again. Parameters and columns count
/// from 0. Text and blobs that are bound must live until Run or Step returns.
class Statement {
 public:
  Statement() = default;

  Statement& Bind(int parameter, std::int64_t value);
  Statement& Bind(int parameter, std::string_view value);
  Statement& Bind(int parameter, Blob value);

  /// Runs a statement that yields no rows.
  absl::Status Run();
  /// True when there is a row, false at the end; the statement can be bound
  /// anew after that.
  absl::StatusOr<bool> Step();

  std::int64_t Integer(int column) const;
  /// Both are good until the next Step.
  std::string_view Text(int column) const;
  Blob Bytes(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection; not synchronised.
class Database {
 public:
  /// Opens or creates `path`, readable by its owner alone.
  /// FAILED_PRECONDITION when no file can ever have this path, DATA_LOSS when
  /// it is no database, or a damaged one; others may pass.
  static absl::StatusOr<Database> Open(const std::string& path);

  /// Statements without results, separated by semicolons.
  absl::Status Execute(const char* sql);
  absl::StatusOr<Statement> Prepare(std::string_view sql);
  /// The single integer that `sql` yields.
  absl::StatusOr<std::int64_t> Integer(std::string_view sql);

 private:
  friend class BlobColumn;
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
};

/// A column of blobs, each of which can be overwritten where it is: many times
/// cheaper than an UPDATE, which writes the whole row anew. To be used within a
/// transaction, and gone before its end.
class BlobColumn {
 public:
  /// `database` must outlive it, and the names be literals.
  BlobColumn(Database& database, const char* table, const char* column)
      : database_(database), table_(table), column_(column) {}

  /// False, and nothing is written, when there is no row of that rowid or its
  /// blob has another size.
  absl::StatusOr<bool> Overwrite(std::int64_t row, Blob value);

 private:
  struct Close {
    void operator()(sqlite3_blob* blob) const;
  };

  Database& database_;
  const char* const table_;
  const char* const column_;
  std::unique_ptr<sqlite3_blob, Close> blob_;  // of the last row
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_LEDGER_DATABASE_H_
