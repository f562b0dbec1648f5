#include "collector/policy/filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "collector/policy/vendor_config.h"

namespace proxymeter::collector {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

absl::StatusOr<VendorConfig> Parse(const std::string& lines) {
  return ParseVendorConfig("version: 1\nvendors: []\n" + lines, "v.yaml");
}

std::string MessageFor(const std::string& lines) {
  const absl::StatusOr<VendorConfig> config = Parse(lines);
  return config.ok() ? "accepted" : std::string(config.status().message());
}

TEST(Filters, ReadsEveryForm) {
  const auto config = Parse(
      "filters:\n"
      "  inside: [10.0.0.0/8, 'fd00::/8']\n"
      "  except_ports: [25, 6000-6010, 6011]\n"
      "  processes: {only: [python3, curl]}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(
      config->filters.inside,
      Optional(ElementsAre(*ParseCidr("10.0.0.0/8"), *ParseCidr("fd00::/8"))));
  EXPECT_THAT(config->filters.left_ports,
              ElementsAre(PortRange{25, 25}, PortRange{6000, 6011}));
  EXPECT_EQ(config->filters.processes, Filters::Processes::kOnly);
  EXPECT_THAT(config->filters.process_names, ElementsAre("python3", "curl"));
}

TEST(Filters, KeepEverythingUnlessAskedFor) {
  const auto config = Parse("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->filters.inside.has_value());
  EXPECT_THAT(config->filters.left_ports, IsEmpty());
  EXPECT_EQ(config->filters.processes, Filters::Processes::kAll);
  EXPECT_EQ(config->destinations, DestinationNames::kHost);
  EXPECT_FALSE(config->vendor_header);
}

TEST(Filters, NothingAtAllMayBeInside) {
  const auto config = Parse("filters: {inside: []}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->filters.inside, Optional(IsEmpty()));
}

TEST(Filters, ProcessesMayBeLeftOut) {
  const auto config =
      Parse("filters: {processes: {except: exactly15bytes_}}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->filters.processes, Filters::Processes::kExcept);
  EXPECT_THAT(config->filters.process_names, ElementsAre("exactly15bytes_"));
}

TEST(Filters, DestinationsAreHostsOrRegistrableDomains) {
  const auto hosts = Parse("destinations: host\n");
  ASSERT_TRUE(hosts.ok()) << hosts.status();
  EXPECT_EQ(hosts->destinations, DestinationNames::kHost);
  const auto domains = Parse("destinations: registrable_domain\n");
  ASSERT_TRUE(domains.ok()) << domains.status();
  EXPECT_EQ(domains->destinations, DestinationNames::kRegistrableDomain);
  EXPECT_EQ(MessageFor("destinations: domain\n"),
            "v.yaml:3:15: destinations: 'domain' is neither 'host' nor "
            "'registrable_domain'");
}

struct Mistake {
  std::string lines;
  std::string message;
};

class FiltersMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(FiltersMistake, IsReportedWhereItStands) {
  EXPECT_EQ(MessageFor(GetParam().lines), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, FiltersMistake,
    ::testing::Values(
        Mistake{"filters: []",
                "v.yaml:3:10: filters: a mapping is expected (inside, "
                "except_ports, processes)"},
        Mistake{"filters: {insde: []}",
                "v.yaml:3:11: filters.insde: unknown key (did you mean "
                "'inside'?)"},
        Mistake{"filters: {inside: 10.0.0.0/8}",
                "v.yaml:3:19: filters.inside: a list is expected"},
        Mistake{"filters: {inside: [10.0.0.0/8, 10.0.0.1]}",
                "v.yaml:3:32: filters.inside[1]: '10.0.0.1' is not a CIDR: no "
                "prefix length (10.0.0.1/32 is the address alone)"},
        Mistake{"filters: {except_ports: 0}",
                "v.yaml:3:25: filters.except_ports: '0' is not a port: a "
                "number from 1 to 65535 is expected"},
        Mistake{"filters: {except_ports: []}",
                "v.yaml:3:25: filters.except_ports: the list is empty"},
        Mistake{"filters: {processes: curl}",
                "v.yaml:3:22: filters.processes: a mapping is expected (only, "
                "except)"},
        Mistake{"filters: {processes: {}}",
                "v.yaml:3:22: filters.processes: either 'only' or 'except' is "
                "needed"},
        Mistake{"filters: {processes: {only: a, except: b}}",
                "v.yaml:3:22: filters.processes: either 'only' or 'except' is "
                "needed"},
        Mistake{"filters: {processes: {only: []}}",
                "v.yaml:3:29: filters.processes.only: the list is empty"},
        Mistake{"filters: {processes: {only: [sixteen_bytes_ok]}}",
                "v.yaml:3:30: filters.processes.only[0]: 'sixteen_bytes_ok' is "
                "longer than the 15 bytes that the kernel keeps of a "
                "process's name: write 'sixteen_bytes_o'"},
        Mistake{"filters: {processes: {only: /usr/bin/curl}}",
                "v.yaml:3:29: filters.processes.only: '/usr/bin/curl' is a "
                "path: the name is expected that /proc/PID/comm shows"},
        Mistake{"filters: {processes: {except: [a, b, a]}}",
                "v.yaml:3:38: filters.processes.except[2]: 'a' is there "
                "twice"}));

}  // namespace
}  // namespace proxymeter::collector
