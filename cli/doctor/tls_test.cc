#include "cli/doctor/tls.h"

#include "cli/doctor/library_search.h"
#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::set<std::string>& OpenSslHooks() {
  static const auto& hooks = *new std::set<std::string>{
      "SSL_write", "SSL_write_ex", "SSL_read", "SSL_read_ex"};
  return hooks;
}

std::vector<std::string> Modules(const std::string& program) {
  return FindLinkedLibraries(program, "").modules;
}

TEST(ExamineTls, CallsThroughTheLinkerAreSeen) {
  const Finding curl =
      ExamineTls(Modules("/usr/bin/curl"), OpenSslHooks(), false);
  EXPECT_EQ(curl.verdict, Verdict::kOk);
  EXPECT_THAT(curl.found,
              StartsWith("OpenSSL, called by libcurl.so.4.8.0: plaintext"));
}

TEST(ExamineTls, WhatIsNotInterceptedIsInferred) {
  const Finding curl = ExamineTls(Modules("/usr/bin/curl"), {}, false);
  EXPECT_EQ(curl.verdict, Verdict::kLimited);
  EXPECT_THAT(curl.found, AllOf(HasSubstr("OpenSSL, called by libcurl.so"),
                                HasSubstr("requests inferred"),
                                Not(HasSubstr("plaintext"))));
  EXPECT_THAT(curl.advice, HasSubstr("have no responses"));
}

TEST(ExamineTls, CallsInsideALibraryAreNot) {
  const Finding own =
      ExamineTls({"/bin/true", OWN_SSL_LIBRARY}, OpenSslHooks(), true);
  EXPECT_EQ(own.verdict, Verdict::kLimited);
  EXPECT_THAT(own.found, StartsWith("OpenSSL inside libcli_own_ssl.so"));
}

TEST(ExamineTls, OtherLibrariesAreKnownByName) {
  const std::string folder = MakeTempDirectory();
  for (const auto& [file, name] :
       std::vector<std::pair<std::string, std::string>>{
           {"libssl3.so", "NSS"}, {"libjli.so", "JSSE"}}) {
    const std::string path =
        WriteProgram(folder + "/" + file, ReadWhole(STUB_LIBRARY));
    const Finding finding = ExamineTls({path}, OpenSslHooks(), true);
    EXPECT_EQ(finding.verdict, Verdict::kLimited);
    EXPECT_THAT(finding.found, HasSubstr(name));
  }
}

TEST(ExamineTls, NoneIsUnknown) {
  const Finding none = ExamineTls({"/bin/true"}, OpenSslHooks(), false);
  EXPECT_EQ(none.verdict, Verdict::kUnknown);
  EXPECT_EQ(none.found, "no TLS library found");
  EXPECT_THAT(none.advice, HasSubstr("proxymeter doctor PID"));
  EXPECT_THAT(ExamineTls({"/nowhere/lib.so"}, OpenSslHooks(), true).found,
              HasSubstr("could not be read: lib.so"));
}

TEST(InterceptedTlsFunctions, AreThoseThatTheLibraryExports) {
  EXPECT_THAT(InterceptedTlsFunctions(OWN_SSL_LIBRARY),
              testing::ElementsAre("SSL_write"));
  EXPECT_THAT(InterceptedTlsFunctions(STUB_LIBRARY), IsEmpty());
  EXPECT_THAT(InterceptedTlsFunctions("/nowhere"), IsEmpty());
}

TEST(PythonTlsModules, AreFoundBesideTheInterpreter) {
  EXPECT_THAT(PythonTlsModules("/usr/bin/python3"),
              testing::ElementsAre(HasSubstr("/lib-dynload/_ssl.")));
  EXPECT_THAT(PythonTlsModules("/usr/bin/curl"), IsEmpty());
}

}  // namespace
}  // namespace proxymeter::cli
