// The part of Connection that learns whose it is: by what it shows of itself
// after connect.
#include "shim/connection/connection.h"
#include "shim/connection/connections.h"

namespace proxymeter::shim {

bool Connection::Judge(const Shown& shown) {
  if (home_->attribution() == nullptr || !expected_.any()) return false;
  const Attribution::Verdict verdict =
      home_->attribution()->Judge(remote_, vendor(), shown);
  if (verdict.unread) CountEvent(kCredentialsUnread);
  if (verdict.unknown_header) CountEvent(kVendorHeaderUnknown);
  bool changed = false;
  if (verdict.vendor.metered() && verdict.vendor.view() != vendor() &&
      MayChangeVendor()) {
    changed = true;
    MoveTo(home_->VendorRow(verdict.vendor.view()));
  }
  // What speaks within a tunnel says nothing of the account that opened it.
  if (changed || !shown.user.empty() || !shown.password.empty()) {
    if (EnterTarget()) {
      changed = changed || !(labels_ == verdict.labels);
      labels_ = verdict.labels;
      target_lock_.Leave();
    }
  }
  return changed;
}

// A policy that came into force while the connection was open is for others.
bool Connection::MayChangeVendor() const {
  return undecided_.load(std::memory_order_relaxed) ||
         home_->attribution()->policy().generation() == policy_generation_;
}

void Connection::MoveTo(JournalRow* vendor_row) {
  vendor_row_.store(vendor_row, std::memory_order_release);
  for (auto& row : phase_rows_) row.store(nullptr, std::memory_order_relaxed);
  if (slot_ != nullptr) {
    slot_->vendor_row.store(RowNumber(home_->meter().journal(), vendor_row),
                            std::memory_order_relaxed);
  }
}

void Connection::Decide() {
  if (!undecided_.load(std::memory_order_relaxed) ||
      !undecided_.exchange(false, std::memory_order_acq_rel)) {
    return;
  }
  CountDeferred();
}

void Connection::CountDeferred() {
  const std::uint64_t established =
      established_ns_.exchange(0, std::memory_order_acq_rel);
  const std::uint32_t refusals =
      refusals_.exchange(0, std::memory_order_acq_rel);
  const std::uint64_t sent = handshake_[0].exchange(0);
  const std::uint64_t received = handshake_[1].exchange(0);
  if (deferred_by_ != home_->process_generation()) return;
  Add(vendor_row(), kHandshakeSentBytes, sent);
  Add(vendor_row(), kHandshakeReceivedBytes, received);
  if (established != 0) {
    Add(vendor_row(), kConnectionsOk, 1);
    Time(Phase::kConnect, since_ns_, established);
  }
  for (std::uint32_t i = 0; i < refusals; ++i) {
    CountTunnelReply(Protocol::kConnect, kProxyAuthenticationRequired);
    CountProxyError(refusal_.load(std::memory_order_relaxed));
  }
  CountDeferredRequests();
}

void Connection::CountDeferredRequests() {
  const std::uint32_t requests =
      requests_.exchange(0, std::memory_order_acq_rel);
  const std::uint32_t refused = refused_.exchange(0, std::memory_order_acq_rel);
  if (requests == 0 && refused == 0) return;
  BeganWithRequest();
  JournalRow* const row =
      FindTargetRow(Protocol::kHttp1, Visibility::kPlaintext);
  for (std::uint32_t i = 0; i < requests; ++i) CountRequest(row);
  Add(row, kResponses4xx, refused);
  CountProxyError(refusal_.load(std::memory_order_relaxed), refused);
  SetRow(row);
}

bool Connection::DeferRefusal(ProxyError error) {
  if (!undecided_.load(std::memory_order_acquire)) return false;
  refusal_.store(error, std::memory_order_relaxed);
  deferred_by_ = home_->process_generation();
  refusals_.fetch_add(1, std::memory_order_acq_rel);
  return true;
}

bool Connection::DeferRequest() {
  if (!undecided()) return false;
  deferred_by_ = home_->process_generation();
  requests_.fetch_add(1, std::memory_order_acq_rel);
  // Decided in between by who receives: nobody else would count it.
  if (!undecided()) CountDeferredRequests();
  return true;
}

bool Connection::DeferRefusedRequest(ProxyError error) {
  if (!undecided()) return false;
  refusal_.store(error, std::memory_order_relaxed);
  deferred_by_ = home_->process_generation();
  refused_.fetch_add(1, std::memory_order_acq_rel);
  if (!undecided()) CountDeferredRequests();
  return true;
}

void Connection::CountHandshake(VendorCounter counter, std::size_t size) {
  if (!undecided()) {
    Add(vendor_row(), counter, size);
    return;
  }
  deferred_by_ = home_->process_generation();
  handshake_[counter == kHandshakeSentBytes ? 0 : 1].fetch_add(size);
  if (!undecided()) CountDeferred();
}

void Connection::CountEstablished(std::uint64_t now_ns) {
  if (undecided_.load(std::memory_order_acquire)) {
    deferred_by_ = home_->process_generation();
    established_ns_.store(now_ns, std::memory_order_release);
    // Decided in between by who sends: nobody else would count it.
    if (!undecided_.load(std::memory_order_acquire)) CountDeferred();
    return;
  }
  Add(vendor_row(), kConnectionsOk, 1);
  Time(Phase::kConnect, since_ns_, now_ns);
}

protocol::ProxyCredentials* Connection::TakeCredentials() {
  protocol::ProxyCredentials* credentials = home_->credentials().Allocate();
  if (credentials == nullptr) {
    CountEvent(kCredentialsUnread);
  } else {
    credentials->Wipe();
  }
  return credentials;
}

void Connection::GiveBackCredentials(protocol::ProxyCredentials* credentials) {
  credentials->Wipe();
  home_->credentials().Free(credentials);
}

}  // namespace proxymeter::shim
