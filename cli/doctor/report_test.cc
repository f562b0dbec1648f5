#include "cli/doctor/report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace proxymeter::cli {
namespace {

Report Sample(Verdict tls) {
  return {"tool",
          {{"libc", Verdict::kOk, "glibc", ""},
           {"tls", tls, "some\nlibrary", "look \x1b again"}}};
}

TEST(Report, TlsDecidesWhenNothingIsInTheWay) {
  for (const Verdict verdict :
       {Verdict::kOk, Verdict::kLimited, Verdict::kUnknown}) {
    EXPECT_EQ(Conclusion(Sample(verdict)), verdict);
  }
  Report report = Sample(Verdict::kOk);
  report.findings[0].verdict = Verdict::kLimited;
  EXPECT_EQ(Conclusion(report), Verdict::kOk);
  report.findings[0].verdict = Verdict::kCannot;
  EXPECT_EQ(Conclusion(report), Verdict::kCannot);
  EXPECT_EQ(Conclusion({"x", {}}), Verdict::kOk);
}

TEST(Report, TextIsOneLineEachAndHarmless) {
  EXPECT_EQ(FormatText(Sample(Verdict::kLimited)),
            "tool\n"
            "  ok       libc       glibc\n"
            "  limited  tls        some?library -> look ? again\n"
            "Can be metered; requests inside TLS are inferred, not read.\n");
  EXPECT_EQ(FormatText({"x", {{"preload", Verdict::kOk, "none", ""}}}),
            "x\n"
            "  ok       preload    none\n"
            "Nothing here is in the way of metering.\n");
}

TEST(Report, JsonHoldsTheSame) {
  const auto json = nlohmann::json::parse(FormatJson(Sample(Verdict::kCannot)));
  EXPECT_EQ(json["subject"], "tool");
  EXPECT_EQ(json["verdict"], "cannot");
  ASSERT_EQ(json["findings"].size(), 2u);
  EXPECT_EQ(json["findings"][1]["examination"], "tls");
  EXPECT_EQ(json["findings"][1]["verdict"], "cannot");
  EXPECT_EQ(json["findings"][1]["found"], "some\nlibrary");
  EXPECT_EQ(json["findings"][1]["advice"], "look \x1b again");
}

}  // namespace
}  // namespace proxymeter::cli
