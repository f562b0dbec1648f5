#include "cli/preload.h"

#include <filesystem>
#include <fstream>

#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kLibrary[] = "/opt/pm/lib/libproxymeter.so";

/// Puts a copy of the stub library into `folder`.
std::string Install(const fs::path& folder) {
  fs::create_directories(folder);
  fs::copy_file(STUB_LIBRARY, folder / kLibraryName);
  return (folder / kLibraryName).string();
}

std::string Find(const std::string& named, const std::string& prefix) {
  const auto found = FindLibrary(named, prefix + "/bin/proxymeter");
  return found.ok() ? *found : std::string(found.status().message());
}

TEST(AppendPreload, IsAloneWhenThereIsNone) {
  EXPECT_EQ(AppendPreload("", kLibrary), kLibrary);
}

TEST(AppendPreload, ComesBehindWhatIsThere) {
  EXPECT_EQ(AppendPreload("/a.so:/b.so", kLibrary),
            std::string("/a.so:/b.so:") + kLibrary);
  EXPECT_EQ(AppendPreload("/a.so /b.so", kLibrary),
            std::string("/a.so /b.so:") + kLibrary);
}

TEST(AppendPreload, IsNotRepeated) {
  const std::string between = std::string("/a.so:") + kLibrary + " /b.so";
  EXPECT_EQ(AppendPreload(between, kLibrary), between);
  EXPECT_EQ(AppendPreload("/other/libproxymeter.so", kLibrary),
            "/other/libproxymeter.so");
  EXPECT_EQ(AppendPreload("/libproxymeter.so.bak", kLibrary),
            std::string("/libproxymeter.so.bak:") + kLibrary);
}

TEST(CheckPreloadable, RefusesWhatTheLoaderWouldSplit) {
  EXPECT_TRUE(CheckPreloadable(kLibrary).ok());
  EXPECT_FALSE(CheckPreloadable("/my files/libproxymeter.so").ok());
  EXPECT_FALSE(CheckPreloadable("/a:b/libproxymeter.so").ok());
}

TEST(FindLibrary, IsBesideTheExecutablesFolder) {
  for (const char* folder :
       {"lib", "lib64", "lib/proxymeter", "lib/x86_64-linux-gnu"}) {
    const std::string prefix = MakeTempDirectory();
    const std::string library = Install(prefix + "/" + folder);
    EXPECT_EQ(Find("", prefix), library);
  }
}

TEST(FindLibrary, PassesOverOneForAnotherMachine) {
  const std::string prefix = MakeTempDirectory();
  std::ifstream in(Install(prefix + "/lib/a"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const size_t kMachine = 18;  // e_machine
  bytes[kMachine] = static_cast<char>(bytes[kMachine] ^ 0x55);
  std::ofstream(prefix + "/lib/a/libproxymeter.so", std::ios::binary) << bytes;
  EXPECT_THAT(Find("", prefix), HasSubstr("cannot find"));
  const std::string library = Install(prefix + "/lib/b");
  EXPECT_EQ(Find("", prefix), library);
}

TEST(FindLibrary, TheVariableGoesBeforeAndHasToBeRight) {
  const std::string prefix = MakeTempDirectory();
  Install(prefix + "/lib");
  const std::string other = Install(MakeTempDirectory());
  EXPECT_EQ(Find(other, prefix), other);
  EXPECT_THAT(Find("/nowhere/x.so", prefix), HasSubstr("/nowhere/x.so"));
}

TEST(FindLibrary, SaysWhereItLooked) {
  const std::string prefix = MakeTempDirectory();
  EXPECT_THAT(
      Find("", prefix),
      testing::AllOf(HasSubstr(prefix + "/lib,"), HasSubstr(prefix + "/lib/*"),
                     HasSubstr("PROXYMETER_LIBRARY")));
}

}  // namespace
}  // namespace proxymeter::cli
