// Limits that the shim and the collector agree on.
#ifndef PROXYMETER_LIMITS_H_
#define PROXYMETER_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace proxymeter {

/// Longest vendor name, in bytes.
inline constexpr std::size_t kMaxVendorLength = 63;

/// Most labels that a vendor declares, the longest name and value of each, and
/// all of them as text: "country=us,zone=residential".
inline constexpr std::size_t kMaxVendorLabels = 4;
inline constexpr std::size_t kMaxLabelName = 24;
inline constexpr std::size_t kMaxLabelValue = 32;
inline constexpr std::size_t kMaxLabelsLength = 128;

/// Longest proxy user name, and longest password, that are read (RFC 1929 has
/// 255 bytes).
inline constexpr std::size_t kMaxCredentialLength = 255;

/// Longest host name, in bytes, without the trailing dot (RFC 1035, 2.3.4).
inline constexpr std::size_t kMaxHostLength = 253;

/// Length of a session's random name, in bytes.
inline constexpr std::size_t kSessionIdBytes = 16;

/// Longest frame on the Unix socket, in bytes. A frame is one SOCK_SEQPACKET
/// message; a longer one is rejected whole.
inline constexpr std::size_t kMaxFrameBytes = 64 * 1024;

/// Names inside the directory where shim and collector meet.
inline constexpr char kSocketName[] = "collector.sock";
inline constexpr char kGrpcSocketName[] = "grpc.sock";
inline constexpr char kPolicyName[] = "policy";
inline constexpr char kJournalsName[] = "journals";

/// Environment variables of metered processes.
inline constexpr char kDirectoryVariable[] = "PROXYMETER_DIR";
inline constexpr char kVendorVariable[] = "PROXYMETER_VENDOR";

/// Vendor and destination labels that no configuration may define. They start
/// with an underscore, which vendor names may not, or are reserved words.
inline constexpr char kDirectVendor[] = "direct";
inline constexpr char kUnknownDestination[] = "_unknown";
inline constexpr char kInvalidDestination[] = "_invalid";
inline constexpr char kOtherDestination[] = "_other";

}  // namespace proxymeter

#endif  // PROXYMETER_LIMITS_H_
