// What the kernel witnessed of each vendor, and the part of it that was
// reported.
#ifndef PROXYMETER_CLI_TOP_COVERAGE_H_
#define PROXYMETER_CLI_TOP_COVERAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxymeter/v1/collector.pb.h"

namespace proxymeter::cli {

/// Bytes of the kernel's, and those of them that crawlers reported.
struct Coverage {
  std::uint64_t covered = 0;
  std::uint64_t witnessed = 0;

  Coverage& operator+=(const Coverage& other);
  /// 0 to 1, and 1 only when all are covered; nothing where the kernel
  /// witnessed nothing.
  std::optional<double> ratio() const;
  /// "99.9%", "100%" when all are covered, never rounded up; "-" for nothing.
  std::string Percent() const;
};

struct KernelRow {
  std::string vendor;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t covered_sent_bytes = 0;
  std::uint64_t covered_received_bytes = 0;
  std::uint64_t retransmitted_bytes = 0;
  std::uint64_t unsent_bytes = 0;
  std::uint64_t connections_ok = 0;
  std::uint64_t connections_failed = 0;
  /// Of round-trip times, one of each connection that has ended.
  std::uint64_t rtt_count = 0;
  double rtt_seconds = 0;  ///< their sum
  // As Quantile.
  std::optional<double> rtt_p50{};
  std::optional<double> rtt_p95{};
  std::optional<double> rtt_p99{};

  Coverage coverage() const {
    return {covered_sent_bytes + covered_received_bytes,
            sent_bytes + received_bytes};
  }
};

struct UnmeteredRow {
  std::string vendor;
  std::string reason;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t connections = 0;
};

/// By vendor, and then by what weighs most; without rows of zeros.
struct Witnessed {
  std::vector<KernelRow> kernel;
  std::vector<UnmeteredRow> unmetered;
};

Witnessed MakeWitnessed(const v1::SnapshotResponse& now);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TOP_COVERAGE_H_
