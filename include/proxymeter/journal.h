// The journal: counters of one crawler process (and its forks) in a file.
//
// The shim creates DIR/journals/<session id in hex>, maps it shared and adds to
// its rows; the collector reads it with pread(2) when the process has died or
// fallen silent. All integers are in host byte order: both sides run on one
// machine. Nothing here may be trusted by the collector: the file belongs to
// the crawler's user.
//
//   offset 0             JournalHeader
//   kFirstSlotsOffset    ConnectionSlot[kFirstSlots]
//   kJournalHeaderBytes  JournalRow[], one after another; a row is valid once
//                        its state is kPublished; its key never changes then
//   kMoreSlotsOffset     ConnectionSlot[], for crawlers with many connections
//
// Version 1 had rows of 512 bytes with 16 counters, otherwise the same.
//
// The file grows by whole extents, each allocated before it is touched.
#ifndef PROXYMETER_JOURNAL_H_
#define PROXYMETER_JOURNAL_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "proxymeter/connection_slot.h"
#include "proxymeter/limits.h"

namespace proxymeter {

inline constexpr std::uint64_t kJournalMagic = 0x314c4e524a4d5850;  // PXMJRNL1
inline constexpr std::uint32_t kJournalVersion = 2;
inline constexpr std::size_t kJournalHeaderBytes = 4096;
inline constexpr std::size_t kJournalExtentBytes = 64 * 1024;
inline constexpr std::size_t kJournalRowBytes = 576;
/// Most rows one journal holds. They take a little over 1 MB.
inline constexpr std::size_t kMaxJournalRows = 2048;
inline constexpr std::size_t kRowCounters = 24;
inline constexpr std::size_t kRowTextBytes = 360;
/// Of version 1, which collectors still read.
inline constexpr std::uint32_t kJournalVersion1 = 1;
inline constexpr std::size_t kJournalRowBytes1 = 512;
inline constexpr std::size_t kRowCounters1 = 16;

/// What a row counts. The values are those of RowKind in frame.proto.
enum class RowKind : std::uint8_t {
  kNone = 0,
  kTraffic = 1,  ///< vendor × destination × protocol × visibility
  kVendor = 2,   ///< vendor: connections, bytes not yet given a destination
  kTunnel = 3,   ///< vendor × reply code of CONNECT or SOCKS
  kShim = 4,     ///< the shim's own health; vendor and destination are empty
  kCaller = 5,   ///< vendor × caller, which stands as destination
  kPhase = 6,    ///< vendor × phase of its exchanges: a histogram of durations
  kProxyError = 7,  ///< vendor × reason
  kTlsSession = 8,  ///< vendor × version and ALPN × visibility
  kGrpc = 9,        ///< vendor × status that a gRPC call was answered with
};
inline constexpr std::uint8_t kLastRowKind = 9;
/// Made by the collector of traffic rows with labels, never reported: vendor ×
/// labels, which stand as destination.
inline constexpr auto kProductRow = static_cast<RowKind>(10);
/// What the kernel witnesses of connections to a vendor, never reported either:
/// in all; the part that no crawler reported, × UnmeteredReason; a histogram of
/// round-trip times.
inline constexpr auto kKernelRow = static_cast<RowKind>(11);
inline constexpr auto kUnmeteredRow = static_cast<RowKind>(12);
inline constexpr auto kKernelRttRow = static_cast<RowKind>(13);

/// What is spoken to the destination; for a tunnel row, the way into the
/// proxy. The values are those of Protocol in frame.proto.
enum class Protocol : std::uint8_t {
  kUnknown = 0,     ///< no byte has told yet
  kTcp = 1,         ///< not understood: bytes only
  kTls = 2,         ///< TLS whose plaintext was not seen (yet)
  kHttp1 = 3,       ///< HTTP/1 in clear
  kHttps1 = 4,      ///< HTTP/1 inside TLS
  kConnect = 5,     ///< tunnel by HTTP CONNECT
  kSocks4 = 6,      ///< tunnel by SOCKS 4 or 4a
  kSocks5 = 7,      ///< tunnel by SOCKS 5 (RFC 1928)
  kUdp = 8,         ///< datagrams: bytes only
  kHttp2 = 9,       ///< HTTP/2 in clear
  kHttps2 = 10,     ///< HTTP/2 inside TLS
  kWebSocket = 11,  ///< RFC 6455: bytes only, behind its opening request
  // Named by their first bytes; bytes only.
  kSsh = 12,
  kFtp = 13,
  kSmtp = 14,
  kPop3 = 15,
  kImap = 16,
  kRedis = 17,
  kPostgresql = 18,
  kMysql = 19,
  kMongodb = 20,
  kKafka = 21,
  kCql = 22,
  kThrift = 23,
  kAmqp = 24,
  kMqtt = 25,
  kDns = 26,
  kLdap = 27,
  kNats = 28,
  kQuic = 29,  ///< datagrams of QUIC (RFC 9000): bytes only
};
inline constexpr std::uint8_t kLastProtocol = 29;

/// How the figures of a row were obtained. The values are those of Visibility
/// in frame.proto.
enum class Visibility : std::uint8_t {
  kNone = 0,
  kPlaintext = 1,  ///< requests read in clear or at SSL_write / SSL_read
  kInferred = 2,   ///< opaque: from what the encrypted stream shows
  kKernel = 3,     ///< from the kernel's own counters
};
inline constexpr std::uint8_t kLastVisibility = 3;

/// What of an exchange took so long; the code of a phase row. Times are taken
/// when a call returns to the crawler: what it does before it asks again is
/// part of them, as it is part of what its users wait for.
enum class Phase : std::uint8_t {
  kConnect = 0,       ///< connect until the connection is known to stand
  kTunnel = 1,        ///< CONNECT or SOCKS begun until it was granted
  kTlsHandshake = 2,  ///< ClientHello until the client may send data
  kFirstByte = 3,     ///< end of a request's head until the response begins
  kRequest = 4,       ///< end of a request's head until the response ends
};
inline constexpr std::uint8_t kLastPhase = 4;

/// Upper bounds of the histograms' buckets, in microseconds; the last bucket
/// has none. Those of OpenTelemetry's http.client.request.duration (semantic
/// conventions for HTTP metrics), with more at both ends.
inline constexpr std::uint32_t kDurationBounds[] = {
    1'000,     2'500,     5'000,     10'000,     25'000,     50'000,
    75'000,    100'000,   250'000,   500'000,    750'000,    1'000'000,
    2'500'000, 5'000'000, 7'500'000, 10'000'000, 30'000'000, 60'000'000};
inline constexpr std::size_t kDurationBuckets = std::size(kDurationBounds) + 1;

/// Why a crawler's own report lacks bytes that the kernel moved for it; the
/// code of a row of those.
enum class UnmeteredReason : std::uint8_t {
  kNotPreloaded = 0,   ///< nobody reported the connection
  kPathNotSeen = 1,    ///< moved by calls that are not intercepted
  kBeforeJournal = 2,  ///< before the process that reported it had it
  kAfterCrash = 3,     ///< its process was killed before it could report
  kNotRead = 4,        ///< it arrived, and the program never read it
};
inline constexpr std::uint8_t kLastUnmeteredReason = 4;

/// What told the caller of a connection; the code of a caller row.
enum class Unwinder : std::uint8_t {
  kNone = 0,       ///< the stack was not walked
  kLibunwind = 1,  ///< libunwind, loaded from the crawler's image
  kLibgcc = 2,     ///< the unwinder of libgcc, part of the shim
};
inline constexpr std::uint8_t kLastUnwinder = 2;

/// Of the connections of a process the first so many are asked for their
/// caller, and of those that follow one of so many, picked by chance.
inline constexpr std::uint32_t kCallersAllOfFirst = 64;
inline constexpr std::uint32_t kCallersOneOf = 64;

/// Label values, as they stand in metrics and on screens.
constexpr std::string_view Name(Phase phase) {
  constexpr std::string_view kNames[] = {"connect", "tunnel", "tls_handshake",
                                         "first_byte", "request"};
  return kNames[static_cast<std::size_t>(phase)];
}
constexpr std::string_view Name(Protocol protocol) {
  constexpr std::string_view kNames[] = {
      "unknown",    "tcp",    "tls",     "http/1.1", "https/1.1", "connect",
      "socks4",     "socks5", "udp",     "http/2",   "https/2",   "websocket",
      "ssh",        "ftp",    "smtp",    "pop3",     "imap",      "redis",
      "postgresql", "mysql",  "mongodb", "kafka",    "cql",       "thrift",
      "amqp",       "mqtt",   "dns",     "ldap",     "nats",      "quic"};
  static_assert(std::size(kNames) == kLastProtocol + 1);
  return kNames[static_cast<std::size_t>(protocol)];
}
constexpr std::string_view Name(Visibility visibility) {
  constexpr std::string_view kNames[] = {"none", "plaintext", "inferred",
                                         "kernel"};
  return kNames[static_cast<std::size_t>(visibility)];
}
constexpr std::string_view Name(UnmeteredReason reason) {
  constexpr std::string_view kNames[] = {"not_preloaded", "path_not_seen",
                                         "before_journal", "after_crash",
                                         "not_read"};
  static_assert(std::size(kNames) == kLastUnmeteredReason + 1);
  return kNames[static_cast<std::size_t>(reason)];
}
constexpr std::string_view Name(Unwinder unwinder) {
  constexpr std::string_view kNames[] = {"none", "libunwind", "libgcc"};
  return kNames[static_cast<std::size_t>(unwinder)];
}

/// Index of each counter in JournalRow::counters, by kind. All counters are
/// cumulative and only grow. The field of that counter in frame.proto has the
/// index plus one as its number.
enum TrafficCounter : std::uint8_t {
  kSentBytes,        ///< payload (of TCP or UDP) the process sent
  kReceivedBytes,    ///< payload the process received
  kRequests,         ///< request heads completed
  kResponses1xx,     ///< final 1xx, that is 101 (RFC 9110, 15.2)
  kResponses2xx,     ///< final responses by class
  kResponses3xx,     //
  kResponses4xx,     //
  kResponses5xx,     //
  kResponsesOther,   ///< status below 100 or above 599
  kTrafficCounters,  // number of the above
};
enum VendorCounter : std::uint8_t {
  kConnectionsOk,         ///< TCP connections established
  kConnectionsRefused,    ///< ECONNREFUSED
  kConnectionsTimedOut,   ///< ETIMEDOUT
  kConnectionsFailed,     ///< any other error
  kConnectionsAbandoned,  ///< closed before the kernel gave an answer
  /// Bytes whose destination was not known yet when a call returned, and the
  /// part of them that has been given to a traffic row since. The difference
  /// is what open connections hold; of a dead process it is `_unknown`.
  kHeldSentBytes,
  kHeldReceivedBytes,
  kReleasedSentBytes,
  kReleasedReceivedBytes,
  /// Part of the bytes that no hook saw: the kernel's count at close had them.
  kReconciledSentBytes,
  kReconciledReceivedBytes,
  kRetransmittedBytes,  ///< sent again by the kernel; in no other figure
  /// Smoothed round-trip times at close, in microseconds, and their number.
  kRttMicroseconds,
  kRttSamples,
  /// TCP connections that somebody else made: inherited, or received over a
  /// Unix socket. In none of the counts of connections above.
  kConnectionsAdopted,
  /// TCP connections that were open when their process ended, and of which the
  /// kernel's last word was not heard, or would not have told whose bytes they
  /// were: what the very call moved that the end interrupted may be missing.
  /// Counted by the collector.
  kConnectionsUnsettled,
  /// Part of the bytes that hand-shakes with the proxy took: CONNECT or SOCKS,
  /// request and reply.
  kHandshakeSentBytes,
  kHandshakeReceivedBytes,
  kVendorCounters,
};
enum TunnelCounter : std::uint8_t {
  kTunnelReplies,  ///< final replies with this row's code
  kTunnelCounters,
};
enum ShimCounter : std::uint8_t {
  /// Connections whose parser lost its place, in HTTP/1 and so on; their bytes
  /// are counted all the same.
  kDesynchronisedHttp1,
  kConnectionsUntracked,  ///< connections with no room left to track them
  kRowsOverflowed,        ///< look-ups that fell to an overflow row
  kJournalFailures,       ///< journal could not be created or grown
  kUplinkFailures,        ///< flushes that did not reach the collector
  kPolicyRejected,        ///< policy files that failed validation
  kFramesSent,            ///< frames handed to the collector's socket
  kTlsUnpaired,           ///< SSL objects whose connection was not found
  kKernelTls,             ///< connections whose TLS the kernel does
  kDesynchronisedSocks,
  kDesynchronisedHttp2,
  kDesynchronisedTls,  ///< opaque sessions: requests are inferred no more
  /// User names that none of the vendor's grammars reads, or that there was no
  /// room to read: their traffic has no labels.
  kCredentialsUnread,
  kVendorHeaderUnknown,  ///< X-Proxy-Vendor named none of the policy's vendors
  kLabelsDropped,        ///< look-ups whose labels found no room in the row
  kShimCounters,
};
enum CallerCounter : std::uint8_t {
  kCallerConnections,  ///< connections begun whose stack was walked
  /// Connections begun whose stack was not: left out by sampling, or met where
  /// a walk would not have been safe. Their caller is `_unknown`.
  kCallerNotSampled,
  kCallerNotSafe,
  kCallerCounters,
};
enum PhaseCounter : std::uint8_t {
  kPhaseMicroseconds,  ///< sum of all durations
  kPhaseBuckets,       ///< first of kDurationBuckets; a duration is in one
  kPhaseCounters = kPhaseBuckets + kDurationBuckets,
};
enum ProxyErrorCounter : std::uint8_t {
  kProxyErrors,
  kProxyErrorCounters,
};
enum TlsSessionCounter : std::uint8_t {
  kTlsSessions,  ///< sessions in which the client has sent data
  kTlsSessionCounters,
};
enum KernelCounter : std::uint8_t {
  kKernelSentBytes,      ///< payload, by the kernel's own count
  kKernelReceivedBytes,  //
  kCoveredSentBytes,     ///< the part of it that crawlers reported
  kCoveredReceivedBytes,
  kKernelRetransmittedBytes,
  kKernelConnectionsOk,      ///< that the peer answered
  kKernelConnectionsFailed,  ///< that it did not
  /// Reported as sent and never on its way: the connection broke before.
  kUnsentBytes,
  kKernelCounters,
};
enum UnmeteredCounter : std::uint8_t {
  kUnmeteredSentBytes,
  kUnmeteredReceivedBytes,
  kUnmeteredConnections,
  kUnmeteredCounters,
};
enum GrpcCounter : std::uint8_t {
  kGrpcResponses,  ///< answers with this row's status
  kGrpcCounters,
};
static_assert(kTrafficCounters <= kRowCounters);
static_assert(kVendorCounters <= kRowCounters);
static_assert(kTunnelCounters <= kRowCounters);
static_assert(kShimCounters <= kRowCounters);
static_assert(kCallerCounters <= kRowCounters);
static_assert(kPhaseCounters <= kRowCounters);
static_assert(kProxyErrorCounters <= kRowCounters);
static_assert(kTlsSessionCounters <= kRowCounters);
static_assert(kGrpcCounters <= kRowCounters);

/// Number of counters that rows of `kind` use; 0 for an unknown kind.
constexpr std::size_t CounterCount(RowKind kind) {
  switch (kind) {
    case RowKind::kTraffic:
      return kTrafficCounters;
    case RowKind::kVendor:
      return kVendorCounters;
    case RowKind::kTunnel:
      return kTunnelCounters;
    case RowKind::kShim:
      return kShimCounters;
    case RowKind::kCaller:
      return kCallerCounters;
    case RowKind::kPhase:
      return kPhaseCounters;
    case RowKind::kProxyError:
      return kProxyErrorCounters;
    case RowKind::kTlsSession:
      return kTlsSessionCounters;
    case RowKind::kGrpc:
      return kGrpcCounters;
    case RowKind::kNone:
      break;
  }
  if (kind == kProductRow) return kTrafficCounters;
  if (kind == kKernelRow) return kKernelCounters;
  if (kind == kUnmeteredRow) return kUnmeteredCounters;
  return kind == kKernelRttRow ? std::size_t{kPhaseCounters} : 0;
}

enum RowState : std::uint32_t {
  kEmpty = 0,
  kClaimed = 1,    ///< its key is being written
  kPublished = 2,  ///< key complete and final; counters live
};

struct JournalRow {
  std::atomic<std::uint32_t> state;  ///< RowState; stored with release
  RowKind kind;
  Protocol protocol;
  Visibility visibility;
  std::uint8_t vendor_length;       ///< bytes of text, first part
  std::uint8_t destination_length;  ///< bytes of text, behind the vendor
  std::uint8_t labels_length;       ///< bytes of text, behind both
  /// Tunnel rows: HTTP status or SOCKS reply code; caller rows: Unwinder;
  /// phase rows: Phase; rows of proxy errors: ProxyError; of TLS sessions:
  /// tls_session.h; of gRPC: GrpcCode.
  std::uint16_t code;
  std::uint32_t reserved2;
  /// Vendor, destination, labels ("zone=dc,country=us"); no terminators.
  char text[kRowTextBytes];
  /// Sum of the counters when last streamed: a row whose sum differs has news.
  std::atomic<std::uint64_t> streamed_sum;
  std::atomic<std::uint64_t> counters[kRowCounters];

  std::string_view vendor() const { return {text, vendor_length}; }
  std::string_view destination() const {
    return {text + vendor_length, destination_length};
  }
  std::string_view labels() const {
    return {text + vendor_length + destination_length, labels_length};
  }
};
static_assert(sizeof(JournalRow) == kJournalRowBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(kMaxVendorLength + kMaxHostLength <= kRowTextBytes);

/// The bucket of a duration.
constexpr std::size_t DurationBucket(std::uint64_t microseconds) {
  std::size_t bucket = 0;
  while (bucket < std::size(kDurationBounds) &&
         microseconds > kDurationBounds[bucket]) {
    ++bucket;
  }
  return bucket;
}

struct JournalHeader {
  std::uint64_t magic;         ///< kJournalMagic; written last, with release
  std::uint32_t version;       ///< kJournalVersion
  std::uint32_t header_bytes;  ///< kJournalHeaderBytes
  std::uint32_t row_bytes;     ///< kJournalRowBytes
  std::uint32_t max_rows;      ///< kMaxJournalRows
  std::array<std::uint8_t, kSessionIdBytes> session;
  std::uint64_t started_unix_ns;  ///< creation, ns since the epoch
  std::int32_t pid;               ///< creator, in its own PID namespace
  char command[16];               ///< comm of the creator, NUL-padded
  std::uint32_t reserved;
  /// Rows handed out so far; may exceed what is allocated when full.
  std::atomic<std::uint32_t> claimed_rows;
  /// Rows backed by allocated space.
  std::atomic<std::uint32_t> allocated_rows;
  /// Slots behind the rows that are backed by allocated space. Journals of
  /// before there were slots have none: all of the page behind them is zero.
  std::atomic<std::uint32_t> allocated_slots;
  /// TCP connections open now that have no slot.
  std::atomic<std::uint32_t> without_slot;
  /// 1: slots tell of connections that have ended. Older shims leave 0: which
  /// of the kernel's connections were theirs is not known.
  std::uint32_t tells_ends;
  /// Connections that have ended and left their slots to tell of it.
  std::atomic<std::uint64_t> ended_connections;
};

/// The slots that every journal has, in the header's page.
inline constexpr std::size_t kFirstSlotsOffset = 2048;
inline constexpr std::uint32_t kFirstSlots =
    (kJournalHeaderBytes - kFirstSlotsOffset) / sizeof(ConnectionSlot);
static_assert(sizeof(JournalHeader) <= kFirstSlotsOffset);

/// Rows that fit into the first `extents` extents of a journal.
constexpr std::uint32_t RowsInExtents(std::size_t extents) {
  const std::size_t rows =
      (extents * kJournalExtentBytes - kJournalHeaderBytes) / kJournalRowBytes;
  return static_cast<std::uint32_t>(rows < kMaxJournalRows ? rows
                                                           : kMaxJournalRows);
}

/// Where further slots begin, and how many there are at most.
inline constexpr std::size_t kMoreSlotsOffset =
    (kJournalHeaderBytes + kMaxJournalRows * kJournalRowBytes +
     kJournalExtentBytes - 1) /
    kJournalExtentBytes * kJournalExtentBytes;
inline constexpr std::uint32_t kSlotsInExtent =
    kJournalExtentBytes / sizeof(ConnectionSlot);
inline constexpr std::uint32_t kMaxMoreSlots = 8 * kSlotsInExtent;

/// Size of a journal with all its rows and slots, in whole extents.
inline constexpr std::size_t kMaxJournalBytes =
    kMoreSlotsOffset + kMaxMoreSlots * sizeof(ConnectionSlot);

}  // namespace proxymeter

#endif  // PROXYMETER_JOURNAL_H_
