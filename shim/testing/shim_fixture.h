// A fresh shim for each test, with a directory and a policy of its own.
#ifndef PROXYMETER_SHIM_TESTING_SHIM_FIXTURE_H_
#define PROXYMETER_SHIM_TESTING_SHIM_FIXTURE_H_

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxymeter/journal.h"
#include "proxymeter/proxy_error.h"
#include "shim/shim.h"
#include "shim/testing/fake_libc.h"

namespace proxymeter::shim {

using CounterSums = std::array<std::uint64_t, kRowCounters>;

class ShimFixture : public testing::Test {
 protected:
  ShimFixture();
  ~ShimFixture() override;

  const std::string& directory() const { return directory_; }
  /// Compiles this vendor configuration into the directory's policy file.
  void WritePolicy(std::string_view yaml);
  /// As the loader does when the library comes into a process.
  void RestartShim();

  /// connect(fd, address:port) through the hook.
  int Connect(int fd, const std::string& address, std::uint16_t port);

  /// Sum of the published rows with this key; zeros when there is none.
  static CounterSums Traffic(std::string_view vendor,
                             std::string_view destination);
  static CounterSums Traffic(std::string_view vendor,
                             std::string_view destination, Protocol protocol,
                             Visibility visibility);
  static CounterSums Vendor(std::string_view vendor);
  static std::uint64_t Tunnels(std::string_view vendor, Protocol protocol,
                               std::uint16_t code);
  static std::uint64_t Events(ShimCounter counter);
  /// How many durations of the phase were taken.
  static std::uint64_t Durations(std::string_view vendor, Phase phase);
  static std::uint64_t GrpcResponses(std::string_view vendor,
                                     std::uint16_t code);
  static std::uint64_t ProxyErrors(std::string_view vendor, ProxyError error);

  FakeLibc fake_;

 private:
  std::string directory_;
};

/// The vendor that ShimFixture's policy names: 127.0.9.0/24 and host
/// gw.acme.test, as well as *.acme-proxies.test.
inline constexpr char kVendor[] = "acme";
inline constexpr char kProxyAddress[] = "127.0.9.1";

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_TESTING_SHIM_FIXTURE_H_
