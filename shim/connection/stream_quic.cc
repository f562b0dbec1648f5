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

void Stream::SentDatagram(Bytes front, std::size_t size) {
  if (looks_at_datagrams() && sending_.TryEnter()) {
    if (looks_at_datagrams()) {
      TakeDatagram(front, size);
      size = 0;
    }
    sending_.Leave();
  }
  if (size != 0) SentUnseen(size);
}

void Stream::TakeDatagram(Bytes front, std::size_t size) {
  LookAtDatagram(front);
  CountSent(looks_at_datagrams() ? nullptr : connection_->row(), size);
}

void Stream::LookAtDatagram(Bytes front) {
  protocol::HostName target;
  const std::size_t header = protocol::SocksDatagramHeader(front, &target);
  const Bytes payload = front.subspan(header);
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
    if (quic_version_ == TlsVersion::kQuicOther) CountQuic(Alpn::kHidden);
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
    // One of another version was counted before its client went back to this.
    if (quic_version_ != TlsVersion::kQuicOther) {
      CountQuic(protocol::AlpnOf(hello.alpn_offers()));
    }
  }
  if (status != QuicHello::Status::kNeedMore ||
      ++datagrams_ == kMostDatagrams) {
    LeaveDatagrams();
  }
}

void Stream::CountQuic(Alpn alpn) {
  connection_->CountTlsSession(TlsSessionCode(quic_version_, alpn),
                               Visibility::kInferred);
}

// Nothing more is to be learned: bytes only, of what it is named so far.
void Stream::LeaveDatagrams() {
  const Protocol named = named_.load(std::memory_order_relaxed);
  BecomeOpaque(named != Protocol::kUnknown ? named : Protocol::kUdp);
}

}  // namespace proxymeter::shim
