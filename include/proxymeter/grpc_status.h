// How gRPC calls ended: the statuses that servers answer with.
#ifndef PROXYMETER_GRPC_STATUS_H_
#define PROXYMETER_GRPC_STATUS_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace proxymeter {

/// The code of a row of kind kGrpc: a status of gRPC (statuscodes.md of its
/// specification) as it is, or this for any other.
inline constexpr std::uint16_t kOtherGrpcStatus = 17;

/// The code for what stands in grpc-status; anything that is no status of gRPC
/// is kOtherGrpcStatus.
constexpr std::uint16_t GrpcCode(int status) {
  return status >= 0 && status < kOtherGrpcStatus
             ? static_cast<std::uint16_t>(status)
             : kOtherGrpcStatus;
}

/// The label `grpc_status`. `code` is at most kOtherGrpcStatus.
constexpr std::string_view GrpcStatusName(std::uint16_t code) {
  constexpr std::string_view kNames[] = {
      "OK",
      "CANCELLED",
      "UNKNOWN",
      "INVALID_ARGUMENT",
      "DEADLINE_EXCEEDED",
      "NOT_FOUND",
      "ALREADY_EXISTS",
      "PERMISSION_DENIED",
      "RESOURCE_EXHAUSTED",
      "FAILED_PRECONDITION",
      "ABORTED",
      "OUT_OF_RANGE",
      "UNIMPLEMENTED",
      "INTERNAL",
      "UNAVAILABLE",
      "DATA_LOSS",
      "UNAUTHENTICATED",
      "other",
  };
  static_assert(std::size(kNames) == kOtherGrpcStatus + 1);
  return kNames[code];
}

}  // namespace proxymeter

#endif  // PROXYMETER_GRPC_STATUS_H_
