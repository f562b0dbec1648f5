// A GnuTLS client of every kind of transport. Arguments: transport, version and
// variant; without, it lists the cases, one a line.
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/mman.h>
#include <time.h>

#include "connection.h"

typedef enum { kDescriptor, kFunctions, kMemory } Transport;
static const char* const kTransports[] = {"set_int", "push_pull", "memory"};

typedef struct {
  const char* name;
  int minor;  // of the only version it exists in, or 0
} Variant;

enum {
  kFresh,
  kSend2,
  kCorked,
  kRange,
  kFile,
  kResumed,
  kRetried,
  kKeyUpdate,
  kEarly,
  kEarlyRejected,
  kRehandshake,
  kVariants,
};
static const Variant kVariantTable[kVariants] = {
    [kFresh] = {"fresh", 0},
    [kSend2] = {"send2_recv_seq", 0},
    [kCorked] = {"corked", 0},
    [kRange] = {"range_recv_packet", 3},
    [kFile] = {"send_file", 0},
    [kResumed] = {"resumed", 0},
    [kRetried] = {"hello_retry", 3},
    [kKeyUpdate] = {"key_update", 3},
    [kEarly] = {"early_data", 3},
    [kEarlyRejected] = {"early_data_rejected", 3},
    [kRehandshake] = {"rehandshake", 2},
};

static const char kUpload[] =
    "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 4\r\n\r\n";
static const char kBody[] = "body";
enum { kUploadSize = sizeof(kUpload) - 1, kBodySize = sizeof(kBody) - 1 };

static Transport transport;
static int minor_version;
static int variant;

static void Prioritise(gnutls_session_t session, const char* more) {
  char priority[128];
  snprintf(priority, sizeof(priority), "NORMAL:-VERS-ALL:+VERS-TLS1.%d%s",
           minor_version, more);
  CHECK(gnutls_priority_set_direct(session, priority, NULL) == 0);
}

// ---- The server: sockets of its own, one session after the other.

static gnutls_certificate_credentials_t Certificate(void) {
  gnutls_certificate_credentials_t credentials;
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t certificate;
  CHECK(gnutls_certificate_allocate_credentials(&credentials) == 0);
  CHECK(gnutls_x509_privkey_init(&key) == 0);
  CHECK(gnutls_x509_privkey_generate(
            key, GNUTLS_PK_ECDSA,
            GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
  CHECK(gnutls_x509_crt_init(&certificate) == 0);
  CHECK(gnutls_x509_crt_set_version(certificate, 3) == 0);
  CHECK(gnutls_x509_crt_set_serial(certificate, "1", 1) == 0);
  CHECK(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 60) == 0);
  CHECK(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600) ==
        0);
  CHECK(gnutls_x509_crt_set_key(certificate, key) == 0);
  CHECK(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256,
                              0) == 0);
  CHECK(gnutls_certificate_set_x509_key(credentials, &certificate, 1, key) ==
        0);
  return credentials;
}

// Early data makes it return in between, on a socket that blocks.
static void ServerHandshake(gnutls_session_t session) {
  int result;
  do {
    result = gnutls_handshake(session);
  } while (result == GNUTLS_E_AGAIN);
  CHECK(result == 0);
}

// The request of one connection after the other, until it ends; `early` bytes
// of the first have come already.
static void ServeRequests(gnutls_session_t session, size_t early) {
  const size_t whole =
      variant == kFile ? kUploadSize + kBodySize : (size_t)kRequestSize;
  char buffer[256];
  for (int served = 0;; ++served) {
    size_t size = served == 0 ? early : 0;
    while (size < whole) {
      const ssize_t more = gnutls_record_recv(session, buffer, whole - size);
      if (more == GNUTLS_E_REHANDSHAKE) {
        ServerHandshake(session);
        continue;
      }
      if (more == GNUTLS_E_AGAIN || more == GNUTLS_E_INTERRUPTED) continue;
      if (more <= 0) return;
      size += (size_t)more;
    }
    CHECK(gnutls_record_send(session, kResponse, kResponseSize) ==
          kResponseSize);
  }
}

static int Connections(void) {
  return variant == kResumed || variant == kEarly || variant == kEarlyRejected
             ? 2
             : 1;
}

static int NeverSeen(void* data, time_t expires, const gnutls_datum_t* key,
                     const gnutls_datum_t* value) {
  (void)data, (void)expires, (void)key, (void)value;
  return 0;
}

static void Serve(int listener) {
  signal(SIGPIPE, SIG_IGN);
  gnutls_certificate_credentials_t credentials = Certificate();
  gnutls_datum_t ticket_key;
  gnutls_anti_replay_t anti_replay;
  CHECK(gnutls_session_ticket_key_generate(&ticket_key) == 0);
  CHECK(gnutls_anti_replay_init(&anti_replay) == 0);
  gnutls_anti_replay_set_add_function(anti_replay, NeverSeen);
  for (int i = 0; i < Connections(); ++i) {
    const int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    SendAtOnce(fd);
    const int early =
        variant == kEarly || (variant == kEarlyRejected && i == 0);
    gnutls_session_t session;
    CHECK(gnutls_init(&session,
                      GNUTLS_SERVER | (early ? GNUTLS_ENABLE_EARLY_DATA : 0)) ==
          0);
    Prioritise(session,
               variant == kRetried ? ":-GROUP-ALL:+GROUP-SECP384R1" : "");
    CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
                                 credentials) == 0);
    CHECK(gnutls_session_ticket_enable_server(session, &ticket_key) == 0);
    if (early) {
      gnutls_anti_replay_enable(session, anti_replay);
      CHECK(gnutls_record_set_max_early_data_size(session, 16384) == 0);
    }
    gnutls_transport_set_int(session, fd);
    ServerHandshake(session);
    char buffer[256];
    ssize_t size = early && i == 1 ? gnutls_record_recv_early_data(
                                         session, buffer, sizeof(buffer))
                                   : 0;
    CHECK(size == (early && i == 1 ? kRequestSize : 0));
    ServeRequests(session, (size_t)size);
    gnutls_deinit(session);
    close(fd);
  }
}

// ---- The client.

static int connection;
static struct {
  char out[65536];
  char in[65536];
  size_t out_size;
  size_t in_size;
} memory;

static ssize_t Push(gnutls_transport_ptr_t data, const void* buffer,
                    size_t size) {
  CHECK(data == &memory);
  if (transport == kFunctions) return send(connection, buffer, size, 0);
  CHECK(memory.out_size + size <= sizeof(memory.out));
  memcpy(memory.out + memory.out_size, buffer, size);
  memory.out_size += size;
  return (ssize_t)size;
}

static ssize_t Pull(gnutls_transport_ptr_t data, void* buffer, size_t size) {
  CHECK(data == &memory);
  if (transport == kFunctions) return recv(connection, buffer, size, 0);
  if (memory.in_size == 0) {
    errno = EAGAIN;
    return -1;
  }
  if (size > memory.in_size) size = memory.in_size;
  memcpy(buffer, memory.in, size);
  memory.in_size -= size;
  memmove(memory.in, memory.in + size, memory.in_size);
  return (ssize_t)size;
}

static int AlwaysReady(gnutls_transport_ptr_t data, unsigned int milliseconds) {
  (void)data, (void)milliseconds;
  return 1;
}

static gnutls_session_t Open(gnutls_certificate_credentials_t credentials) {
  connection = ConnectToServer();
  gnutls_session_t session;
  CHECK(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_KEY_SHARE_TOP) == 0);
  Prioritise(session, variant == kRetried
                          ? ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP384R1"
                          : "");
  CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) ==
        0);
  CHECK(gnutls_server_name_set(session, GNUTLS_NAME_DNS, "shop.test", 9) == 0);
  if (transport == kDescriptor) {
    gnutls_transport_set_int(session, connection);
  } else {
    gnutls_transport_set_ptr(session, &memory);
    gnutls_transport_set_push_function(session, Push);
    gnutls_transport_set_pull_function(session, Pull);
    gnutls_transport_set_pull_timeout_function(session, AlwaysReady);
  }
  return session;
}

static void Close(gnutls_session_t session) {
  gnutls_deinit(session);
  CloseAndCount(connection);
  memory.in_size = 0;
  memory.out_size = 0;
}

static void Flush(void) {
  if (memory.out_size == 0) return;
  CHECK(send(connection, memory.out, memory.out_size, 0) ==
        (ssize_t)memory.out_size);
  memory.out_size = 0;
}

// After each call of the library: true when it has to be repeated.
static int Again(ssize_t result) {
  Flush();
  if (result >= 0) return 0;
  CHECK(result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED);
  if (transport == kMemory && memory.in_size == 0) {
    const ssize_t size = recv(connection, memory.in, sizeof(memory.in), 0);
    CHECK(size > 0);
    memory.in_size = (size_t)size;
  }
  return 1;
}

static void Handshake(gnutls_session_t session) {
  while (Again(gnutls_handshake(session))) {
  }
}

static void Upload(gnutls_session_t session) {
  const int file = memfd_create("body", 0);
  CHECK(write(file, kBody, kBodySize) == kBodySize);
  CHECK(lseek(file, 0, SEEK_SET) == 0);
  off_t offset = 0;
  CHECK(gnutls_record_send(session, kUpload, kUploadSize) == kUploadSize);
  CHECK(gnutls_record_send_file(session, file, &offset, kBodySize) ==
        kBodySize);
  close(file);
}

static void Write(gnutls_session_t session) {
  ssize_t size = kRequestSize;
  const gnutls_range_st range = {kRequestSize, kRequestSize + 100};
  switch (variant) {
    case kSend2:
      size = gnutls_record_send2(session, kRequest, kRequestSize, 0, 0);
      break;
    case kCorked:
      gnutls_record_cork(session);
      CHECK(gnutls_record_send(session, kRequest, 10) == 10);
      CHECK(gnutls_record_send(session, kRequest + 10, kRequestSize - 10) ==
            kRequestSize - 10);
      size = gnutls_record_uncork(session, GNUTLS_RECORD_WAIT);
      break;
    case kRange:
      size = gnutls_record_send_range(session, kRequest, kRequestSize, &range);
      break;
    case kFile:
      Upload(session);
      break;
    default:
      size = gnutls_record_send(session, kRequest, kRequestSize);
  }
  CHECK(size == kRequestSize);
  Flush();
  ++total_requests;
}

static void Read(gnutls_session_t session) {
  char buffer[kResponseSize + 1];
  unsigned char sequence[8];
  gnutls_packet_t packet = NULL;
  ssize_t size;
  do {
    if (variant == kSend2) {
      size = gnutls_record_recv_seq(session, buffer, sizeof(buffer), sequence);
    } else if (variant == kRange) {
      size = gnutls_record_recv_packet(session, &packet);
    } else {
      size = gnutls_record_recv(session, buffer, sizeof(buffer));
    }
  } while (Again(size));
  CHECK(size == kResponseSize);
  if (variant == kRange) {
    gnutls_datum_t content;
    gnutls_packet_get(packet, &content, NULL);
    CHECK(content.size == kResponseSize);
    memcpy(buffer, content.data, content.size);
    gnutls_packet_deinit(packet);
  }
  CHECK(memcmp(buffer, kResponse, kResponseSize) == 0);
}

static void Exchange(gnutls_session_t session) {
  Write(session);
  Read(session);
}

static void SecondConnection(gnutls_certificate_credentials_t credentials,
                             const gnutls_datum_t* data) {
  gnutls_session_t session = Open(credentials);
  CHECK(gnutls_session_set_data(session, data->data, data->size) == 0);
  const int early = variant != kResumed;
  if (early) {
    CHECK(gnutls_record_send_early_data(session, kRequest, 10) == 0);
    CHECK(gnutls_record_send_early_data(session, kRequest + 10,
                                        kRequestSize - 10) == 0);
  }
  Handshake(session);
  const int accepted =
      (gnutls_session_get_flags(session) & GNUTLS_SFLAGS_EARLY_DATA) != 0;
  CHECK(accepted == (variant == kEarly));
  CHECK(gnutls_session_is_resumed(session));
  if (accepted) {
    ++total_requests;
    Read(session);
  }
  Exchange(session);
  Close(session);
}

static void Crawl(void) {
  gnutls_certificate_credentials_t credentials;
  CHECK(gnutls_certificate_allocate_credentials(&credentials) == 0);
  gnutls_session_t session = Open(credentials);
  Handshake(session);
  Exchange(session);
  if (variant == kKeyUpdate) {
    CHECK(gnutls_session_key_update(session, GNUTLS_KU_PEER) == 0);
  }
  if (variant == kRehandshake) Handshake(session);
  Exchange(session);
  Exchange(session);
  gnutls_datum_t data = {NULL, 0};
  if (Connections() == 2) {
    CHECK(gnutls_session_get_data2(session, &data) == 0);
  }
  Close(session);
  if (Connections() == 2) {
    SecondConnection(credentials, &data);
    gnutls_free(data.data);
  }
  gnutls_certificate_free_credentials(credentials);
}

static int Exists(int minor, int each_variant) {
  const int only = kVariantTable[each_variant].minor;
  return only == 0 || only == minor;
}

int main(int argc, char** argv) {
  if (argc == 1) {
    for (int t = 0; t < 3; ++t) {
      for (int minor = 2; minor <= 3; ++minor) {
        for (int v = 0; v < kVariants; ++v) {
          if (Exists(minor, v)) {
            printf("%s 1.%d %s\n", kTransports[t], minor,
                   kVariantTable[v].name);
          }
        }
      }
    }
    return 0;
  }
  CHECK(argc == 4);
  while (strcmp(argv[1], kTransports[transport]) != 0) CHECK(++transport < 3);
  minor_version = strcmp(argv[2], "1.2") == 0 ? 2 : 3;
  while (strcmp(argv[3], kVariantTable[variant].name) != 0) {
    CHECK(++variant < kVariants);
  }
  StartServer(Serve);
  Crawl();
  Finish();
  return 0;
}
