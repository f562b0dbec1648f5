// How well vendors do: times, errors, TLS sessions, answers of gRPC.
#ifndef PROXYMETER_CLI_TOP_QUALITY_H_
#define PROXYMETER_CLI_TOP_QUALITY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxymeter/v1/collector.pb.h"

namespace proxymeter::cli {

struct PhaseRow {
  std::string vendor;
  std::string phase;
  std::uint64_t count = 0;
  double seconds = 0;  ///< their sum
  // As Quantile.
  std::optional<double> p50;
  std::optional<double> p95;
  std::optional<double> p99;
};

struct ErrorRow {
  std::string vendor;
  std::string reason;
  std::uint64_t errors = 0;
};

struct TlsRow {
  std::string vendor;
  std::string version;
  std::string alpn;
  std::string visibility;
  std::uint64_t sessions = 0;
};

struct GrpcRow {
  std::string vendor;
  std::string status;
  std::uint64_t responses = 0;
};

/// Sorted by vendor and then by what follows it; without rows of zeros.
struct Quality {
  std::vector<PhaseRow> phases;
  std::vector<ErrorRow> errors;
  std::vector<TlsRow> tls;
  std::vector<GrpcRow> grpc;
};

Quality MakeQuality(const v1::SnapshotResponse& now);

/// Seconds within which the part `q` (0 to 1) of all durations was over, as if
/// those of a bucket were spread evenly over it. Infinity when that is in the
/// last bucket, which has no end; nothing where there are no durations.
std::optional<double> Quantile(const v1::PhaseCounters& counters, double q);

/// What stands of a vendor on the screen.
struct VendorQuality {
  const PhaseRow* connect = nullptr;
  const PhaseRow* tunnel = nullptr;
  const PhaseRow* tls_handshake = nullptr;
  const PhaseRow* first_byte = nullptr;
  const PhaseRow* request = nullptr;
  std::uint64_t errors = 0;
  const ErrorRow* most = nullptr;  ///< the commonest error
  std::uint64_t tls_sessions = 0;
  std::uint64_t tls_unread = 0;  ///< those whose plaintext nobody showed
  std::uint64_t grpc = 0;
  std::uint64_t grpc_not_ok = 0;

  bool empty() const;
};

/// Points into `quality`.
VendorQuality Of(const Quality& quality, const std::string& vendor);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TOP_QUALITY_H_
