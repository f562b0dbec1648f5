// Where requests begin in a TLS session that nobody can read, from the sizes of
// its records and whose turn it is.
#ifndef PROXYMETER_SHIM_PROTOCOL_TLS_TURNS_H_
#define PROXYMETER_SHIM_PROTOCOL_TLS_TURNS_H_

#include <cstddef>
#include <cstdint>

#include "proxymeter/tls_session.h"

namespace proxymeter::protocol {

/// Bytes of plaintext in a record of data of so many bytes (RFC 8446, 5.2; RFC
/// 5246, 6.2.3). With a block cipher, whose padding hides it, the most there
/// can be.
std::size_t TlsPlaintextSize(TlsVersion version, std::uint16_t cipher_suite,
                             std::size_t length);

/// Whether HTTP/2 is spoken, in which not every record is part of a request,
/// and requests do not wait for each other.
enum class IsHttp2 : std::uint8_t { kNo, kMaybe, kYes };

/// What a client sends.
class ClientTurns {
 public:
  /// Finished had so much plaintext, in TLS 1.3: a client that pads it (Java)
  /// pads its alerts as well.
  void Finished(std::size_t size, std::uint16_t cipher_suite);

  /// A record with so much plaintext begins; true when it begins a request.
  /// `answered` says whether the server has spoken since the last one.
  bool Begins(std::size_t size, bool answered, TlsVersion version,
              IsHttp2 is_http2);

 private:
  bool pads_ = false;       // what is TLS's own
  bool begun_ = false;      // there was data
  bool requested_ = false;  // there was a request
  bool preface_ = false;    // of HTTP/2, by its size
  bool in_body_ = false;    // the last record was too big for a header block
};

/// What a server sends, from when the client's handshake has ended.
class ServerTurns {
 public:
  /// A record with so much plaintext begins; true when it answers what the
  /// client has sent: false for interim responses (100), tickets and other
  /// messages of the handshake, and what HTTP/2 says by the way.
  bool Answers(std::size_t size, TlsVersion version, IsHttp2 is_http2);

  /// It has begun as servers of HTTP/2 do.
  bool began_as_http2() const { return began_as_http2_; }

 private:
  bool IsTicket(std::size_t size, std::uint8_t number,
                TlsVersion version) const;

  std::uint8_t records_ = 0;  // so far, as many as matter
  bool began_as_http2_ = false;
  std::size_t first_size_ = 0;
};

}  // namespace proxymeter::protocol

#endif  // PROXYMETER_SHIM_PROTOCOL_TLS_TURNS_H_
