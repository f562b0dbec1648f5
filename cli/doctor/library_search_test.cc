#include "cli/doctor/library_search.h"

#include <filesystem>

#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::IsEmpty;

TEST(FindLinkedLibraries, AreThoseThatTheLoaderTells) {
  const LinkedLibraries linked = FindLinkedLibraries("/usr/bin/curl", "");
  EXPECT_THAT(linked.missing, IsEmpty());
  // ldd lists the loader and the kernel's own object too; each line beside
  // those is a library that must be here, and nothing else.
  const ProcessResult ldd =
      RunProcess({"ldd", "/usr/bin/curl"}, {"PATH=/usr/bin:/bin"});
  size_t listed = 0;
  for (size_t at = 0; (at = ldd.out.find(" => ", at)) != std::string::npos;
       ++at) {
    const size_t begin = at + 4;
    const std::string path =
        ldd.out.substr(begin, ldd.out.find(' ', begin) - begin);
    EXPECT_THAT(linked.modules,
                Contains(std::filesystem::canonical(path).string()));
    ++listed;
  }
  // The program; the loader, which libc.so.6 is linked with.
  EXPECT_EQ(linked.modules.size(), listed + 2);
}

TEST(FindLinkedLibraries, ReportsWhatIsMissing) {
  const std::string path = MakeTempDirectory() + "/program";
  std::string bytes = ReadWhole("/bin/true");
  const size_t at = bytes.find("libc.so.6");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 9, "libX.so.6");
  WriteProgram(path, bytes);
  EXPECT_THAT(FindLinkedLibraries(path, "").missing, ElementsAre("libX.so.6"));
  // The variable's folders are looked into.
  const std::string folder = MakeTempDirectory();
  WriteProgram(folder + "/libX.so.6", ReadWhole(STUB_LIBRARY));
  const LinkedLibraries found = FindLinkedLibraries(path, "/none:" + folder);
  EXPECT_THAT(found.missing, IsEmpty());
  EXPECT_THAT(found.modules, Contains(EndsWith("/libX.so.6")));
}

TEST(FindLinkedLibraries, ThatNeedEachOtherAreListedOnce) {
  const std::string folder = MakeTempDirectory();
  std::string bytes = ReadWhole("/lib/x86_64-linux-gnu/libz.so.1");
  const size_t at = bytes.find("libc.so.6");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 9, "libX.so.6");
  WriteProgram(folder + "/libX.so.6", bytes);
  EXPECT_THAT(FindLinkedLibraries(folder + "/libX.so.6", folder).modules,
              ElementsAre(folder + "/libX.so.6"));
}

}  // namespace
}  // namespace proxymeter::cli
