// First messages of a real TLS client.
#ifndef PROXYMETER_SHIM_TESTING_TLS_CLIENT_H_
#define PROXYMETER_SHIM_TESTING_TLS_CLIENT_H_

#include <string>

namespace proxymeter::shim {

/// The ClientHello, as records, that OpenSSL sends for this server name.
std::string ClientHello(const std::string& server_name);

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_TESTING_TLS_CLIENT_H_
