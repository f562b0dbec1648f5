#include "shim/testing/shim_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>

#include "collector/policy/policy_compiler.h"
#include "collector/policy/policy_file.h"
#include "collector/policy/vendor_config.h"
#include "shim/hooks/hooks.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

constexpr char kPolicy[] = R"(
version: 1
vendors:
  - name: acme
    match:
      - cidr: 127.0.9.0/24
      - host: [gw.acme.test, "*.acme-proxies.test"]
)";

CounterSums Sum(const std::function<bool(const JournalRow&)>& wanted) {
  CounterSums sum = {};
  if (!shim.meter.open()) return sum;
  for (std::uint32_t i = 0; i < shim.meter.row_limit(); ++i) {
    const JournalRow& row = shim.meter.journal().rows()[i];
    if (row.state != kPublished || !wanted(row)) continue;
    for (std::size_t c = 0; c < kRowCounters; ++c) sum[c] += row.counters[c];
  }
  return sum;
}

}  // namespace

ShimFixture::ShimFixture() {
  std::string pattern =
      (std::filesystem::temp_directory_path() / "shim-test-XXXXXX").string();
  directory_ = mkdtemp(pattern.data());
  std::filesystem::create_directory(directory_ + "/journals");
  WritePolicy(kPolicy);
  RestartShim();
}

ShimFixture::~ShimFixture() { std::filesystem::remove_all(directory_); }

void ShimFixture::WritePolicy(std::string_view yaml) {
  const auto config = collector::ParseVendorConfig(yaml, "test.yaml");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto status = collector::WritePolicyFile(
      directory_, *collector::CompilePolicy(*config));
  ASSERT_TRUE(status.ok()) << status;
}

void ShimFixture::RestartShim() {
  setenv(kDirectoryVariable, directory_.c_str(), 1);
  new (&shim) Shim();
  kernel::silent = false;
  shim.process.Initialise();
  shim.environment.Read();
  shim.connections.Clear();
}

int ShimFixture::Connect(int fd, const std::string& address,
                         std::uint16_t port) {
  sockaddr_in endpoint = {};
  endpoint.sin_family = AF_INET;
  endpoint.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &endpoint.sin_addr);
  return hooks::connect(fd, reinterpret_cast<sockaddr*>(&endpoint),
                        sizeof(endpoint));
}

CounterSums ShimFixture::Traffic(std::string_view vendor,
                                 std::string_view destination) {
  return Sum([&](const JournalRow& row) {
    return row.kind == RowKind::kTraffic && row.vendor() == vendor &&
           row.destination() == destination;
  });
}

CounterSums ShimFixture::Traffic(std::string_view vendor,
                                 std::string_view destination,
                                 Protocol protocol, Visibility visibility) {
  return Sum([&](const JournalRow& row) {
    return row.kind == RowKind::kTraffic && row.vendor() == vendor &&
           row.destination() == destination && row.protocol == protocol &&
           row.visibility == visibility;
  });
}

CounterSums ShimFixture::Vendor(std::string_view vendor) {
  return Sum([&](const JournalRow& row) {
    return row.kind == RowKind::kVendor && row.vendor() == vendor;
  });
}

std::uint64_t ShimFixture::Tunnels(std::string_view vendor, Protocol protocol,
                                   std::uint16_t code) {
  return Sum([&](const JournalRow& row) {
    return row.kind == RowKind::kTunnel && row.vendor() == vendor &&
           row.protocol == protocol && row.code == code;
  })[kTunnelReplies];
}

std::uint64_t ShimFixture::Durations(std::string_view vendor, Phase phase) {
  const CounterSums sums = Sum([=](const JournalRow& row) {
    return row.kind == RowKind::kPhase && row.vendor() == vendor &&
           row.code == static_cast<std::uint16_t>(phase);
  });
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < kDurationBuckets; ++i) {
    count += sums[kPhaseBuckets + i];
  }
  return count;
}

std::uint64_t ShimFixture::GrpcResponses(std::string_view vendor,
                                         std::uint16_t code) {
  return Sum([=](const JournalRow& row) {
    return row.kind == RowKind::kGrpc && row.vendor() == vendor &&
           row.code == code;
  })[kGrpcResponses];
}

std::uint64_t ShimFixture::ProxyErrors(std::string_view vendor,
                                       ProxyError error) {
  return Sum([=](const JournalRow& row) {
    return row.kind == RowKind::kProxyError && row.vendor() == vendor &&
           row.code == static_cast<std::uint16_t>(error);
  })[kProxyErrors];
}

std::uint64_t ShimFixture::Events(ShimCounter counter) {
  return Sum([](const JournalRow& row) {
    return row.kind == RowKind::kShim;
  })[counter];
}

}  // namespace proxymeter::shim
