// The part of Connection that keeps tunnels by HTTP/2.
#include "shim/connection/connection.h"
#include "shim/connection/connections.h"

namespace proxymeter::shim {

// Only one connection by HTTP/2 has its tunnels followed: another one inside a
// tunnel would be a chain of proxies.
bool Connection::TakeTunnels(Http2Tunnels* tunnels) {
  Http2Tunnels* none = nullptr;
  return tunnels_.compare_exchange_strong(none, tunnels,
                                          std::memory_order_acq_rel);
}

Stream* Connection::OpenTunnel(std::uint32_t id, bool in_tls,
                               const protocol::Http2Streams& known) {
  Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
  const std::uint8_t place = tunnels->Choose(known);
  if (place == Http2Tunnels::kNone) return nullptr;
  Http2Tunnels::Tunnel& tunnel = tunnels->at(place);
  tunnel.id.store(0, std::memory_order_release);
  ForgetRandom(&tunnel.random);
  // Whoever is still inside keeps it.
  Stream* plaintext = tunnel.plaintext.load(std::memory_order_acquire);
  if (plaintext != nullptr) {
    if (!plaintext->Retire()) return nullptr;
    tunnel.plaintext.store(nullptr, std::memory_order_release);
    home_->FreeStream(plaintext);
  }
  Stream* content = tunnel.content.load(std::memory_order_acquire);
  if (content == nullptr) {
    content = home_->NewStream();
    if (content == nullptr) return nullptr;
  } else if (!content->Retire()) {
    return nullptr;
  }
  content->Begin(this, Http2Tunnels::PlaceOf(place), in_tls);
  content->BeginInTunnel();
  tunnel.content.store(content, std::memory_order_release);
  tunnel.id.store(id, std::memory_order_release);
  return content;
}

void Connection::FreeTunnels() {
  Http2Tunnels* tunnels = tunnels_.load(std::memory_order_acquire);
  if (tunnels == nullptr) return;
  for (std::uint8_t i = 0; i < Http2Tunnels::kMost; ++i) {
    Http2Tunnels::Tunnel& tunnel = tunnels->at(i);
    for (auto* each : {&tunnel.content, &tunnel.plaintext}) {
      Stream* stream = each->exchange(nullptr, std::memory_order_acq_rel);
      if (stream == nullptr) continue;
      stream->GiveBack();
      home_->FreeStream(stream);
    }
  }
}

}  // namespace proxymeter::shim
