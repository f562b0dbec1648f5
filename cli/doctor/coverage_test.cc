#include "cli/doctor/coverage.h"

#include <filesystem>
#include <fstream>

#include "absl/status/status.h"
#include "cli/testing/process.h"
#include "cli/testing/test_policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr char kVendors[] = R"({version: 1,
  filters: {processes: {except: [sidecar]}},
  vendors: [{name: acme, match: [{port: 7000}]}]})";
const std::string kJournal(32, 'a');

class CoverageTest : public testing::Test {
 protected:
  CoverageTest() {
    fs::create_directories(directory_ + "/journals");
    std::ofstream(directory_ + "/journals/" + kJournal) << "x";
    process_.folder = "/proc/4711";
    process_.name = "crawl";
    process_.uid = 7;
    process_.executable = "/bin/crawl";
    process_.modules = {{"/bin/crawl", false},
                        {"/opt/libproxymeter.so", false}};
    process_.shared_files = {directory_ + "/journals/" + kJournal};
    process_.environment = {std::string("LD_PRELOAD=") + STUB_LIBRARY,
                            "PROXYMETER_DIR=" + directory_};
    process_.secure = false;
    ProgramImage image;
    image.path = "/proc/4711/exe";
    image.elf.for_this_machine = true;
    image.elf.interpreter = "/lib64/ld-linux-x86-64.so.2";
    image_ = image;
  }
  ~CoverageTest() override { fs::remove_all(directory_); }

  void TakeLibraryAway() {
    process_.modules->pop_back();
    process_.shared_files.clear();
  }
  ProcessCoverage Examine() const {
    return ExamineCoverage({.process = process_,
                            .image = image_,
                            .metered_ancestor = ancestor_,
                            .directory = directory_,
                            .policy = policy_.view()});
  }
  void ExpectNo(const std::string& why, const std::string& reason) const {
    const ProcessCoverage coverage = Examine();
    EXPECT_EQ(coverage.covered, Covered::kNo);
    EXPECT_EQ(coverage.why, why);
    EXPECT_THAT(coverage.reason, HasSubstr(reason));
    EXPECT_NE(coverage.advice, "");
  }

  const std::string directory_ = MakeTempDirectory();
  const TestPolicy policy_{kVendors};
  ProcessView process_;
  absl::StatusOr<ProgramImage> image_;
  std::optional<ProcessView> ancestor_;
};

TEST_F(CoverageTest, AJournalOfTheDirectoryProvesIt) {
  const ProcessCoverage coverage = Examine();
  EXPECT_EQ(coverage.covered, Covered::kYes);
  EXPECT_EQ(coverage.why + coverage.reason + coverage.advice, "");
}

TEST_F(CoverageTest, ByAnotherPathItIsTheSameJournal) {
  process_.shared_files = {"/mnt/seen/otherwise/journals/" + kJournal};
  process_.environment = {"PROXYMETER_DIR=/mnt/seen/otherwise"};
  EXPECT_EQ(Examine().covered, Covered::kYes);
}

TEST_F(CoverageTest, AJournalElsewhereIsAnotherCollectors) {
  process_.shared_files = {"/run/proxymeter/journals/" + std::string(32, 'b')};
  ExpectNo("directory", "metered into /run/proxymeter, not into " + directory_);
}

TEST_F(CoverageTest, AnotherDirectoryTellsBeforeThereIsAJournal) {
  process_.shared_files.clear();
  process_.environment = {"PROXYMETER_DIR=/run/other"};
  ExpectNo("directory", "metered into /run/other");
}

TEST_F(CoverageTest, WithoutAJournalNothingIsProven) {
  for (const std::string& file :
       {std::string("/dev/zero"), directory_ + "/journals/short"}) {
    process_.shared_files = {file};
    EXPECT_EQ(Examine().covered, Covered::kUnknown);
    EXPECT_EQ(Examine().why, "journal");
    EXPECT_EQ(Examine().advice, "proxymeter doctor 4711");
  }
}

TEST_F(CoverageTest, WhatMayNotBeLookedIntoIsUnknown) {
  process_.modules.reset();
  const ProcessCoverage coverage = Examine();
  EXPECT_EQ(coverage.covered, Covered::kUnknown);
  EXPECT_EQ(coverage.why, "process");
  EXPECT_THAT(coverage.reason, HasSubstr("user 7's"));
}

TEST_F(CoverageTest, ThePolicyMayLeaveItOut) {
  process_.name = "sidecar";
  EXPECT_EQ(Examine().covered, Covered::kLeftOut);
  TakeLibraryAway();
  EXPECT_EQ(Examine().covered, Covered::kLeftOut);
}

TEST_F(CoverageTest, GoIsNotMeteredThoughItHasTheLibrary) {
  image_->elf.go = true;
  ExpectNo("linking", "/bin/crawl is a Go program, and Go makes");
}

TEST_F(CoverageTest, StaticProgramsLoadNothing) {
  TakeLibraryAway();
  image_->elf.interpreter.clear();
  ExpectNo("linking", "/bin/crawl is statically linked");
}

TEST_F(CoverageTest, AnotherMachineNeedsAnotherLibrary) {
  TakeLibraryAway();
  image_->elf.for_this_machine = false;
  ExpectNo("machine", "another kind of machine");
}

TEST_F(CoverageTest, RaisedPrivilegeIgnoresThePreload) {
  TakeLibraryAway();
  process_.secure = true;
  ExpectNo("privilege", "AT_SECURE");
}

TEST_F(CoverageTest, AnEnvironmentWithoutThePreload) {
  TakeLibraryAway();
  process_.environment = {"LD_PRELOAD=/lib/other.so"};
  ExpectNo("preload", "LD_PRELOAD does not name");
  process_.environment->clear();
  ExpectNo("preload", "LD_PRELOAD is not in its environment");
  ancestor_.emplace();
  ancestor_->folder = "/proc/42";
  ancestor_->name = "sh";
  ExpectNo("preload", "process 42 (sh), which has it");
}

TEST_F(CoverageTest, APreloadThatLeadsNowhere) {
  TakeLibraryAway();
  process_.environment = {"LD_PRELOAD=/nowhere/libproxymeter.so"};
  ExpectNo("library", "/nowhere/libproxymeter.so, which is not a file");
}

TEST_F(CoverageTest, APreloadThatWasNotTaken) {
  TakeLibraryAway();
  ExpectNo("library", "the loader did not take it");
  image_->elf.interpreter = "/lib/ld-musl-x86_64.so.1";
  ExpectNo("libc", "musl");
}

TEST_F(CoverageTest, WithoutItsFileTheRestStillTells) {
  image_ = absl::NotFoundError("gone");
  EXPECT_EQ(Examine().covered, Covered::kYes);
  TakeLibraryAway();
  process_.environment.reset();
  ExpectNo("library", "libproxymeter.so is not in it");
}

TEST_F(CoverageTest, TheLibraryIsGivenByMapOrEnvironment) {
  EXPECT_TRUE(WasGivenTheLibrary(process_));
  TakeLibraryAway();
  EXPECT_TRUE(WasGivenTheLibrary(process_));
  process_.environment->clear();
  EXPECT_FALSE(WasGivenTheLibrary(process_));
}

}  // namespace
}  // namespace proxymeter::cli
