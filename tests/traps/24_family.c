// Each call that moves bytes on a socket, once.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "server.h"

ssize_t __read_chk(int fd, void* buffer, size_t size, size_t space);
ssize_t __recv_chk(int fd, void* buffer, size_t size, size_t space, int flags);
ssize_t __recvfrom_chk(int fd, void* buffer, size_t size, size_t space,
                       int flags, struct sockaddr* address, socklen_t* length);

enum { kSize = sizeof(kRequest) - 1, kAnswer = sizeof(kResponse) - 1 };

static char request[sizeof(kRequest)];
static char response[sizeof(kResponse)];

// What a call left to be received.
static void Rest(int connection, ssize_t received) {
  CHECK(received > 0 && received <= kAnswer);
  if (received < kAnswer) {
    CHECK(recv(connection, response + received, (size_t)(kAnswer - received),
               MSG_WAITALL) == kAnswer - received);
  }
  CHECK(memcmp(response, kResponse, kAnswer) == 0);
  memset(response, 0, sizeof(response));
}

static int File(void) {
  const int file = memfd_create("request", 0);
  CHECK(write(file, kRequest, kSize) == kSize && lseek(file, 0, SEEK_SET) == 0);
  return file;
}

int main(void) {
  const struct sockaddr_in server = StartServer(4);
  memcpy(request, kRequest, sizeof(kRequest));
  struct iovec out[2] = {{request, 10}, {request + 10, kSize - 10}};
  struct iovec in[2] = {{response, 5}, {response + 5, kAnswer - 5}};
  struct msghdr sent = {.msg_iov = out, .msg_iovlen = 2};
  struct msghdr got = {.msg_iov = in, .msg_iovlen = 2};
  struct mmsghdr many_sent[2] = {
      {.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}},
      {.msg_hdr = {.msg_iov = out + 1, .msg_iovlen = 1}}};
  struct mmsghdr many_got = {.msg_hdr = {.msg_iov = in, .msg_iovlen = 2}};

  int c = ConnectTo(&server);
  CHECK(send(c, request, kSize, 0) == kSize);
  Rest(c, recv(c, response, kAnswer, 0));
  CHECK(sendto(c, request, kSize, MSG_NOSIGNAL, NULL, 0) == kSize);
  Rest(c, recvfrom(c, response, kAnswer, 0, NULL, NULL));
  CHECK(sendmsg(c, &sent, 0) == kSize);
  Rest(c, recvmsg(c, &got, 0));
  CHECK(write(c, request, kSize) == kSize);
  Rest(c, read(c, response, kAnswer));
  CHECK(writev(c, out, 2) == kSize);
  Rest(c, readv(c, in, 2));
  // preadv and pwritev want a place, which a socket has not.
  CHECK(pwritev(c, out, 2, 0) == -1 && errno == ESPIPE);
  CHECK(pwritev2(c, out, 2, -1, 0) == kSize);
  Rest(c, preadv2(c, in, 2, -1, 0));
  CHECK(pwritev64v2(c, out, 2, -1, 0) == kSize);
  Rest(c, preadv64v2(c, in, 2, -1, 0));
  CHECK(sendmmsg(c, many_sent, 2, 0) == 2);
  CHECK(recvmmsg(c, &many_got, 1, 0, NULL) == 1);
  Rest(c, many_got.msg_len);
  CHECK(send(c, request, kSize, MSG_MORE) == kSize);
  CHECK(send(c, "", 0, 0) == 0);
  CHECK(setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0);
  Rest(c, __read_chk(c, response, kAnswer, sizeof(response)));
  CHECK(write(c, request, kSize) == kSize);
  Rest(c, __recv_chk(c, response, kAnswer, sizeof(response), 0));
  CHECK(write(c, request, kSize) == kSize);
  Rest(c,
       __recvfrom_chk(c, response, kAnswer, sizeof(response), 0, NULL, NULL));
  close(c);

  // The kernel moves these; no request is seen.
  c = ConnectTo(&server);
  int file = File();
  CHECK(sendfile(c, file, NULL, kSize) == kSize);
  Rest(c, recv(c, response, kAnswer, 0));
  off_t offset = 0;
  CHECK(sendfile(c, file, &offset, kSize) == kSize);
  Rest(c, recv(c, response, kAnswer, 0));
  close(file);
  close(c);

  c = ConnectTo(&server);
  file = File();
  off64_t start = 0;
  CHECK(sendfile64(c, file, &start, kSize) == kSize);
  Rest(c, recv(c, response, kAnswer, 0));
  close(file);
  close(c);

  c = ConnectTo(&server);
  int pipes[2];
  CHECK(pipe(pipes) == 0);
  CHECK(write(pipes[1], request, kSize) == kSize);
  CHECK(splice(pipes[0], NULL, c, NULL, kSize, 0) == kSize);
  CHECK(splice(c, NULL, pipes[1], NULL, kAnswer, 0) == kAnswer);
  Rest(c, read(pipes[0], response, kAnswer));
  close(c);

  printf("connections 4 requests 11 sent %d received %d\n", 15 * kSize,
         15 * kAnswer);
  return 0;
}
