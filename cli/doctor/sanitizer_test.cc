#include "cli/doctor/sanitizer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

ElfFile Needing(const std::string& library) {
  ElfFile file;
  file.needed = {"libm.so.6", library, "libc.so.6"};
  return file;
}

TEST(Sanitizer, SharedAsanIsKnownByItsLibrary) {
  EXPECT_TRUE(HasSharedAsan(Needing("libasan.so.8")));
  EXPECT_TRUE(HasSharedAsan(Needing("libclang_rt.asan-x86_64.so")));
  EXPECT_FALSE(HasSharedAsan(Needing("libubsan.so.1")));
}

TEST(Sanitizer, TheOptionIsAddedOnce) {
  EXPECT_EQ(AllowPreloadIntoAsan(""), "verify_asan_link_order=0");
  EXPECT_EQ(AllowPreloadIntoAsan("detect_leaks=0"),
            "detect_leaks=0:verify_asan_link_order=0");
  EXPECT_EQ(AllowPreloadIntoAsan("verify_asan_link_order=1"),
            "verify_asan_link_order=1");
}

TEST(Sanitizer, AsanGetsAdviceUnlessItIsFollowed) {
  const ElfFile file = Needing("libasan.so.8");
  EXPECT_THAT(ExamineSanitizer(file, "").advice,
              HasSubstr("ASAN_OPTIONS=verify_asan_link_order=0"));
  EXPECT_EQ(ExamineSanitizer(file, "verify_asan_link_order=0").advice, "");
  EXPECT_EQ(ExamineSanitizer(Needing("libtsan.so.2"), "").verdict,
            Verdict::kLimited);
  EXPECT_EQ(ExamineSanitizer(Needing("libssl.so.3"), "").verdict, Verdict::kOk);
}

}  // namespace
}  // namespace proxymeter::cli
