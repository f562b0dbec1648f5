// A TLS client and its server in one process, over memory BIOs.
#ifndef PROXYMETER_SHIM_TESTING_TLS_SESSION_H_
#define PROXYMETER_SHIM_TESTING_TLS_SESSION_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace proxymeter::shim {

/// The bytes that the two would exchange over a socket come out of, and go
/// into, strings. Certificates are made on the spot.
class TlsSession {
 public:
  explicit TlsSession(const std::string& server_name);
  /// Resumes `before`, which may have early data then.
  TlsSession(const std::string& server_name, TlsSession* before);

  SSL* client() { return client_.get(); }
  SSL* server() { return server_.get(); }

  /// Takes a step of the hand-shake; both return true once they are done.
  bool ClientHandshake() { return SSL_do_handshake(client()) == 1; }
  bool ServerHandshake() { return SSL_do_handshake(server()) == 1; }

  /// Records that wait to be sent.
  std::string FromClient() { return Drain(client()); }
  std::string FromServer() { return Drain(server()); }
  void ToClient(const std::string& records) { Feed(client(), records); }
  void ToServer(const std::string& records) { Feed(server(), records); }

 private:
  template <typename T>
  using Handle = std::shared_ptr<T>;

  void Begin(const std::string& server_name);
  static std::string Drain(SSL* ssl);
  static void Feed(SSL* ssl, const std::string& records);

  Handle<SSL_CTX> client_context_;
  Handle<SSL_CTX> server_context_;
  Handle<SSL> client_;
  Handle<SSL> server_;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_TESTING_TLS_SESSION_H_
