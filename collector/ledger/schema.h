// How the ledger is laid out: the settings of its database, and its tables.
#ifndef PROXYMETER_COLLECTOR_LEDGER_SCHEMA_H_
#define PROXYMETER_COLLECTOR_LEDGER_SCHEMA_H_

#include <cstdint>

namespace proxymeter::collector {

// "PXML" in ASCII: tells our file from other SQLite databases.
inline constexpr std::int64_t kLedgerApplicationId = 0x50584d4c;

// Exclusive: without it, the WAL's index is a mapped file, and a full tmpfs
// would be a SIGBUS here. It also keeps a second collector out.
inline constexpr char kLedgerSettings[] = R"(
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
)";

inline constexpr char kLedgerSchema[] = R"(
CREATE TABLE meta (
  name TEXT PRIMARY KEY NOT NULL,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Totals, sessions and their rows are found by number: a commit looks no name
-- up. The counters of a row have the size of its kind, so that they can be
-- overwritten where they are.
CREATE TABLE total (
  number INTEGER PRIMARY KEY NOT NULL,
  kind INTEGER NOT NULL,
  vendor TEXT NOT NULL,
  destination TEXT NOT NULL,
  labels TEXT NOT NULL,
  protocol INTEGER NOT NULL,
  visibility INTEGER NOT NULL,
  code INTEGER NOT NULL,
  counters BLOB NOT NULL
) STRICT;
CREATE TABLE folded (
  vendor TEXT PRIMARY KEY NOT NULL,
  destinations INTEGER NOT NULL,
  counters BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE session (
  number INTEGER PRIMARY KEY NOT NULL,
  id BLOB NOT NULL,
  has_journal INTEGER NOT NULL,
  owner INTEGER NOT NULL
) STRICT;
CREATE TABLE session_row (
  number INTEGER PRIMARY KEY NOT NULL,  -- session's * 2048 + place
  kind INTEGER NOT NULL,
  vendor TEXT NOT NULL,
  destination TEXT NOT NULL,
  labels TEXT NOT NULL,
  protocol INTEGER NOT NULL,
  visibility INTEGER NOT NULL,
  code INTEGER NOT NULL,
  counters BLOB NOT NULL
) STRICT;
CREATE TABLE retired (
  number INTEGER PRIMARY KEY NOT NULL,
  id BLOB UNIQUE NOT NULL
) STRICT;
)";

// What ledgers of this layout may lack, being older. A program that does not
// know it leaves it alone.
inline constexpr char kLedgerAdditions[] = R"(
CREATE TABLE IF NOT EXISTS cost (
  number INTEGER PRIMARY KEY NOT NULL,
  vendor TEXT NOT NULL,
  destination TEXT NOT NULL,  -- empty: the vendor's sum
  currency TEXT NOT NULL,
  amount BLOB NOT NULL
) STRICT;
)";

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_LEDGER_SCHEMA_H_
