// A program of its own: the child has to be forked before gRPC has threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "collector/collector.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

constexpr char kOtherVendor[] =
    "version: 1\nvendors:\n"
    "  - name: beta\n"
    "    match:\n"
    "      - host: proxy.beta.example\n";
constexpr char kOneVendor[] =
    "version: 1\nvendors:\n"
    "  - name: acme\n"
    "    match:\n"
    "      - host: proxy.acme.example\n";

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The whole program as `proxymeter collector` runs it, in a child.
TEST(RunCollector, SignalsReloadAndStop) {
  const TestDirectory temp;
  const std::string config = temp.path() + "/vendors.yaml";
  const std::string log = temp.path() + "/log";
  const CollectorOptions options{.directory = temp.path() + "/run",
                                 .config_file = config,
                                 .metrics_listen = "127.0.0.1:0",
                                 .grpc_listen = "127.0.0.1:0",
                                 // It would ask name servers.
                                 .audit = false};
  Write(config, kOtherVendor);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (freopen(log.c_str(), "w", stderr) == nullptr) _exit(9);
    _exit(RunCollector(options).ok() ? 0 : 1);
  }
  const auto logged = [&](const std::string& what) {
    return Read(log).find(what) != std::string::npos;
  };
  EXPECT_TRUE(WaitFor([&] { return logged("event=ready"); }));
  EXPECT_FALSE(logged(":0/metrics"));
  Write(config, "version: 1\nvendors: 7\n");
  kill(child, SIGHUP);
  EXPECT_TRUE(WaitFor([&] { return logged("event=config_rejected"); }));
  Write(config, kOneVendor);
  kill(child, SIGHUP);
  EXPECT_TRUE(WaitFor([&] { return logged("event=config_reloaded"); }));
  EXPECT_THAT(Read(options.directory + "/" + kPolicyName),
              testing::HasSubstr("acme"));
  kill(child, SIGTERM);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(logged("event=stopped"));
  EXPECT_FALSE(std::filesystem::exists(options.directory + "/" + kSocketName));
}

}  // namespace
}  // namespace proxymeter::collector
