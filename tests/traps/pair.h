// Both ends of one connection, in one process and one thread: the near one
// metered, the far one used by raw system calls.
#ifndef PROXYMETER_TESTS_TRAPS_PAIR_H_
#define PROXYMETER_TESTS_TRAPS_PAIR_H_

#include "server.h"

typedef struct {
  int near;
  int far;
  size_t sent;
  size_t received;
} Pair;

static inline Pair Connect(void) {
  struct sockaddr_in address;
  const int listener = Listen(&address);
  Pair pair = {.near = ConnectTo(&address)};
  pair.far = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
  CHECK(pair.far >= 0);
  syscall(SYS_close, listener);
  return pair;
}

// The near end sends, at most `piece` bytes at a time, and the far end reads.
static inline void Send(Pair* pair, const void* data, size_t size,
                        size_t piece) {
  static char buffer[65536];
  for (size_t done = 0; done < size;) {
    const size_t most = size - done < piece ? size - done : piece;
    const ssize_t moved = send(pair->near, (const char*)data + done, most,
                               MSG_DONTWAIT | MSG_NOSIGNAL);
    CHECK(moved > 0);
    for (ssize_t left = moved; left > 0;) {
      const long more = syscall(SYS_read, pair->far, buffer, sizeof(buffer));
      CHECK(more > 0);
      left -= more;
    }
    done += (size_t)moved;
  }
  pair->sent += size;
}

// The far end sends, and the near end reads it.
static inline void Receive(Pair* pair, const void* data, size_t size,
                           size_t piece) {
  static char buffer[65536];
  for (size_t done = 0; done < size;) {
    const size_t most = size - done < piece ? size - done : piece;
    const long moved = syscall(SYS_sendto, pair->far, (const char*)data + done,
                               most, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    CHECK(moved > 0);
    for (long left = moved; left > 0;) {
      const ssize_t more = recv(pair->near, buffer, sizeof(buffer), 0);
      CHECK(more > 0);
      left -= more;
    }
    done += (size_t)moved;
  }
  pair->received += size;
}

static inline void Disconnect(Pair* pair) {
  CHECK(close(pair->near) == 0);
  syscall(SYS_close, pair->far);
}

#endif  // PROXYMETER_TESTS_TRAPS_PAIR_H_
