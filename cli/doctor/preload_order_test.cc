#include "cli/doctor/preload_order.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

std::string Here(const std::string& path) { return path; }

Finding Examine(const std::string& preload) {
  return ExaminePreloadOrder(preload, Here);
}

TEST(PreloadOrder, FindsOurOwnEntry) {
  EXPECT_EQ(FindOwnEntry("/a.so:/b/libproxymeter.so"), "/b/libproxymeter.so");
  EXPECT_EQ(FindOwnEntry("/a.so /b/libproxymeter.so.old"), std::nullopt);
  EXPECT_EQ(FindOwnEntry(""), std::nullopt);
}

TEST(PreloadOrder, NothingOrHarmlessInFrontIsFine) {
  EXPECT_EQ(Examine("").verdict, Verdict::kOk);
  EXPECT_EQ(Examine(OWN_SSL_LIBRARY).verdict, Verdict::kOk);
  EXPECT_THAT(Examine(OWN_SSL_LIBRARY).found, HasSubstr(OWN_SSL_LIBRARY));
}

TEST(PreloadOrder, AResolverInFrontHidesNames) {
  // libc itself defines getaddrinfo; found by its name as the loader does.
  const Finding front = Examine("libc.so.6:/b/libproxymeter.so");
  EXPECT_EQ(front.verdict, Verdict::kLimited);
  EXPECT_THAT(front.advice, HasSubstr("cidr"));
  EXPECT_EQ(Examine("libc.so.6").verdict, Verdict::kLimited);
  EXPECT_EQ(Examine("/b/libproxymeter.so:libc.so.6").verdict, Verdict::kOk);
}

TEST(PreloadOrder, WhatCannotBeReadIsNamed) {
  const Finding finding = Examine("/nowhere/other.so");
  EXPECT_EQ(finding.verdict, Verdict::kUnknown);
  EXPECT_THAT(finding.found, HasSubstr("/nowhere/other.so"));
}

TEST(PreloadOrder, PathsAreThoseOfTheProcess) {
  const Finding finding =
      ExaminePreloadOrder("/there.so", [](const std::string& path) {
        return path == "/there.so" ? OWN_SSL_LIBRARY : path;
      });
  EXPECT_EQ(finding.verdict, Verdict::kOk);
}

}  // namespace
}  // namespace proxymeter::cli
