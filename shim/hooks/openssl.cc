// Plaintext inside TLS: meaning only, bytes are counted at the socket.
#include "shim/hooks/openssl.h"

#include <errno.h>

#include <cstring>

#include "shim/hooks/hooks.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

using protocol::Bytes;

constexpr char kWrite[] = "SSL_write";
constexpr char kWriteEx[] = "SSL_write_ex";
constexpr char kRead[] = "SSL_read";
constexpr char kReadEx[] = "SSL_read_ex";

// Runs `report(stream)` with the stream of the session's plaintext.
template <typename Report>
void WithPlaintext(const OpenSsl* functions, SSL* ssl, Report report) {
  if (functions == nullptr || !functions->can_pair() || !shim.meter.open() ||
      functions->SSL_is_server(ssl) != 0) {
    return;
  }
  const OpenSsl& library = *functions;
  Connection::ClientRandom random;
  unsigned char bytes[32];
  if (library.SSL_get_client_random(ssl, bytes, sizeof(bytes)) !=
      sizeof(bytes)) {
    return;
  }
  std::memcpy(random.data(), bytes, sizeof(bytes));
  std::uint8_t depth = 0;
  const auto connection = shim.connections.FindTls(random, &depth);
  if (connection) {
    if (Stream* plaintext = connection->EnsureStream(depth + 1)) {
      report(plaintext);
    }
    return;
  }
  // The hello was not seen leaving, or the table was full: a session that
  // stands on a descriptor of its own is told by that.
  const int fd = library.SSL_get_fd(ssl);
  if (fd < 0) return;
  const auto by_descriptor = shim.connections.Acquire(fd);
  if (!by_descriptor || by_descriptor->has_client_random()) return;
  if (Stream* plaintext = by_descriptor->EnsureStream(1)) report(plaintext);
}

// Before the real call: the records that it sends are then known to be of a
// session whose plaintext is seen.
void Pair(const OpenSsl* library, SSL* ssl) {
  WithPlaintext(library, ssl, [](Stream*) {});
}

void Wrote(const OpenSsl* library, SSL* ssl, const void* buffer,
           std::size_t size) {
  WithPlaintext(library, ssl, [&](Stream* stream) {
    stream->Sent(Bytes(static_cast<const std::uint8_t*>(buffer), size));
  });
}

void Read(const OpenSsl* library, SSL* ssl, const void* buffer,
          std::size_t size) {
  WithPlaintext(library, ssl, [&](Stream* stream) {
    stream->Received(Bytes(static_cast<const std::uint8_t*>(buffer), size));
  });
}

// The real function, typed. Finding it may change errno.
template <typename Function>
Function* Find(const void* caller, const char* name, const OpenSsl** library) {
  const int saved_errno = errno;
  const OpenSslCall call = FindOpenSsl(caller, name);
  errno = saved_errno;
  *library = call.library;
  return reinterpret_cast<Function*>(call.real);
}

}  // namespace

int SSL_write(const void* caller, SSL* ssl, const void* buffer, int size) {
  const OpenSsl* library;
  auto* real = Find<int(SSL*, const void*, int)>(caller, kWrite, &library);
  if (real == nullptr) return -1;
  Pair(library, ssl);
  const int result = real(ssl, buffer, size);
  if (result > 0) {
    Wrote(library, ssl, buffer, static_cast<std::size_t>(result));
  }
  return result;
}

int SSL_write_ex(const void* caller, SSL* ssl, const void* buffer,
                 std::size_t size, std::size_t* written) {
  const OpenSsl* library;
  auto* real = Find<int(SSL*, const void*, std::size_t, std::size_t*)>(
      caller, kWriteEx, &library);
  if (real == nullptr) return 0;
  Pair(library, ssl);
  const int result = real(ssl, buffer, size, written);
  if (result > 0) Wrote(library, ssl, buffer, *written);
  return result;
}

int SSL_read(const void* caller, SSL* ssl, void* buffer, int size) {
  const OpenSsl* library;
  auto* real = Find<int(SSL*, void*, int)>(caller, kRead, &library);
  if (real == nullptr) return -1;
  const int result = real(ssl, buffer, size);
  if (result > 0) {
    Read(library, ssl, buffer, static_cast<std::size_t>(result));
  }
  return result;
}

int SSL_read_ex(const void* caller, SSL* ssl, void* buffer, std::size_t size,
                std::size_t* read_bytes) {
  const OpenSsl* library;
  auto* real = Find<int(SSL*, void*, std::size_t, std::size_t*)>(
      caller, kReadEx, &library);
  if (real == nullptr) return 0;
  const int result = real(ssl, buffer, size, read_bytes);
  if (result > 0) Read(library, ssl, buffer, *read_bytes);
  return result;
}

}  // namespace proxymeter::shim::hooks
