// The program as people start it.
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_split.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::StartsWith;

std::vector<std::string> Lines(const std::string& text) {
  return absl::StrSplit(text, '\n', absl::SkipEmpty());
}

std::vector<std::string> Sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

class MainTest : public testing::Test {
 protected:
  ProcessResult Proxymeter(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PROGRAM);
    return RunProcess(arguments, environment_);
  }
  ProcessResult Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "run");
    return Proxymeter(std::move(arguments));
  }

  const std::string directory_ = MakeTempDirectory() + "/meet";
  const std::string path_ = "PATH=/usr/bin:/bin";
  const std::string library_ =
      std::string("PROXYMETER_LIBRARY=") + STUB_LIBRARY;
  const std::string directory_variable_ = "PROXYMETER_DIR=" + directory_;
  std::vector<std::string> environment_ = {path_, library_,
                                           directory_variable_};
};

TEST_F(MainTest, RunAddsToTheEnvironmentAndChangesNothingElse) {
  environment_ = {path_, library_, "EMPTY=", "SPACE=a b", "EMPTY=twice"};
  auto expected = environment_;
  expected.push_back(directory_variable_);
  expected.push_back(std::string("LD_PRELOAD=") + STUB_LIBRARY);
  EXPECT_EQ(Sorted(Lines(Run({"--dir", directory_, "env"}).out)),
            Sorted(expected));
  expected.push_back("PROXYMETER_VENDOR=acme");
  EXPECT_EQ(Sorted(Lines(
                Run({"--dir=" + directory_, "--vendor", "acme", "env"}).out)),
            Sorted(expected));
}

TEST_F(MainTest, RunLoadsTheLibraryBehindThoseThatAreThere) {
  const std::string other = MakeTempDirectory() + "/other.so";
  fs::copy_file(STUB_LIBRARY, other);
  environment_.push_back("LD_PRELOAD=" + other);
  // A build with AddressSanitizer wants to be loaded before any other library.
  environment_.push_back("ASAN_OPTIONS=verify_asan_link_order=0");
  EXPECT_THAT(Lines(Run({"env"}).out),
              testing::Contains("LD_PRELOAD=" + other + ":" + STUB_LIBRARY));
  const std::string maps = Run({"cat", "/proc/self/maps"}).out;
  EXPECT_THAT(maps, HasSubstr(other));
  EXPECT_THAT(maps, HasSubstr(STUB_LIBRARY));
}

TEST_F(MainTest, RunWithinRunPreloadsOnce) {
  environment_.push_back("ASAN_OPTIONS=verify_asan_link_order=0");
  EXPECT_THAT(Lines(Run({PROGRAM, "run", "env"}).out),
              testing::Contains(std::string("LD_PRELOAD=") + STUB_LIBRARY));
}

TEST_F(MainTest, RunHandsArgumentsOnVerbatim) {
  const ProcessResult result =
      Run({"--", "printf", "[%s]", "--dir", "", "a b", "--", "-h"});
  EXPECT_EQ(result.out, "[--dir][][a b][--][-h]");
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(Run({"printf", "[%s]", "--help"}).out, "[--help]");
}

TEST_F(MainTest, RunHasTheStatusOfTheCommand) {
  EXPECT_EQ(Run({"true"}).exit_status(), 0);
  EXPECT_EQ(Run({"sh", "-c", "exit 7"}).exit_status(), 7);
  const ProcessResult killed = Run({"sh", "-c", "kill -TERM $$"});
  EXPECT_TRUE(WIFSIGNALED(killed.status));
  EXPECT_EQ(WTERMSIG(killed.status), SIGTERM);
}

TEST_F(MainTest, RunLeavesSignalsDescriptorsAndMaskAlone) {
  const std::vector<std::string> command = {
      "sh", "-c",
      "umask; ls /proc/self/fd; grep -E '^Sig|^Shd' /proc/self/status"};
  const ProcessResult direct = RunProcess(command, environment_);
  ASSERT_THAT(direct.out, HasSubstr("SigIgn"));
  EXPECT_EQ(Run(command).out, direct.out);
}

TEST_F(MainTest, RunTellsNotFoundFromNotExecutable) {
  const ProcessResult missing = Run({"no-such-command"});
  EXPECT_EQ(missing.exit_status(), 127);
  EXPECT_THAT(missing.err, HasSubstr("'no-such-command'"));
  const ProcessResult folder = Run({"/tmp"});
  EXPECT_EQ(folder.exit_status(), 126);
  EXPECT_THAT(folder.err, HasSubstr("Permission denied"));
}

TEST_F(MainTest, RunFailsClearlyWithoutItsLibrary) {
  environment_ = {path_, "PROXYMETER_LIBRARY=/nowhere.so", directory_variable_};
  const ProcessResult result = Run({"true"});
  EXPECT_EQ(result.exit_status(), 125);
  EXPECT_THAT(result.err, StartsWith("proxymeter: PROXYMETER_LIBRARY names "));
}

TEST_F(MainTest, RunRefusesALibraryThatCannotBePreloaded) {
  const std::string folder = MakeTempDirectory() + "/my files";
  fs::create_directory(folder);
  fs::copy_file(STUB_LIBRARY, folder + "/libproxymeter.so");
  environment_ = {path_, "PROXYMETER_LIBRARY=" + folder + "/libproxymeter.so",
                  directory_variable_};
  const ProcessResult result = Run({"true"});
  EXPECT_EQ(result.exit_status(), 125);
  EXPECT_THAT(result.err, HasSubstr("splits LD_PRELOAD"));
}

TEST_F(MainTest, RunWithoutAnythingToGoByIsAUsageError) {
  EXPECT_EQ(Run({}).exit_status(), 125);
  EXPECT_EQ(Run({"--"}).exit_status(), 125);
  EXPECT_EQ(Run({"--vendor", "No Name", "true"}).exit_status(), 125);
  EXPECT_THAT(Run({"--bogus", "true"}).err, HasSubstr("--bogus"));
}

TEST_F(MainTest, RunPreparesTheDirectory) {
  ASSERT_EQ(Run({"true"}).exit_status(), 0);
  struct stat file;
  ASSERT_EQ(stat((directory_ + "/journals").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 01733u);
}

TEST_F(MainTest, RunNeedsNoDirectoryThatCanBeMade) {
  const ProcessResult result = Run({"--dir", "/proc/none", "echo", "runs"});
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_EQ(result.out, "runs\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(MainTest, RunWarnsInOneLineOfWhatCannotBeMetered) {
  const ProcessResult result = Run({STATIC_PROGRAM});
  EXPECT_EQ(result.exit_status(), 0);
  EXPECT_THAT(Lines(result.err),
              testing::ElementsAre(StartsWith("proxymeter: warning: ")));
}

TEST_F(MainTest, DoctorTellsAProcessFromACommand) {
  EXPECT_EQ(Proxymeter({"doctor", "--", "true"}).exit_status(), 0);
  EXPECT_EQ(Proxymeter({"doctor", "--", STATIC_PROGRAM}).exit_status(), 1);
  // What stands behind the mark is the command's, and is not run.
  const std::string trace = directory_ + "-trace";
  EXPECT_EQ(Proxymeter({"doctor", "--", "touch", trace, "--json", "--", "1"})
                .exit_status(),
            0);
  EXPECT_FALSE(fs::exists(trace));
  EXPECT_THAT(Proxymeter({"doctor", "--json", "--", "true"}).out,
              StartsWith("{\"subject\":\"true\",\"verdict\":\"unknown\""));
}

TEST_F(MainTest, DoctorRefusesWhatItCannotRead) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"doctor", "curl"},
                                             {"doctor", "0"},
                                             {"doctor", "-5"},
                                             {"doctor", "1", "2"},
                                             {"doctor", "--"},
                                             {"doctor", "--", ""},
                                             {"doctor", "1", "--", "true"},
                                             {"doctor", "--pod", "1"},
                                             {"doctor", "--pod", "--", "true"},
                                             {"doctor", "--bogus"}}) {
    const ProcessResult result = Proxymeter(arguments);
    EXPECT_EQ(result.exit_status(), 2) << arguments.back();
    EXPECT_THAT(result.err, StartsWith("proxymeter: "));
    EXPECT_EQ(result.out, "");
  }
  EXPECT_THAT(Proxymeter({"doctor", "curl"}).err,
              HasSubstr("proxymeter doctor -- curl"));
  EXPECT_EQ(Proxymeter({"doctor", "2147483647"}).exit_status(), 1);
}

TEST_F(MainTest, AnUnknownCommandGetsASuggestion) {
  const ProcessResult result = Proxymeter({"tpo"});
  EXPECT_EQ(result.exit_status(), 2);
  EXPECT_THAT(result.err, HasSubstr("did you mean 'top'?"));
  EXPECT_EQ(Proxymeter({}).exit_status(), 2);
  EXPECT_EQ(Proxymeter({"top", "--sort", "size"}).exit_status(), 2);
}

TEST_F(MainTest, HelpAndVersionGoToStandardOutput) {
  EXPECT_THAT(Proxymeter({"--version"}).out,
              testing::MatchesRegex("proxymeter [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  for (const char* command :
       {"run", "collector", "top", "reload", "policy", "explain", "doctor"}) {
    const ProcessResult help = Proxymeter({command, "--help"});
    EXPECT_EQ(help.exit_status(), 0);
    EXPECT_THAT(help.out,
                HasSubstr(std::string("Usage: proxymeter ") + command));
    EXPECT_THAT(help.out, HasSubstr("Examples:"));
    EXPECT_THAT(Proxymeter({"--help"}).out, HasSubstr(command));
  }
}

}  // namespace
}  // namespace proxymeter::cli
