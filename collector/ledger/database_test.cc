#include "collector/ledger/database.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "collector/testing/test_directory.h"

namespace proxymeter::collector {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  std::string Path() const { return temp_.path() + "/test.db"; }

 private:
  TestDirectory temp_;
};

TEST_F(DatabaseTest, KeepsWhatIsBound) {
  auto database = Database::Open(Path());
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(
      database->Execute("CREATE TABLE t (i INTEGER, s TEXT, b BLOB)").ok());
  auto insert = database->Prepare("INSERT INTO t VALUES (?,?,?)");
  ASSERT_TRUE(insert.ok());
  const std::uint8_t bytes[] = {0, 1, 255};
  EXPECT_TRUE(
      insert->Bind(0, -7).Bind(1, "a\0b").Bind(2, Blob(bytes)).Run().ok());
  EXPECT_TRUE(
      insert->Bind(0, 8).Bind(1, "").Bind(2, Blob(bytes, 1)).Run().ok());
  auto select = database->Prepare("SELECT * FROM t ORDER BY i");
  ASSERT_TRUE(select.ok());
  ASSERT_TRUE(*select->Step());
  EXPECT_EQ(select->Integer(0), -7);
  EXPECT_EQ(select->Text(1), "a");
  EXPECT_EQ(std::vector(select->Bytes(2).begin(), select->Bytes(2).end()),
            std::vector(std::begin(bytes), std::end(bytes)));
  ASSERT_TRUE(*select->Step());
  EXPECT_EQ(select->Text(1), "");
  EXPECT_FALSE(*select->Step());
  EXPECT_EQ(*database->Integer("SELECT count(*) FROM t"), 2);
}

TEST_F(DatabaseTest, IsItsOwnersAlone) {
  ASSERT_TRUE(Database::Open(Path()).ok());
  struct stat status;
  ASSERT_EQ(stat(Path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(DatabaseTest, ErrorsHaveTheirKind) {
  std::ofstream(Path()) << std::string(5000, 'x');
  auto garbage = Database::Open(Path());
  ASSERT_TRUE(garbage.ok());
  EXPECT_EQ(garbage->Integer("PRAGMA user_version").status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(Database::Open(Path() + "/no/such").status().code(),
            absl::StatusCode::kFailedPrecondition);
  // A link might lead to a file of somebody else's choice.
  std::filesystem::create_symlink(Path(), Path() + ".link");
  EXPECT_FALSE(Database::Open(Path() + ".link").ok());
  auto database = Database::Open(Path() + ".new");
  EXPECT_EQ(database->Execute("nonsense").code(), absl::StatusCode::kInternal);
  EXPECT_FALSE(database->Prepare("SELECT * FROM nothing").ok());
}

}  // namespace
}  // namespace proxymeter::collector
