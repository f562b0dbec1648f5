#include "shim/hooks/openssl.h"

#include "shim/hooks/early_data.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/tls_plaintext.h"

namespace proxymeter::shim {
namespace {

constinit TlsLibraries<OpenSsl> libraries;

}  // namespace

void OpenSsl::Bind(const void* beside) {
  BindBeside("SSL_get_client_random", beside, &SSL_get_client_random);
  BindBeside("SSL_is_server", beside, &SSL_is_server);
  BindBeside("SSL_get_fd", beside, &SSL_get_fd);
  BindBeside("SSL_is_init_finished", beside, &SSL_is_init_finished);
  BindBeside("SSL_get_early_data_status", beside, &SSL_get_early_data_status);
}

OpenSslCall FindOpenSsl(const void* caller, const char* intercepted) {
  return libraries.Find(caller, intercepted);
}

namespace hooks {
namespace {

using protocol::Bytes;
using ClientRandom = Connection::ClientRandom;

constexpr int kEarlyDataAccepted = 2;  // SSL_EARLY_DATA_ACCEPTED

constexpr char kWrite[] = "SSL_write";
constexpr char kWriteEx[] = "SSL_write_ex";
constexpr char kWriteEarlyData[] = "SSL_write_early_data";
constexpr char kSendfile[] = "SSL_sendfile";
constexpr char kRead[] = "SSL_read";
constexpr char kReadEx[] = "SSL_read_ex";
constexpr char kDoHandshake[] = "SSL_do_handshake";

Bytes View(const void* buffer, std::size_t size) {
  return {static_cast<const std::uint8_t*>(buffer), size};
}

struct Session {
  const OpenSsl* library;
  SSL* ssl;

  bool Random(ClientRandom* random) const {
    if (library == nullptr || !library->can_pair() ||
        library->SSL_is_server(ssl) != 0) {
      return false;
    }
    auto* bytes = reinterpret_cast<unsigned char*>(random->data());
    return library->SSL_get_client_random(ssl, bytes, sizeof(*random)) ==
           sizeof(*random);
  }
  bool InHandshake() const {
    return library->SSL_is_init_finished == nullptr ||
           library->SSL_is_init_finished(ssl) == 0;
  }
  int Descriptor() const { return library->SSL_get_fd(ssl); }
  // Data goes out before the hand-shake has ended only as early data.
  bool IsEarly() const {
    return library->has_early_data() && library->SSL_is_init_finished(ssl) == 0;
  }
};

void KeepEarlyData(const ClientRandom& random, Bytes data) {
  if (!early_data.Keep(random, data)) shim.meter.Count(kTlsUnpaired);
}

// Gives early data to its stream once the hand-shake has told its fate.
[[gnu::noinline]] void SettleEarlyData(const Session& session,
                                       const ClientRandom& random) {
  if (session.IsEarly()) return;
  const bool accepted = session.library->has_early_data() &&
                        session.library->SSL_get_early_data_status(
                            session.ssl) == kEarlyDataAccepted;
  early_data.Take(random, [&](Bytes data, std::size_t rest) {
    if (!accepted) return;
    WithPlaintext(session, random, [&](Stream* plaintext) {
      plaintext->Sent(data);
      if (rest != 0) plaintext->SentUnseen(rest);
    });
  });
}

// As Follow, of any call that may move the hand-shake on.
[[gnu::always_inline]] inline bool FollowAndSettle(const Session& session,
                                                   const TlsMark& mark,
                                                   ClientRandom* random) {
  if (!Follow(session, mark, random)) return false;
  if (early_data.any()) [[unlikely]]
    SettleEarlyData(session, *random);
  return true;
}

// The two take `success` as well: a failed call may have renegotiated.

void Wrote(const Session& session, const TlsMark& mark, bool success,
           const void* buffer, std::size_t size) {
  ClientRandom random;
  if (!FollowAndSettle(session, mark, &random) || !success) return;
  if (session.IsEarly()) {
    KeepEarlyData(random, View(buffer, size));
    return;
  }
  ReportPlaintextSent(session, mark, random, View(buffer, size));
}

void Read(const Session& session, const TlsMark& mark, bool success,
          const void* buffer, std::size_t size) {
  ClientRandom random;
  if (!FollowAndSettle(session, mark, &random) || !success) return;
  ReportPlaintextReceived(session, mark, random, View(buffer, size));
}

// The real function, typed.
template <typename Function>
[[gnu::always_inline]] inline Function* Find(const void* caller,
                                             const char* name,
                                             Session* session) {
  const OpenSslCall call = libraries.Find(caller, name);
  session->library = call.library;
  return reinterpret_cast<Function*>(call.real);
}

}  // namespace

int SSL_write(const void* caller, SSL* ssl, const void* buffer, int size) {
  Session session = {nullptr, ssl};
  auto* real = Find<int(SSL*, const void*, int)>(caller, kWrite, &session);
  if (real == nullptr) return -1;
  const TlsMark mark = Mark(session);
  const int result = real(ssl, buffer, size);
  Wrote(session, mark, result > 0, buffer, static_cast<std::size_t>(result));
  return result;
}

int SSL_write_ex(const void* caller, SSL* ssl, const void* buffer,
                 std::size_t size, std::size_t* written) {
  Session session = {nullptr, ssl};
  auto* real = Find<int(SSL*, const void*, std::size_t, std::size_t*)>(
      caller, kWriteEx, &session);
  if (real == nullptr) return 0;
  const TlsMark mark = Mark(session);
  const int result = real(ssl, buffer, size, written);
  Wrote(session, mark, result > 0, buffer, result > 0 ? *written : 0);
  return result;
}

int SSL_write_early_data(const void* caller, SSL* ssl, const void* buffer,
                         std::size_t size, std::size_t* written) {
  Session session = {nullptr, ssl};
  auto* real = Find<int(SSL*, const void*, std::size_t, std::size_t*)>(
      caller, kWriteEarlyData, &session);
  if (real == nullptr) return 0;
  const TlsMark mark = Mark(session);
  const std::uint64_t before = early_data.Size(mark.random);
  const int result = real(ssl, buffer, size, written);
  ClientRandom random;
  if (!Follow(session, mark, &random) || result <= 0) return result;
  // It may have called SSL_write_ex, by a name that leads here.
  if (early_data.Size(random) == (random == mark.random ? before : 0)) {
    KeepEarlyData(random, View(buffer, *written));
  }
  WithPlaintext(session, random, [](Stream*) {});
  return result;
}

ssize_t SSL_sendfile(const void* caller, SSL* ssl, int fd, off_t offset,
                     std::size_t size, int flags) {
  Session session = {nullptr, ssl};
  auto* real = Find<ssize_t(SSL*, int, off_t, std::size_t, int)>(
      caller, kSendfile, &session);
  if (real == nullptr) return -1;
  const TlsMark mark = Mark(session);
  const ssize_t result = real(ssl, fd, offset, size, flags);
  ClientRandom random;
  if (FollowAndSettle(session, mark, &random) && result > 0) {
    ReportPlaintextSentUnseen(session, mark, random,
                              static_cast<std::size_t>(result));
  }
  return result;
}

int SSL_read(const void* caller, SSL* ssl, void* buffer, int size) {
  Session session = {nullptr, ssl};
  auto* real = Find<int(SSL*, void*, int)>(caller, kRead, &session);
  if (real == nullptr) return -1;
  const TlsMark mark = MarkRead(session);
  const int result = real(ssl, buffer, size);
  Read(session, mark, result > 0, buffer, static_cast<std::size_t>(result));
  return result;
}

int SSL_read_ex(const void* caller, SSL* ssl, void* buffer, std::size_t size,
                std::size_t* read_bytes) {
  Session session = {nullptr, ssl};
  auto* real = Find<int(SSL*, void*, std::size_t, std::size_t*)>(
      caller, kReadEx, &session);
  if (real == nullptr) return 0;
  const TlsMark mark = MarkRead(session);
  const int result = real(ssl, buffer, size, read_bytes);
  Read(session, mark, result > 0, buffer, result > 0 ? *read_bytes : 0);
  return result;
}

int SSL_do_handshake(const void* caller, SSL* ssl) {
  Session session = {nullptr, ssl};
  auto* real = Find<int(SSL*)>(caller, kDoHandshake, &session);
  if (real == nullptr) return -1;
  const TlsMark mark = MarkHandshake(session);
  const int result = real(ssl);
  ClientRandom random;
  FollowAndSettle(session, mark, &random);
  return result;
}

}  // namespace hooks
}  // namespace proxymeter::shim
