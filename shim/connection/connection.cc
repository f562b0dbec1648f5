#include "shim/connection/connection.h"

#include <errno.h>

#include <cstring>
#include <new>

#include "proxymeter/grpc_status.h"
#include "shim/clock.h"
#include "shim/connection/connections.h"

namespace proxymeter::shim {

void Connection::Begin(Connections* home, JournalRow* vendor_row,
                       const Endpoint& remote, Origin origin,
                       std::uint64_t since_ns, ConnectionSlot* slot,
                       const Expected& expected) {
  home_ = home;
  vendor_row_.store(vendor_row, std::memory_order_relaxed);
  held_row_ = vendor_row;
  expected_ = expected;
  policy_generation_ = home->attribution() != nullptr
                           ? home->attribution()->policy().generation()
                           : 0;
  undecided_.store(expected.vendor, std::memory_order_relaxed);
  deferred_by_ = home->process_generation();
  established_ns_.store(0, std::memory_order_relaxed);
  refusals_.store(0, std::memory_order_relaxed);
  requests_.store(0, std::memory_order_relaxed);
  refused_.store(0, std::memory_order_relaxed);
  for (auto& bytes : handshake_) bytes.store(0, std::memory_order_relaxed);
  labels_ = Labels();
  slot_ = slot;
  since_ns_ = since_ns;
  answered_ns_.store(0, std::memory_order_relaxed);
  for (auto& row : phase_rows_) row.store(nullptr, std::memory_order_relaxed);
  remote_ = remote;
  origin_ = origin;
  new (&target_lock_) SideLock();
  target_.Clear();
  // The address of a proxy is nobody's destination.
  if (vendor_row->vendor() == kDirectVendor) {
    target_.AssignAddress({remote.address.data(), remote.address.size()});
  }
  generation_.store(home->process_generation(), std::memory_order_relaxed);
  row_.store(nullptr, std::memory_order_relaxed);
  for (auto& held : held_) held.store(0, std::memory_order_relaxed);
  forks_before_ = home->forks();
  children_before_ = home->children();
  copies_before_ = home->copies();
  // Whoever made it may have kept it.
  shared_.store(origin == Origin::kAdopted, std::memory_order_relaxed);
  has_relay_.store(false, std::memory_order_relaxed);
  for (auto& random : randoms_) {
    for (auto& word : random) word.store(0, std::memory_order_relaxed);
  }
  tunnels_.store(nullptr, std::memory_order_relaxed);
  socket_stream_.Begin(this, 0, /*in_tls=*/false);
  if (slot != nullptr) {
    socket_stream_.CountIn(&slot->sent, &slot->received);
  }
  CountWithoutSlot(+1);
  if (home->BeginsWithRequest(vendor_row)) ExpectRequest(/*in_tls=*/false);
  streams_[0].store(&socket_stream_, std::memory_order_relaxed);
  for (std::uint8_t depth = 1; depth < kMaxStreams; ++depth) {
    streams_[depth].store(nullptr, std::memory_order_relaxed);
  }
  connecting_.store(origin == Origin::kConnecting, std::memory_order_relaxed);
  if (origin == Origin::kEstablished) {
    CountEstablished(FineMonotonicNs());
  }
  if (origin == Origin::kDatagrams) socket_stream_.CarryDatagrams();
  // Last: a stale pointer may be retained from here on.
  references_.store(1, std::memory_order_release);
}

void Connection::End() {
  if (connecting()) Abandoned();
  if (has_relay_.load(std::memory_order_relaxed)) {
    home_->relays().Remove(this);
  }
  for (std::uint8_t depth = 0; depth < places(); ++depth) {
    if (Stream* stream = this->stream(depth)) stream->End();
  }
  Decide();
  ReleaseToTarget();
  for (std::uint8_t depth = 0; depth < places(); ++depth) {
    if (Random* random = RandomAt(depth)) ForgetRandom(random);
  }
  GiveBackSlot();
}

void Connection::ReceivedDns(protocol::Bytes data) {
  if (is_datagrams()) {
    home_->Answered(data);
  } else {
    home_->ReceivedDns(DnsStreams::Of(this), data);
  }
}

void Connection::LoseDns() { home_->dns().Lose(DnsStreams::Of(this)); }

Stream* Connection::EnsureStream(std::uint8_t depth) {
  Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
  std::atomic<Stream*>* const at = depth < kMaxStreams  ? &streams_[depth]
                                   : tunnels != nullptr ? tunnels->At(depth)
                                                        : nullptr;
  if (at == nullptr) return nullptr;
  if (Stream* existing = at->load(std::memory_order_acquire)) return existing;
  Stream* fresh = home_->NewStream();
  if (fresh == nullptr) return nullptr;
  fresh->Begin(this, depth, /*in_tls=*/true);
  // Reading and writing a TLS session from two threads at once is not allowed,
  // so nobody else is here; a leak would be the worst of it.
  at->store(fresh, std::memory_order_release);
  return fresh;
}

bool Connection::IsOfThisProcess() {
  return generation_.load(std::memory_order_relaxed) ==
         home_->process_generation();
}

bool Connection::IsSoleOwner() {
  return references_.load(std::memory_order_acquire) == 1 &&
         IsOfThisProcess() && !shared_.load(std::memory_order_relaxed) &&
         home_->forks() == forks_before_;
}

bool Connection::MayBeInherited() {
  return home_->children() != children_before_;
}

// How connecting ended is counted by the process that began it: a forked child
// has a copy of the question, not another connection.

void Connection::Established() {
  if (!connecting_.exchange(false, std::memory_order_relaxed) ||
      !IsOfThisProcess()) {
    return;
  }
  const std::uint64_t answered = answered_ns_.load(std::memory_order_relaxed);
  CountEstablished(answered != 0 ? answered : FineMonotonicNs());
}

void Connection::Answered() {
  if (connecting()) {
    answered_ns_.store(FineMonotonicNs(), std::memory_order_relaxed);
  }
}

void Connection::ConnectFailed(int error) {
  if (!connecting_.exchange(false, std::memory_order_relaxed) ||
      !IsOfThisProcess()) {
    return;
  }
  Decide();
  home_->CountFailure(vendor(), error);
}

void Connection::Abandoned() {
  if (!connecting_.exchange(false, std::memory_order_relaxed) ||
      !IsOfThisProcess()) {
    return;
  }
  Decide();
  Add(vendor_row(), kConnectionsAbandoned, 1);
}

bool Connection::Reconcile(const KernelFigures& kernel) {
  Decide();
  JournalRow* const vendor_row = this->vendor_row();
  Add(vendor_row, kRetransmittedBytes, kernel.retransmitted);
  if (kernel.rtt_us != 0) {
    Add(vendor_row, kRttMicroseconds, kernel.rtt_us);
    Add(vendor_row, kRttSamples, 1);
  }
  if (kernel.sent > socket_stream_.moved_sent()) {
    const std::uint64_t missed = kernel.sent - socket_stream_.moved_sent();
    // Not to be found missing once more, should the process end here.
    if (slot_ != nullptr) {
      slot_->sent.fetch_add(missed, std::memory_order_relaxed);
    }
    Add(vendor_row, kReconciledSentBytes, missed);
    Hold(kSentDirection, missed);
  }
  const bool all_read = kernel.received <= socket_stream_.moved_received();
  if (!all_read) {
    const std::uint64_t missed =
        kernel.received - socket_stream_.moved_received();
    if (slot_ != nullptr) {
      slot_->received.fetch_add(missed, std::memory_order_relaxed);
    }
    Add(vendor_row, kReconciledReceivedBytes, missed);
    Hold(kReceivedDirection, missed);
  }
  // What is held goes to the destination when the connection ends, which is
  // next.
  return all_read;
}

void Connection::SetRow(JournalRow* row) {
  row_.store(row, std::memory_order_release);
  if (slot_ != nullptr) {
    slot_->row.store(RowNumber(home_->meter().journal(), row),
                     std::memory_order_relaxed);
  }
  Release(row);
}

void Connection::ReleaseToRow() {
  if (JournalRow* row = this->row()) Release(row);
}

void Connection::HoldSent(std::size_t size) { Hold(kSentDirection, size); }

void Connection::HoldReceived(std::size_t size) {
  Hold(kReceivedDirection, size);
}

void Connection::Hold(Direction direction, std::size_t size) {
  DropHeldOfParent();
  Add(held_row_,
      direction == kSentDirection ? kHeldSentBytes : kHeldReceivedBytes, size);
  held_[direction].fetch_add(size, std::memory_order_acq_rel);
}

void Connection::Release(JournalRow* row) {
  DropHeldOfParent();
  constexpr struct {
    Direction direction;
    TrafficCounter traffic;
    VendorCounter released;
  } kDirections[] = {
      {kSentDirection, kSentBytes, kReleasedSentBytes},
      {kReceivedDirection, kReceivedBytes, kReleasedReceivedBytes},
  };
  for (const auto& each : kDirections) {
    const std::uint64_t size =
        held_[each.direction].exchange(0, std::memory_order_acq_rel);
    if (size == 0) continue;
    // A process killed between the two loses these bytes, as it loses what the
    // kernel moved and no hook reported yet; the other order would count them
    // twice.
    Add(held_row_, each.released, size);
    Add(row, each.traffic, size);
  }
}

void Connection::DropHeldOfParent() {
  const std::uint32_t now = home_->process_generation();
  std::uint32_t before = generation_.load(std::memory_order_relaxed);
  if (before == now || !generation_.compare_exchange_strong(
                           before, now, std::memory_order_relaxed)) {
    return;
  }
  for (auto& held : held_) held.store(0, std::memory_order_relaxed);
}

void Connection::ReleaseToTarget() {
  DropHeldOfParent();
  if (held_[0].load(std::memory_order_relaxed) == 0 &&
      held_[1].load(std::memory_order_relaxed) == 0) {
    return;
  }
  JournalRow* row = this->row();
  if (row == nullptr) {
    const bool tls = has_client_random();
    row = FindTargetRow(tls ? Protocol::kTls : Protocol::kTcp,
                        Visibility::kInferred);
  }
  Release(row);
}

// The sending side writes the target while the receiving side may want it: a
// copy of a few hundred bytes is waited for, within reason. A signal handler
// that has interrupted the copy itself goes without.
bool Connection::EnterTarget() {
  constexpr int kAttempts = 10000;
  for (int i = 0; i < kAttempts; ++i) {
    if (target_lock_.TryEnter()) return true;
  }
  return false;
}

void Connection::SetTarget(const protocol::HostName& host) {
  if (host.empty() || !EnterTarget()) return;
  target_ = host;
  target_lock_.Leave();
}

JournalRow* Connection::FindTargetRow(Protocol protocol,
                                      Visibility visibility) {
  Decide();
  if (!EnterTarget()) {
    return FindRow(kUnknownDestination, Labels(), protocol, visibility);
  }
  JournalRow* row =
      FindRow(target_.empty() ? kUnknownDestination : target_.view(), labels_,
              protocol, visibility);
  target_lock_.Leave();
  return row;
}

JournalRow* Connection::FindRow(std::string_view destination, Protocol protocol,
                                Visibility visibility) {
  Decide();
  Labels labels;
  if (expected_.credentials && EnterTarget()) {
    labels = labels_;
    target_lock_.Leave();
  }
  return FindRow(destination, labels, protocol, visibility);
}

JournalRow* Connection::FindRow(std::string_view destination,
                                const Labels& labels, Protocol protocol,
                                Visibility visibility) {
  return home_->meter().Find({.kind = RowKind::kTraffic,
                              .protocol = protocol,
                              .visibility = visibility,
                              .vendor = vendor(),
                              .destination = destination,
                              .labels = labels.view()});
}

void Connection::CountTunnelReply(Protocol protocol, std::uint16_t code) {
  Add(home_->meter().Find({.kind = RowKind::kTunnel,
                           .protocol = protocol,
                           .code = code,
                           .vendor = vendor()}),
      kTunnelReplies, 1);
}

void Connection::CountGrpcStatus(int status) {
  Add(home_->meter().Find({.kind = RowKind::kGrpc,
                           .code = GrpcCode(status),
                           .vendor = vendor()}),
      kGrpcResponses, 1);
}

void Connection::CountProxyError(ProxyError error, std::uint32_t times) {
  if (times != 0) home_->CountProxyError(vendor(), error, times);
}

void Connection::Time(Phase phase, std::uint64_t since_ns,
                      std::uint64_t now_ns) {
  // Another processor's clock may be a little behind.
  if (since_ns == 0 || now_ns < since_ns) return;
  auto& cached = phase_rows_[static_cast<std::size_t>(phase)];
  JournalRow* row = cached.load(std::memory_order_relaxed);
  if (row == nullptr) {
    row = home_->meter().Find({.kind = RowKind::kPhase,
                               .code = static_cast<std::uint16_t>(phase),
                               .vendor = vendor()});
    cached.store(row, std::memory_order_relaxed);
  }
  const std::uint64_t microseconds = (now_ns - since_ns) / 1000;
  Add(row, kPhaseMicroseconds, microseconds);
  Add(row,
      static_cast<std::uint8_t>(kPhaseBuckets + DurationBucket(microseconds)),
      1);
}

void Connection::EndedByPeer() {
  const auto blame = [this](std::uint8_t depth) {
    Stream* stream = this->stream(depth);
    return stream != nullptr && stream->BlameEnd();
  };
  // The innermost stream knows best what was under way.
  for (std::uint8_t depth = kMaxStreams; depth-- > 0 && !blame(depth);) {
  }
  if (tunnels_.load(std::memory_order_acquire) == nullptr) return;
  for (std::uint8_t i = 0; i < Http2Tunnels::kMost; ++i) {
    const std::uint8_t place = Http2Tunnels::PlaceOf(i);
    if (!blame(place + 1)) blame(place);
  }
}

void Connection::OpenRelay(Endpoint relay) {
  // "Where you are" (RFC 1928 leaves that open; proxies behind NAT do it).
  constexpr Address kNone{};
  if (relay.address == kNone || relay.address == MappedIpv4(0, 0, 0, 0)) {
    relay.address = remote_.address;
  }
  if (home_->relays().Add(relay, this, vendor_row())) {
    has_relay_.store(true, std::memory_order_relaxed);
  } else {
    CountEvent(kConnectionsUntracked);
  }
}

void Connection::CountEvent(ShimCounter counter) {
  home_->meter().Count(counter);
}

std::uint32_t Connection::process_generation() {
  return home_->process_generation();
}

void Connection::CountTlsSession(std::uint16_t code, Visibility visibility) {
  Add(home_->meter().Find({.kind = RowKind::kTlsSession,
                           .visibility = visibility,
                           .code = code,
                           .vendor = vendor()}),
      kTlsSessions, 1);
}

protocol::Http2Session* Connection::TakeHttp2() {
  return home_->http2().Take();
}

void Connection::GiveBackHttp2(protocol::Http2Session* session) {
  home_->http2().GiveBack(session);
}

protocol::QuicHello* Connection::TakeQuic() {
  protocol::QuicHello* hello = home_->quic().Allocate();
  if (hello != nullptr) hello->Reset();
  return hello;
}

void Connection::GiveBackQuic(protocol::QuicHello* hello) {
  home_->quic().Free(hello);
}

}  // namespace proxymeter::shim
