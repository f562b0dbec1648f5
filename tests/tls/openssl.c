// An OpenSSL client of every kind of transport. Arguments: transport, version
// and variant; without, it lists the cases, one a line.
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "certificate.h"
#include "connection.h"

typedef enum { kDescriptor, kSocketBio, kPair, kMemory } Transport;
static const char* const kTransports[] = {"set_fd", "socket_bio", "bio_pair",
                                          "memory_bio"};

typedef struct {
  const char* name;
  int version;  // the only one it exists in, or 0
} Variant;

enum {
  kFresh,
  kEx,
  kPeek,
  kSslBio,
  kCleared,
  kResumed,
  kRetried,
  kKeyUpdate,
  kEarly,
  kEarlyPieces,
  kEarlyRejected,
  kRenegotiated,
  kServerRenegotiates,
  kVariants,
};
static const Variant kVariantTable[kVariants] = {
    [kFresh] = {"fresh", 0},
    [kEx] = {"ex", 0},
    [kPeek] = {"peek", 0},
    [kSslBio] = {"ssl_bio", 0},
    [kCleared] = {"cleared", 0},
    [kResumed] = {"resumed", 0},
    [kRetried] = {"hello_retry", TLS1_3_VERSION},
    [kKeyUpdate] = {"key_update", TLS1_3_VERSION},
    [kEarly] = {"early_data", TLS1_3_VERSION},
    [kEarlyPieces] = {"early_data_in_pieces", TLS1_3_VERSION},
    [kEarlyRejected] = {"early_data_rejected", TLS1_3_VERSION},
    [kRenegotiated] = {"renegotiated", TLS1_2_VERSION},
    [kServerRenegotiates] = {"server_renegotiates", TLS1_2_VERSION},
};

static Transport transport;
static int version;
static int variant;

// ---- The server: sockets of its own, one session after the other.

static SSL_CTX* Context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  CHECK(SSL_CTX_set_min_proto_version(context, version) == 1);
  CHECK(SSL_CTX_set_max_proto_version(context, version) == 1);
  // The client leaves without a word, and may come again all the same.
  SSL_CTX_set_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  return context;
}

// Serves requests of one connection until it ends. `early` bytes of the first
// one have come already.
static void ServeRequests(SSL* ssl, size_t early) {
  char buffer[kRequestSize];
  for (int served = 0;; ++served) {
    size_t size = served == 0 ? early : 0;
    while (size < kRequestSize) {
      const int more = SSL_read(ssl, buffer, (int)(kRequestSize - size));
      if (more <= 0) return;
      size += (size_t)more;
    }
    if (variant == kServerRenegotiates && served == 1) {
      CHECK(SSL_renegotiate(ssl) == 1);
      CHECK(SSL_do_handshake(ssl) == 1);
    }
    CHECK(SSL_write(ssl, kResponse, kResponseSize) == kResponseSize);
  }
}

static size_t ReadEarly(SSL* ssl) {
  char buffer[kRequestSize];
  size_t size = 0;
  for (;;) {
    size_t more = 0;
    const int result = SSL_read_early_data(ssl, buffer, sizeof(buffer), &more);
    CHECK(result != SSL_READ_EARLY_DATA_ERROR);
    size += more;
    if (result == SSL_READ_EARLY_DATA_FINISH) break;
  }
  return size;
}

static int Connections(void) {
  switch (variant) {
    case kCleared:
    case kResumed:
    case kEarly:
    case kEarlyPieces:
    case kEarlyRejected:
      return 2;
    default:
      return 1;
  }
}

static void Serve(int listener) {
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = Context(TLS_server_method());
  GiveCertificate(context);
  CHECK(SSL_CTX_set_session_id_context(context, (const void*)"x", 1) == 1);
  if (variant == kRetried) {
    CHECK(SSL_CTX_set1_groups_list(context, "P-384") == 1);
  }
  const int early = variant == kEarly || variant == kEarlyPieces;
  if (early || variant == kEarlyRejected) {
    SSL_CTX_set_max_early_data(context, 16384);
    SSL_CTX_set_options(context, SSL_OP_NO_ANTI_REPLAY);
  }
  for (int i = 0; i < Connections(); ++i) {
    const int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    SendAtOnce(fd);
    if (variant == kEarlyRejected && i == 1) {
      SSL_CTX_set_max_early_data(context, 0);
    }
    SSL* ssl = SSL_new(context);
    CHECK(SSL_set_fd(ssl, fd) == 1);
    SSL_set_accept_state(ssl);
    const size_t size = early ? ReadEarly(ssl) : 0;
    if (early && i == 1) CHECK(size == kRequestSize);
    CHECK(SSL_do_handshake(ssl) == 1);
    ServeRequests(ssl, size);
    SSL_free(ssl);
    close(fd);
  }
}

// ---- The client.

static int connection;
static BIO* network;  // the far end of a pair

static void Attach(SSL* ssl) {
  connection = ConnectToServer();
  BIO* inner = NULL;
  switch (transport) {
    case kDescriptor:
      CHECK(SSL_set_fd(ssl, connection) == 1);
      return;
    case kSocketBio:
      inner = BIO_new_socket(connection, BIO_NOCLOSE);
      SSL_set_bio(ssl, inner, inner);
      return;
    case kPair:
      CHECK(BIO_new_bio_pair(&inner, 0, &network, 0) == 1);
      SSL_set_bio(ssl, inner, inner);
      return;
    case kMemory:
      SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
      return;
  }
}

static void Detach(SSL* ssl) {
  SSL_set_quiet_shutdown(ssl, 1);
  SSL_shutdown(ssl);
  CloseAndCount(connection);
  if (transport == kPair) BIO_free(network);
}

// Sends what the library has put out, if it does not do so itself.
static void Flush(SSL* ssl) {
  if (transport != kPair && transport != kMemory) return;
  BIO* out = transport == kPair ? network : SSL_get_wbio(ssl);
  char buffer[4096];
  for (;;) {
    const int size = BIO_read(out, buffer, sizeof(buffer));
    if (size <= 0) return;
    CHECK(send(connection, buffer, (size_t)size, 0) == size);
  }
}

static void Fill(SSL* ssl) {
  BIO* in = transport == kPair ? network : SSL_get_rbio(ssl);
  char buffer[4096];
  const ssize_t size = recv(connection, buffer, sizeof(buffer), 0);
  CHECK(size > 0);
  CHECK(BIO_write(in, buffer, (int)size) == size);
}

// After each call of the library: true when it has to be repeated.
static int Again(SSL* ssl, int result) {
  const int error = SSL_get_error(ssl, result);
  Flush(ssl);
  if (result > 0) return 0;
  CHECK(error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE);
  if (error == SSL_ERROR_WANT_READ) Fill(ssl);
  return 1;
}

static void Handshake(SSL* ssl) {
  while (Again(ssl, SSL_do_handshake(ssl))) {
  }
}

static void Write(SSL* ssl) {
  size_t written = kRequestSize;
  int result;
  do {
    result = variant == kEx
                 ? SSL_write_ex(ssl, kRequest, kRequestSize, &written)
                 : SSL_write(ssl, kRequest, kRequestSize);
  } while (Again(ssl, result));
  CHECK(written == kRequestSize);
  ++total_requests;
}

static void Read(SSL* ssl) {
  char buffer[kResponseSize + 1];
  if (variant == kPeek) {
    for (int i = 0; i < 2; ++i) {
      while (Again(ssl, SSL_peek(ssl, buffer, sizeof(buffer)))) {
      }
    }
  }
  size_t size = 0;
  int result;
  do {
    result = variant == kEx ? SSL_read_ex(ssl, buffer, sizeof(buffer), &size)
                            : SSL_read(ssl, buffer, sizeof(buffer));
  } while (Again(ssl, result));
  if (variant != kEx) size = (size_t)result;
  CHECK(size == kResponseSize && memcmp(buffer, kResponse, size) == 0);
}

// By functions inside the library that have no name: not seen, and said so; but
// the two take turns.
static void SslBioExchange(SSL* ssl) {
  BIO* bio = BIO_new(BIO_f_ssl());
  BIO_set_ssl(bio, ssl, BIO_NOCLOSE);
  while (Again(ssl, BIO_write(bio, kRequest, kRequestSize))) {
  }
  char buffer[kResponseSize + 1];
  int size;
  do {
    size = BIO_read(bio, buffer, sizeof(buffer));
  } while (Again(ssl, size));
  CHECK(size == kResponseSize);
  BIO_free(bio);
  ++total_inferred;
}

static void Exchange(SSL* ssl) {
  if (variant == kSslBio) {
    SslBioExchange(ssl);
    return;
  }
  Write(ssl);
  Read(ssl);
}

static void SendEarly(SSL* ssl, size_t pieces) {
  size_t done = 0;
  for (size_t i = 1; i <= pieces; ++i) {
    const size_t end = kRequestSize * i / pieces;
    size_t written = 0;
    while (Again(ssl, SSL_write_early_data(ssl, kRequest + done, end - done,
                                           &written))) {
    }
    CHECK(written == end - done);
    done = end;
  }
}

static void SecondConnection(SSL_CTX* context, SSL* first) {
  SSL* ssl = SSL_new(context);
  SSL_SESSION* session = SSL_get1_session(first);
  CHECK(SSL_set_session(ssl, session) == 1);
  SSL_SESSION_free(session);
  SSL_set_tlsext_host_name(ssl, "shop.test");
  Attach(ssl);
  SSL_set_connect_state(ssl);
  if (variant == kResumed) {
    Handshake(ssl);
  } else {
    SendEarly(ssl, variant == kEarlyPieces ? 3 : 1);
    Handshake(ssl);
    if (variant == kEarlyRejected) {
      CHECK(SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_REJECTED);
      Write(ssl);
    } else {
      CHECK(SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED);
      ++total_requests;
    }
    Read(ssl);
  }
  CHECK(SSL_session_reused(ssl));
  Exchange(ssl);
  Detach(ssl);
  SSL_free(ssl);
}

static void Crawl(void) {
  SSL_CTX* context = Context(TLS_client_method());
  if (variant == kRetried) {
    CHECK(SSL_CTX_set1_groups_list(context, "X25519:P-384") == 1);
  }
  SSL* ssl = SSL_new(context);
  SSL_set_tlsext_host_name(ssl, "shop.test");
  Attach(ssl);
  SSL_set_connect_state(ssl);
  // The first write makes the hand-shake where nobody has.
  if (variant != kEx) Handshake(ssl);
  if (variant == kSslBio) ++total_unpaired;
  Exchange(ssl);
  unsigned char before[32];
  unsigned char after[32];
  SSL_get_client_random(ssl, before, sizeof(before));
  if (variant == kKeyUpdate) {
    CHECK(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1);
  }
  if (variant == kRenegotiated) {
    CHECK(SSL_renegotiate(ssl) == 1);
    Handshake(ssl);
  }
  Exchange(ssl);
  Exchange(ssl);
  SSL_get_client_random(ssl, after, sizeof(after));
  if (variant == kRenegotiated || variant == kServerRenegotiates) {
    CHECK(memcmp(before, after, sizeof(before)) != 0);
  }
  Detach(ssl);
  if (variant == kCleared) {
    CHECK(SSL_clear(ssl) == 1);
    Attach(ssl);
    SSL_set_connect_state(ssl);
    Handshake(ssl);
    Exchange(ssl);
    Detach(ssl);
  } else if (Connections() == 2) {
    SecondConnection(context, ssl);
  }
  SSL_free(ssl);
  SSL_CTX_free(context);
}

static int Exists(int each_version, int each_variant) {
  const int only = kVariantTable[each_variant].version;
  return only == 0 || only == each_version;
}

int main(int argc, char** argv) {
  if (argc == 1) {
    for (int t = 0; t < 4; ++t) {
      for (int minor = 2; minor <= 3; ++minor) {
        for (int v = 0; v < kVariants; ++v) {
          if (Exists(0x0301 + minor, v)) {
            printf("%s 1.%d %s\n", kTransports[t], minor,
                   kVariantTable[v].name);
          }
        }
      }
    }
    return 0;
  }
  CHECK(argc == 4);
  while (strcmp(argv[1], kTransports[transport]) != 0) CHECK(++transport < 4);
  version = strcmp(argv[2], "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
  while (strcmp(argv[3], kVariantTable[variant].name) != 0) {
    CHECK(++variant < kVariants);
  }
  StartServer(Serve);
  Crawl();
  Finish();
  return 0;
}
