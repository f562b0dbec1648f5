// Datagrams. They count in bytes; what a client of QUIC sends first tells its
// version and for whom it is.
#include "shim/connection/connection.h"
#include "shim/connection/stream.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;
using protocol::QuicHello;

// A hello takes two or three, and may be sent again.
constexpr std::uint8_t kMostDatagrams = 8;

TlsVersion VersionOfQuic(std::uint32_t version) {
  switch (version) {
    case protocol::InitialKeys::kVersion1:
      return TlsVersion::kQuic1;
    case protocol::InitialKeys::kVersion2:
      return TlsVersion::kQuic2;
    default:
      return TlsVersion::kQuicOther;
  }
}

}  // namespace

void Stream::SendDatagram(Bytes* data) {
  protocol::HostName target;
  const std::size_t header = protocol::SocksDatagramHeader(*data, &target);
  const Bytes payload = data->subspan(header);
  if (quic_ == nullptr) {
    const std::uint32_t version = protocol::QuicVersionOfFirst(payload);
    if (version == 0) {
      LeaveDatagrams();
      return;
    }
    NameBy(Protocol::kQuic);
    if (header != 0) {
      connection_->SetTarget(target);
      in_tunnel_.store(true, std::memory_order_relaxed);
    }
    quic_version_ = VersionOfQuic(version);
    datagrams_ = 0;
    quic_ = connection_->TakeQuic();
    if (quic_ == nullptr) {
      LeaveDatagrams();
      return;
    }
  }
  const QuicHello::Status status = quic_->Consume(payload);
  if (status == QuicHello::Status::kDone) {
    const protocol::ClientHelloParser& hello = quic_->hello();
    if (!hello.may_hide_another() || !is_in_tunnel()) {
      connection_->SetTarget(hello.server_name());
    }
    connection_->CountTlsSession(
        TlsSessionCode(quic_version_, protocol::AlpnOf(hello.alpn_offers())),
        Visibility::kInferred);
  }
  if (status != QuicHello::Status::kNeedMore ||
      ++datagrams_ == kMostDatagrams) {
    LeaveDatagrams();
  } else {
    CountSent(nullptr, data->size());
    *data = {};
  }
}

// Nothing more is to be learned: bytes only, of what it is named so far.
void Stream::LeaveDatagrams() {
  const Protocol named = named_.load(std::memory_order_relaxed);
  BecomeOpaque(named != Protocol::kUnknown ? named : Protocol::kUdp);
}

}  // namespace proxymeter::shim
