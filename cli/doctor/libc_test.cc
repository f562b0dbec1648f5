#include "cli/doctor/libc.h"

#include "cli/doctor/library_search.h"
#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

constexpr char kLoader[] = "/lib64/ld-linux-x86-64.so.2";

TEST(GlibcVersion, IsTakenFromTheNameOfASymbolVersion) {
  EXPECT_EQ(GlibcVersion("GLIBC_2.17"), 2017);
  EXPECT_EQ(GlibcVersion("GLIBC_2.2.5"), 2002);
  EXPECT_EQ(GlibcVersion("GLIBC_PRIVATE"), std::nullopt);
  EXPECT_EQ(GlibcVersion("GLIBC_2"), std::nullopt);
  EXPECT_EQ(GlibcVersion("GLIBCXX_3.4"), std::nullopt);
  EXPECT_EQ(GlibcVersion("GLIBC_2.99999999999"), std::nullopt);
}

TEST(ExamineLibc, TellsTheVersionOfGlibc) {
  const Finding finding =
      ExamineLibc(kLoader, FindLinkedLibraries("/bin/true", "").modules);
  EXPECT_EQ(finding.verdict, Verdict::kOk);
  EXPECT_THAT(finding.found, testing::ContainsRegex("up to 2\\.[0-9]+ "));
}

TEST(ExamineLibc, AnOldGlibcCannot) {
  // A library that has no versions has none that is new enough.
  const std::string path = MakeTempDirectory() + "/libc.so.6";
  WriteProgram(path, ReadWhole(STUB_LIBRARY));
  const Finding finding = ExamineLibc(kLoader, {path});
  EXPECT_EQ(finding.verdict, Verdict::kCannot);
  EXPECT_THAT(finding.advice, HasSubstr("2.17"));
}

TEST(ExamineLibc, KnowsMuslAndWhatItDoesNotKnow) {
  EXPECT_EQ(ExamineLibc("/lib/ld-musl-x86_64.so.1", {}).verdict,
            Verdict::kLimited);
  EXPECT_THAT(ExamineLibc("/lib/ld-musl-x86_64.so.1", {}).found,
              HasSubstr("musl"));
  EXPECT_EQ(ExamineLibc("/system/bin/linker64", {}).verdict, Verdict::kUnknown);
  EXPECT_EQ(ExamineLibc(kLoader, {"/bin/true"}).verdict, Verdict::kUnknown);
}

}  // namespace
}  // namespace proxymeter::cli
