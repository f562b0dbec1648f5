#include "shim/resolvers.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "shim/pieces.h"
#include "shim/shim.h"
#include "shim/socket.h"

namespace proxymeter::shim {
namespace {

using protocol::Bytes;

constexpr std::size_t kMostInPieces = 2048;

// Not inlined: a datagram in one piece shall not pay for the stack.
[[gnu::noinline]] void ReadInPieces(const iovec* vector, std::size_t count,
                                    std::size_t size) {
  if (size > kMostInPieces) return;
  std::array<std::uint8_t, kMostInPieces> whole;
  std::size_t have = 0;
  ForEachPiece(vector, count, size, [&](Bytes piece) {
    std::copy(piece.begin(), piece.end(), whole.begin() + have);
    have += piece.size();
  });
  shim.connections.Answered({whole.data(), have});
}

}  // namespace

void ListenToResolver(int fd) {
  if (shim.process.IsBorrowed()) return;
  // Where a sandbox forbids to ask, only streams are known for what they are.
  if (SocketType(fd) == SOCK_STREAM) {
    shim.connections.ListenToStream(fd);
  } else {
    shim.connections.ListenToDatagrams(fd);
  }
}

void ListenForDatagrams(int fd) {
  if ((!IsPlain(fd) && !shim.connections.IsUnknown(fd)) ||
      SocketType(fd) == SOCK_STREAM || shim.process.IsBorrowed()) {
    return;
  }
  shim.connections.ListenToDatagrams(fd);
}

void ReceivedByOther(int fd, const iovec* vector, std::size_t count,
                     std::size_t size) {
  if (shim.connections.HasDnsDatagrams(fd)) {
    ReceivedFromResolver(vector, count, size);
  } else if (shim.connections.HasDnsStream(fd)) {
    ForEachPiece(vector, count, size, [&](Bytes piece) {
      shim.connections.ReceivedDns(DnsStreams::Of(fd), piece);
    });
  }
}

void ReceivedByOtherUnseen(int fd) {
  if (shim.connections.HasDnsStream(fd)) {
    shim.connections.dns().Lose(DnsStreams::Of(fd));
  }
}

void ReceivedFromResolver(const iovec* vector, std::size_t count,
                          std::size_t size) {
  if (count != 0 && vector[0].iov_len >= size) {
    shim.connections.Answered(
        {static_cast<const std::uint8_t*>(vector[0].iov_base), size});
  } else {
    ReadInPieces(vector, count, size);
  }
}

void CloseOther(int fd) {
  if (shim.connections.HasDnsStream(fd) && !shim.process.IsBorrowed()) {
    shim.connections.Forget(fd);
  }
}

}  // namespace proxymeter::shim
