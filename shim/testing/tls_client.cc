#include "shim/testing/tls_client.h"

#include "shim/testing/tls_session.h"

namespace proxymeter::shim {

std::string ClientHello(const std::string& server_name) {
  TlsSession session(server_name);
  session.ClientHandshake();
  return session.FromClient();
}

}  // namespace proxymeter::shim
