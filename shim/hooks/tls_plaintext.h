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
//   bool InHandshake() const: false only between two of its hand-shakes;
//   int Descriptor() const: the socket it stands on, negative for none.

/// A session before a call of its library. Plain values: pthread_cancel and
/// longjmp may leave the call.
struct TlsMark {
  Connection::ClientRandom random{};
  std::uint64_t sent = 0;      ///< plaintext that was reported so far
  std::uint64_t received = 0;  ///< the same, the other way
  Connections::Peeked at;      ///< where it was, if its plaintext had begun
  /// Of a call that reads, outside of hand-shakes.
  bool settled = false;
  std::uint64_t ciphertext_sent = 0;  ///< as `sent`
};

/// Runs `report(stream)` with the stream of the plaintext of the session that
/// has this random, if its connection is known.
template <typename Session, typename Report>
[[gnu::noinline]] void WithPlaintext(const Session& session,
                                     const Connection::ClientRandom& random,
                                     Report report) {
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

/// The same after a call: what carried the session before is not looked for
/// again.
template <typename Session, typename Report>
[[gnu::always_inline]] inline void WithPlaintext(
    const Session& session, const TlsMark& mark,
    const Connection::ClientRandom& random, Report report) {
  if (mark.at.connection != nullptr) [[likely]] {
    const auto connection = shim.connections.AcquireTls(mark.at, random);
    if (connection) [[likely]] {
      report(connection->own_stream(mark.at.depth + 1));
      return;
    }
  }
  WithPlaintext(session, random, report);
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
[[gnu::always_inline]] inline TlsMark Mark(const Session& session) {
  TlsMark mark;
  if (!shim.meter.open() || !session.Random(&mark.random)) return mark;
  mark.at = shim.connections.PeekTls(mark.random);
  if (mark.at.connection != nullptr) [[likely]] {
    mark.sent = mark.at.plaintext->moved_sent();
    mark.received = mark.at.plaintext->moved_received();
    return mark;
  }
  WithPlaintext(session, mark.random, [&](Stream* plaintext) {
    mark.sent = plaintext->moved_sent();
    mark.received = plaintext->moved_received();
  });
  return mark;
}

/// Before one that reads. A renegotiation takes answers to what it sends: one
/// that began and ended within the call will have sent something. So who is in
/// no hand-shake before and after, and has sent nothing, has the same random
/// still, which costs less to know than the random.
template <typename Session>
[[gnu::always_inline]] inline TlsMark MarkRead(const Session& session) {
  TlsMark mark = Mark(session);
  if (mark.at.connection != nullptr && !session.InHandshake()) {
    mark.settled = true;
    mark.ciphertext_sent = mark.at.ciphertext->moved_sent();
  }
  return mark;
}

/// After the real call. A renegotiation (RFC 5246, 7.4.1) takes a new random
/// whose hello nobody can read: the session's connection is told of it.
/// False when there is nothing to report of this session.
template <typename Session>
[[gnu::always_inline]] inline bool Follow(const Session& session,
                                          const TlsMark& mark,
                                          Connection::ClientRandom* random) {
  if (mark.settled &&
      mark.at.ciphertext->moved_sent() == mark.ciphertext_sent &&
      !session.InHandshake()) [[likely]] {
    *random = mark.random;
    return true;
  }
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
  WithPlaintext(session, mark, random, [&](Stream* plaintext) {
    if (plaintext->moved_sent() == mark.sent) plaintext->Sent(data);
  });
}

/// The same for plaintext that no buffer shows.
template <typename Session>
void ReportPlaintextSentUnseen(const Session& session, const TlsMark& mark,
                               const Connection::ClientRandom& random,
                               std::size_t size) {
  WithPlaintext(session, mark, random, [&](Stream* plaintext) {
    const std::uint64_t seen = plaintext->moved_sent() - mark.sent;
    if (seen < size) plaintext->SentUnseen(size - seen);
  });
}

template <typename Session>
void ReportPlaintextReceived(const Session& session, const TlsMark& mark,
                             const Connection::ClientRandom& random,
                             protocol::Bytes data) {
  WithPlaintext(session, mark, random, [&](Stream* plaintext) {
    if (plaintext->moved_received() == mark.received) {
      plaintext->Received(data);
    }
  });
}

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_HOOKS_TLS_PLAINTEXT_H_
