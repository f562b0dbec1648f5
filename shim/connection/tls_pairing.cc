#include "shim/connection/tls_pairing.h"

namespace proxymeter::shim {

bool TlsPairing::Insert(std::uint64_t word, Connection* connection) {
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    Connection* expected = nullptr;
    if (slots_[Slot(word, probe)].compare_exchange_strong(
            expected, connection, std::memory_order_acq_rel)) {
      return true;
    }
  }
  return false;
}

void TlsPairing::Remove(std::uint64_t word, const Connection* connection) {
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    auto* expected = const_cast<Connection*>(connection);
    if (slots_[Slot(word, probe)].compare_exchange_strong(
            expected, nullptr, std::memory_order_acq_rel)) {
      return;
    }
  }
}

}  // namespace proxymeter::shim
