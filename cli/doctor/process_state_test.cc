#include "cli/doctor/process_state.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::HasSubstr;

ProcessView Metered() {
  ProcessView process;
  process.folder = "/proc/self";
  process.uid = 4711;
  process.executable = "/bin/true";
  process.modules = {{"/bin/true", false}, {"/opt/libproxymeter.so", false}};
  process.environment = {std::string("LD_PRELOAD=") + STUB_LIBRARY};
  process.secure = false;
  return process;
}

TEST(ProcessState, AMeteredProcessIsFine) {
  const ProcessView process = Metered();
  EXPECT_EQ(ExamineAccess(process).verdict, Verdict::kOk);
  EXPECT_EQ(ExamineLoaded(process).verdict, Verdict::kOk);
  EXPECT_EQ(ExamineSecureMode(process).verdict, Verdict::kOk);
  EXPECT_EQ(ExamineChildren(process).verdict, Verdict::kOk);
}

TEST(ProcessState, WithoutTheLibraryItCannot) {
  ProcessView process = Metered();
  process.modules->pop_back();
  EXPECT_EQ(ExamineLoaded(process).verdict, Verdict::kCannot);
  EXPECT_THAT(ExamineLoaded(process).advice, HasSubstr("proxymeter run"));
}

TEST(ProcessState, AReplacedLibraryIsNoticed) {
  ProcessView process = Metered();
  process.modules->back().deleted = true;
  EXPECT_EQ(ExamineLoaded(process).verdict, Verdict::kLimited);
}

TEST(ProcessState, RaisedPrivilegeCannot) {
  ProcessView process = Metered();
  process.secure = true;
  EXPECT_EQ(ExamineSecureMode(process).verdict, Verdict::kCannot);
}

TEST(ProcessState, ChildrenNeedThePreload) {
  ProcessView process = Metered();
  process.environment = {"LD_PRELOAD=/lib/other.so"};
  EXPECT_EQ(ExamineChildren(process).verdict, Verdict::kLimited);
  process.environment->clear();
  EXPECT_EQ(ExamineChildren(process).verdict, Verdict::kLimited);
}

TEST(ProcessState, ThePathMustLeadToALibraryWhereItLives) {
  ProcessView process = Metered();
  process.environment = {"LD_PRELOAD=/nowhere/libproxymeter.so"};
  EXPECT_THAT(ExamineChildren(process).found, HasSubstr("not a file any more"));
  process.other_files = true;
  EXPECT_THAT(ExamineChildren(process).found, HasSubstr("mount namespace"));
}

TEST(ProcessState, WhatMayNotBeReadIsUnknownAndNamesThePrivilege) {
  ProcessView process;
  process.uid = 4711;
  EXPECT_EQ(ExamineAccess(process).verdict, Verdict::kUnknown);
  EXPECT_THAT(ExamineAccess(process).advice,
              HasSubstr("as user 4711 or with CAP_SYS_PTRACE"));
  EXPECT_EQ(ExamineLoaded(process).verdict, Verdict::kUnknown);
  EXPECT_EQ(ExamineSecureMode(process).verdict, Verdict::kUnknown);
  EXPECT_EQ(ExamineChildren(process).verdict, Verdict::kUnknown);
}

}  // namespace
}  // namespace proxymeter::cli
