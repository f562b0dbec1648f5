#include "shim/connection/connections.h"

#include <errno.h>

namespace proxymeter::shim {
namespace {

struct Failure {
  VendorCounter counter;
  ProxyError error;
};

Failure FailureOf(int error) {
  switch (error) {
    case ECONNREFUSED:
      return {kConnectionsRefused, ProxyError::kConnectRefused};
    case ETIMEDOUT:
      return {kConnectionsTimedOut, ProxyError::kConnectTimedOut};
    default:
      return {kConnectionsFailed, ProxyError::kConnectFailed};
  }
}

}  // namespace

Connections::Use Connections::FindTls(const Connection::ClientRandom& random,
                                      std::uint8_t* tls_depth) {
  Connection* found = nullptr;
  tls_.Visit(random[0], [&](Connection* connection) {
    if (!connection->HasOwnRandom(random, tls_depth) &&
        !connection->has_tunnels()) {
      return false;
    }
    if (!connection->TryRetain()) return false;
    if (connection->HasClientRandom(random, tls_depth)) {
      found = connection;
      return true;
    }
    Release(connection);
    return false;
  });
  return Use(this, found);
}

void Connections::RenameTls(const Connection::ClientRandom& before,
                            const Connection::ClientRandom& after) {
  std::uint8_t depth = 0;
  if (FindTls(after, &depth)) return;
  if (const Use connection = FindTls(before, &depth)) {
    connection->ReplaceClientRandom(depth, after);
  }
}

JournalRow* Connections::VendorRow(std::string_view vendor) {
  return meter_->Find({.kind = RowKind::kVendor, .vendor = vendor});
}

void Connections::Open(int fd, std::string_view vendor, const Endpoint& remote,
                       Origin origin, std::uint64_t since_ns,
                       const SocketIdentity& socket, const Expected& expected) {
  Connection* connection = pool_.Allocate();
  if (connection == nullptr) {
    meter_->Count(kConnectionsUntracked);
    return;
  }
  JournalRow* vendor_row = VendorRow(vendor);
  connection->Begin(this, vendor_row, remote, origin, since_ns,
                    meter_->TakeSlot(socket, vendor_row), expected);
  bool stored;
  Connection* previous = table_.Exchange(fd, connection, &stored);
  if (!stored) {
    meter_->Count(kConnectionsUntracked);
    Release(connection);
  } else if (remote.port == kDnsPort && origin != Origin::kDatagrams) {
    dns_.Begin(DnsStreams::Of(connection), process_generation());
  }
  if (previous != nullptr) Release(previous);
}

void Connections::Adopt(int fd, std::string_view vendor, const Endpoint& remote,
                        Origin origin, const SocketIdentity& socket,
                        const Expected& expected) {
  Connection* connection = pool_.Allocate();
  if (connection == nullptr) {
    meter_->Count(kConnectionsUntracked);
    SettlePlain(fd);
    return;
  }
  JournalRow* vendor_row = VendorRow(vendor);
  connection->Begin(this, vendor_row, remote, origin, /*since_ns=*/0,
                    meter_->TakeSlot(socket, vendor_row), expected);
  if (!table_.Settle(fd, connection)) {
    Release(connection);
  } else if (origin == Origin::kAdopted) {
    Add(vendor_row, kConnectionsAdopted, 1);
  }
}

void Connections::Doubt(int fd) {
  bool stored;
  Connection* previous = table_.Exchange(fd, nullptr, &stored);
  if (!stored) meter_->Count(kConnectionsUntracked);
  if (previous != nullptr) Release(previous);
}

void Connections::ListenToDatagrams(int fd) {
  bool stored;
  Connection* previous =
      table_.Exchange(fd, ConnectionTable::DnsDatagrams(), &stored);
  if (previous != nullptr) Release(previous);
}

void Connections::ListenToStream(int fd) {
  dns_.Begin(DnsStreams::Of(fd), process_generation());
  bool stored;
  Connection* previous =
      table_.Exchange(fd, ConnectionTable::DnsStream(), &stored);
  if (previous != nullptr) Release(previous);
}

void Connections::Answered(protocol::Bytes message) {
  if (attribution_ != nullptr) {
    attribution_->Answered(message, process_generation());
  }
}

void Connections::ReceivedDns(DnsStreams::Owner owner, protocol::Bytes data) {
  dns_.Received(owner, process_generation(), data,
                [this](protocol::Bytes message) { Answered(message); });
}

void Connections::CountFailure(std::string_view vendor, int error) {
  const Failure failure = FailureOf(error);
  Add(VendorRow(vendor), failure.counter, 1);
  CountProxyError(vendor, failure.error);
}

void Connections::CountProxyError(std::string_view vendor, ProxyError error,
                                  std::uint32_t times) {
  if (vendor == kDirectVendor) return;
  Add(meter_->Find({.kind = RowKind::kProxyError,
                    .code = static_cast<std::uint16_t>(error),
                    .vendor = vendor}),
      kProxyErrors, times);
}

void Connections::Share(int from, int to) {
  Connection* connection = Retain(from);
  bool stored = false;
  // A copy of what is unknown is unknown.
  Connection* state = connection;
  if (connection == nullptr && !IsUnknown(from)) {
    state = HasDnsDatagrams(from) ? ConnectionTable::DnsDatagrams()
                                  : ConnectionTable::Plain();
    // Two would have a part of it each.
    if (HasDnsStream(from)) Forget(from);
  }
  if (HasDnsStream(to)) dns_.End(DnsStreams::Of(to));
  Connection* previous = table_.Exchange(to, state, &stored);
  if (connection != nullptr && !stored) {
    meter_->Count(kConnectionsUntracked);
    Release(connection);
  }
  if (previous != nullptr) Release(previous);
}

Connection* Connections::Take(int fd) {
  if (!Tracks(fd)) return nullptr;
  bool stored;
  return table_.Exchange(fd, ConnectionTable::Plain(), &stored);
}

void Connections::PutBack(int fd, Connection* connection) {
  bool stored;
  Connection* previous = table_.Exchange(fd, connection, &stored);
  if (previous != nullptr) Release(previous);
}

void Connections::End(Connection* connection) {
  connection->End();
  if (connection->is_of_resolver()) dns_.End(DnsStreams::Of(connection));
  connection->FreeTunnels();
  connection->socket_stream()->GiveBack();
  for (std::uint8_t depth = 1; depth < Connection::kMaxStreams; ++depth) {
    if (Stream* stream = connection->stream(depth)) {
      stream->GiveBack();
      streams_.Free(stream);
    }
  }
  pool_.Free(connection);
}

}  // namespace proxymeter::shim
