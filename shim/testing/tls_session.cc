#include "shim/testing/tls_session.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

namespace proxymeter::shim {
namespace {

// A key and a certificate that signs itself; the client does not check it.
void GiveCertificate(SSL_CTX* context) {
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"),
                                                           EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(),
                                                           X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  SSL_CTX_use_certificate(context, certificate.get());
  SSL_CTX_use_PrivateKey(context, key.get());
}

}  // namespace

TlsSession::TlsSession(const std::string& server_name)
    : client_context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      server_context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
  GiveCertificate(server_context_.get());
  SSL_CTX_set_max_early_data(server_context_.get(), 16384);
  SSL_CTX_set_options(server_context_.get(), SSL_OP_NO_ANTI_REPLAY);
  Begin(server_name);
}

TlsSession::TlsSession(const std::string& server_name, TlsSession* before)
    : client_context_(before->client_context_),
      server_context_(before->server_context_) {
  Begin(server_name);
  const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session(
      SSL_get1_session(before->client()), SSL_SESSION_free);
  SSL_set_session(client(), session.get());
}

void TlsSession::Begin(const std::string& server_name) {
  client_.reset(SSL_new(client_context_.get()), SSL_free);
  server_.reset(SSL_new(server_context_.get()), SSL_free);
  for (SSL* ssl : {client(), server()}) {
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  }
  SSL_set_tlsext_host_name(client(), server_name.c_str());
  SSL_set_connect_state(client());
  SSL_set_accept_state(server());
}

std::string TlsSession::Drain(SSL* ssl) {
  std::string records(BIO_ctrl_pending(SSL_get_wbio(ssl)), '\0');
  BIO_read(SSL_get_wbio(ssl), records.data(), static_cast<int>(records.size()));
  return records;
}

void TlsSession::Feed(SSL* ssl, const std::string& records) {
  BIO_write(SSL_get_rbio(ssl), records.data(),
            static_cast<int>(records.size()));
}

}  // namespace proxymeter::shim
