// From a TLS session to the stream of its plaintext: what the hooks of all TLS
// libraries share. Meaning only, bytes are counted at the socket.
#ifndef PROXYMETER_SHIM_HOOKS_TLS_PLAINTEXT_H_
#define PROXYMETER_SHIM_HOOKS_TLS_PLAINTEXT_H_

#include <cstddef>
#include <cstdint>

#include "shim/shim.h"

namespace proxymeter::shim {

// A `Session` below has
//   bool Random(Connection::ClientRandom*) const: false for a server, or when
//     its library cannot be asked; zeros before its first hello;
//   int Descriptor() const: the socket it stands on, negative for none.

/// A session before a call of its library. Plain values: pthread_cancel and
/// longjmp may leave the call.
struct TlsMark {
  Connection::ClientRandom random{};
  std::uint64_t sent = 0;      ///< plaintext that was reported so far
  std::uint64_t received = 0;  ///< the same, the other way
};

/// Runs `report(stream)` with the stream of the plaintext of the session that
/// has this random, if its connection is known.
template <typename Session, typename Report>
void WithPlaintext(const Session& session,
                   const Connection::ClientRandom& random, Report report) {
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
  const int fd = session.Descriptor();
  if (fd < 0) return;
  const auto by_descriptor = shim.connections.Acquire(fd);
  if (!by_descriptor || by_descriptor->has_client_random()) return;
  if (Stream* plaintext = by_descriptor->EnsureStream(1)) report(plaintext);
}

/// Before a real call that moves no plaintext: it says nothing of whether the
/// plaintext will be seen (OpenSSL's BIO_f_ssl moves it by inner functions).
template <typename Session>
TlsMark MarkHandshake(const Session& session) {
  TlsMark mark;
  if (shim.meter.open()) session.Random(&mark.random);
  return mark;
}

/// Before any other: the records that it sends are then known to be of a
/// session whose plaintext is seen.
template <typename Session>
TlsMark Mark(const Session& session) {
  TlsMark mark;
  if (!shim.meter.open() || !session.Random(&mark.random)) return mark;
  if (const Stream* plaintext = shim.connections.PeekPlaintext(mark.random)) {
    mark.sent = plaintext->moved_sent();
    mark.received = plaintext->moved_received();
    return mark;
  }
  WithPlaintext(session, mark.random, [&](Stream* plaintext) {
    mark.sent = plaintext->moved_sent();
    mark.received = plaintext->moved_received();
  });
  return mark;
}

/// After the real call. A renegotiation (RFC 5246, 7.4.1) takes a new random
/// whose hello nobody can read: the session's connection is told of it.
/// False when there is nothing to report of this session.
template <typename Session>
bool Follow(const Session& session, const TlsMark& mark,
            Connection::ClientRandom* random) {
  if (!shim.meter.open() || !session.Random(random)) return false;
  // Zeros: another session by the same object, as after SSL_clear.
  if (mark.random[0] != 0 && mark.random != *random) {
    shim.connections.RenameTls(mark.random, *random);
  }
  return true;
}

// Intercepted functions may call one another in the same library, through
// names that lead back to us or not. What the inner call has reported, the
// outer one does not report again: the stream has moved since the mark.

template <typename Session>
void ReportPlaintextSent(const Session& session, const TlsMark& mark,
                         const Connection::ClientRandom& random,
                         protocol::Bytes data) {
  WithPlaintext(session, random, [&](Stream* plaintext) {
    if (plaintext->moved_sent() == mark.sent) plaintext->Sent(data);
  });
}

/// The same for plaintext that no buffer shows.
template <typename Session>
void ReportPlaintextSentUnseen(const Session& session, const TlsMark& mark,
                               const Connection::ClientRandom& random,
                               std::size_t size) {
  WithPlaintext(session, random, [&](Stream* plaintext) {
    const std::uint64_t seen = plaintext->moved_sent() - mark.sent;
    if (seen < size) plaintext->SentUnseen(size - seen);
  });
}

template <typename Session>
void ReportPlaintextReceived(const Session& session, const TlsMark& mark,
                             const Connection::ClientRandom& random,
                             protocol::Bytes data) {
  WithPlaintext(session, random, [&](Stream* plaintext) {
    if (plaintext->moved_received() == mark.received) {
      plaintext->Received(data);
    }
  });
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_TLS_PLAINTEXT_H_
