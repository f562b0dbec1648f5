#include "shim/hooks/gnutls.h"

#include <cstring>

#include "shim/hooks/early_data.h"
#include "shim/hooks/hooks.h"
#include "shim/hooks/tls_plaintext.h"

namespace proxymeter::shim {
namespace {

constinit TlsLibraries<GnuTls> libraries;

}  // namespace

void GnuTls::Bind(const void* beside) {
  BindBeside("gnutls_session_get_random", beside, &gnutls_session_get_random);
  BindBeside("gnutls_transport_get_int", beside, &gnutls_transport_get_int);
  BindBeside("gnutls_server_name_get", beside, &gnutls_server_name_get);
  BindBeside("gnutls_packet_get", beside, &gnutls_packet_get);
  BindBeside("gnutls_record_check_corked", beside, &gnutls_record_check_corked);
  BindBeside("gnutls_record_send2", beside, &gnutls_record_send2);
  BindBeside("gnutls_session_get_flags", beside, &gnutls_session_get_flags);
}

GnuTlsCall FindGnuTls(const void* caller, const char* intercepted) {
  return libraries.Find(caller, intercepted);
}

namespace hooks {
namespace {

using protocol::Bytes;
using ClientRandom = Connection::ClientRandom;

// Of <gnutls/gnutls.h>.
constexpr int kInvalidRequest = -50;
constexpr int kInternalError = -59;
constexpr unsigned int kEarlyDataAccepted = 1 << 10;

constexpr char kHandshake[] = "gnutls_handshake";
constexpr char kDeinit[] = "gnutls_deinit";
constexpr char kSend[] = "gnutls_record_send";
constexpr char kSend2[] = "gnutls_record_send2";
constexpr char kSendRange[] = "gnutls_record_send_range";
constexpr char kSendFile[] = "gnutls_record_send_file";
constexpr char kSendEarlyData[] = "gnutls_record_send_early_data";
constexpr char kReceive[] = "gnutls_record_recv";
constexpr char kReceiveSeq[] = "gnutls_record_recv_seq";
constexpr char kReceivePacket[] = "gnutls_record_recv_packet";

struct Session {
  const GnuTls* library;
  gnutls_session_int* session;

  bool Random(ClientRandom* random) const {
    if (library == nullptr || !library->can_pair() || IsServer()) return false;
    GnuTlsDatum client = {};
    GnuTlsDatum server = {};
    library->gnutls_session_get_random(session, &client, &server);
    if (client.data == nullptr || client.size != sizeof(*random)) return false;
    std::memcpy(random->data(), client.data, client.size);
    return true;
  }
  bool InHandshake() const { return true; }  // it does not tell
  int Descriptor() const { return library->gnutls_transport_get_int(session); }
  std::size_t corked() const {
    return library != nullptr && library->gnutls_record_check_corked != nullptr
               ? library->gnutls_record_check_corked(session)
               : 0;
  }
  // There is no random yet when early data is given.
  EarlyData::Key early_key() const {
    return {reinterpret_cast<std::uintptr_t>(session), 0, 0, 0};
  }

 private:
  // No function tells it by name: this one refuses a client before anything
  // else, and a server has no name of that index.
  bool IsServer() const {
    unsigned char name;
    std::size_t length = sizeof(name);
    unsigned int type = 0;
    return library->gnutls_server_name_get(session, &name, &length, &type, 1) !=
           kInvalidRequest;
  }
};

// The real function, typed.
template <typename Function>
[[gnu::always_inline]] inline Function* Find(const void* caller,
                                             const char* name,
                                             Session* session) {
  const GnuTlsCall call = libraries.Find(caller, name);
  session->library = call.library;
  return reinterpret_cast<Function*>(call.real);
}

// Makes the call `send()` and reports what it has sent of `buffer`.
template <typename Send>
ssize_t SendPlaintext(const Session& session, const void* buffer,
                      std::size_t size, Send send) {
  const TlsMark mark = Mark(session);
  const std::size_t corked = session.corked();
  const ssize_t result = send();
  ClientRandom random;
  if (!Follow(session, mark, &random) || result <= 0) return result;
  // gnutls_record_uncork sends, by this very function, what was reported when
  // it was put into the cork; gnutls_handshake so sends early data.
  if ((corked != 0 && session.corked() <= corked) ||
      early_data.Size(session.early_key()) != 0) {
    return result;
  }
  const auto sent = static_cast<std::size_t>(result);
  if (buffer == nullptr || sent > size) {
    // The rest of a call that would have waited, asked for without its buffer.
    ReportPlaintextSentUnseen(session, mark, random, sent);
  } else {
    ReportPlaintextSent(session, mark, random,
                        Bytes(static_cast<const std::uint8_t*>(buffer), sent));
  }
  return result;
}

void Received(const Session& session, const TlsMark& mark, ssize_t result,
              const void* buffer) {
  ClientRandom random;
  if (!Follow(session, mark, &random) || result <= 0) return;
  ReportPlaintextReceived(session, mark, random,
                          Bytes(static_cast<const std::uint8_t*>(buffer),
                                static_cast<std::size_t>(result)));
}

// Gives early data to its stream if the server has accepted it.
void SettleEarlyData(const Session& session, const ClientRandom& random) {
  const auto flags = session.library->gnutls_session_get_flags;
  const bool accepted =
      flags != nullptr && (flags(session.session) & kEarlyDataAccepted) != 0;
  early_data.Take(session.early_key(), [&](Bytes data, std::size_t rest) {
    if (!accepted) return;
    WithPlaintext(session, random, [&](Stream* plaintext) {
      plaintext->Sent(data);
      if (rest != 0) plaintext->SentUnseen(rest);
    });
  });
}

}  // namespace

int gnutls_handshake(const void* caller, gnutls_session_int* tls) {
  Session session = {nullptr, tls};
  auto* real = Find<int(gnutls_session_int*)>(caller, kHandshake, &session);
  if (real == nullptr) return kInternalError;
  const TlsMark mark = MarkHandshake(session);
  const int result = real(tls);
  ClientRandom random;
  if (Follow(session, mark, &random) && result == 0 && early_data.any()) {
    SettleEarlyData(session, random);
  }
  return result;
}

void gnutls_deinit(const void* caller, gnutls_session_int* tls) {
  Session session = {nullptr, tls};
  auto* real = Find<void(gnutls_session_int*)>(caller, kDeinit, &session);
  if (real == nullptr) return;
  // The next session may stand at the same address.
  if (early_data.any()) early_data.Drop(session.early_key());
  real(tls);
}

ssize_t gnutls_record_send(const void* caller, gnutls_session_int* tls,
                           const void* buffer, std::size_t size) {
  Session session = {nullptr, tls};
  auto* real = Find<ssize_t(gnutls_session_int*, const void*, std::size_t)>(
      caller, kSend, &session);
  if (real == nullptr) return kInternalError;
  return SendPlaintext(session, buffer, size, [&] {
    // It ends in a jump to gnutls_record_send2, by a name that leads here, with
    // our own return address: whose library is meant could not be told then.
    if (session.library != nullptr &&
        session.library->gnutls_record_send2 != nullptr) {
      return session.library->gnutls_record_send2(tls, buffer, size, 0, 0);
    }
    return real(tls, buffer, size);
  });
}

ssize_t gnutls_record_send2(const void* caller, gnutls_session_int* tls,
                            const void* buffer, std::size_t size,
                            std::size_t pad, unsigned int flags) {
  Session session = {nullptr, tls};
  auto* real =
      Find<ssize_t(gnutls_session_int*, const void*, std::size_t, std::size_t,
                   unsigned int)>(caller, kSend2, &session);
  if (real == nullptr) return kInternalError;
  return SendPlaintext(session, buffer, size,
                       [&] { return real(tls, buffer, size, pad, flags); });
}

ssize_t gnutls_record_send_range(const void* caller, gnutls_session_int* tls,
                                 const void* buffer, std::size_t size,
                                 const void* range) {
  Session session = {nullptr, tls};
  auto* real =
      Find<ssize_t(gnutls_session_int*, const void*, std::size_t, const void*)>(
          caller, kSendRange, &session);
  if (real == nullptr) return kInternalError;
  return SendPlaintext(session, buffer, size,
                       [&] { return real(tls, buffer, size, range); });
}

ssize_t gnutls_record_send_file(const void* caller, gnutls_session_int* tls,
                                int fd, off_t* offset, std::size_t size) {
  Session session = {nullptr, tls};
  auto* real = Find<ssize_t(gnutls_session_int*, int, off_t*, std::size_t)>(
      caller, kSendFile, &session);
  if (real == nullptr) return kInternalError;
  const TlsMark mark = Mark(session);
  const ssize_t result = real(tls, fd, offset, size);
  ClientRandom random;
  if (Follow(session, mark, &random) && result > 0) {
    ReportPlaintextSentUnseen(session, mark, random,
                              static_cast<std::size_t>(result));
  }
  return result;
}

ssize_t gnutls_record_send_early_data(const void* caller,
                                      gnutls_session_int* tls,
                                      const void* buffer, std::size_t size) {
  Session session = {nullptr, tls};
  auto* real = Find<ssize_t(gnutls_session_int*, const void*, std::size_t)>(
      caller, kSendEarlyData, &session);
  if (real == nullptr) return kInternalError;
  const TlsMark mark = Mark(session);
  const ssize_t result = real(tls, buffer, size);
  ClientRandom random;
  // Nothing is sent yet: gnutls_handshake does, and learns its fate.
  if (Follow(session, mark, &random) && result >= 0 && size != 0 &&
      !early_data.Keep(session.early_key(),
                       Bytes(static_cast<const std::uint8_t*>(buffer), size))) {
    shim.meter.Count(kTlsUnpaired);
  }
  return result;
}

ssize_t gnutls_record_recv(const void* caller, gnutls_session_int* tls,
                           void* buffer, std::size_t size) {
  Session session = {nullptr, tls};
  auto* real = Find<ssize_t(gnutls_session_int*, void*, std::size_t)>(
      caller, kReceive, &session);
  if (real == nullptr) return kInternalError;
  const TlsMark mark = Mark(session);
  const ssize_t result = real(tls, buffer, size);
  Received(session, mark, result, buffer);
  return result;
}

ssize_t gnutls_record_recv_seq(const void* caller, gnutls_session_int* tls,
                               void* buffer, std::size_t size,
                               unsigned char* sequence) {
  Session session = {nullptr, tls};
  auto* real =
      Find<ssize_t(gnutls_session_int*, void*, std::size_t, unsigned char*)>(
          caller, kReceiveSeq, &session);
  if (real == nullptr) return kInternalError;
  const TlsMark mark = Mark(session);
  const ssize_t result = real(tls, buffer, size, sequence);
  Received(session, mark, result, buffer);
  return result;
}

ssize_t gnutls_record_recv_packet(const void* caller, gnutls_session_int* tls,
                                  mbuffer_st** packet) {
  Session session = {nullptr, tls};
  auto* real = Find<ssize_t(gnutls_session_int*, mbuffer_st**)>(
      caller, kReceivePacket, &session);
  if (real == nullptr) return kInternalError;
  const TlsMark mark = Mark(session);
  const ssize_t result = real(tls, packet);
  GnuTlsDatum content = {};
  if (result > 0 && session.library != nullptr &&
      session.library->gnutls_packet_get != nullptr) {
    session.library->gnutls_packet_get(*packet, &content, nullptr);
  }
  Received(session, mark, content.data != nullptr ? result : 0, content.data);
  return result;
}

}  // namespace hooks
}  // namespace proxymeter::shim
