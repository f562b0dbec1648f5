// connect on UDP connects nothing; datagrams count by the address each goes to.
#include <sys/uio.h>
#include <sys/wait.h>

#include "peer.h"

enum { kDatagrams = 5, kLongest = 1000 };

// Answers each datagram with one of half its size.
static int Echo(struct sockaddr_in* address) {
  const int server = socket(AF_INET, SOCK_DGRAM, 0);
  socklen_t length = sizeof(*address);
  CHECK(bind(server, (struct sockaddr*)address, length) == 0);
  CHECK(getsockname(server, (struct sockaddr*)address, &length) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child != 0) {
    close(server);
    return child;
  }
  char buffer[kLongest];
  for (int i = 0; i < kDatagrams; ++i) {
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    // By raw system calls: the program's own side is what is metered.
    const long got =
        syscall(SYS_recvfrom, server, buffer, sizeof(buffer), 0, &from, &size);
    if (got < 0) _exit(1);
    syscall(SYS_sendto, server, buffer, got / 2, 0, &from, size);
  }
  _exit(0);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const pid_t child = Echo(&address);
  const struct sockaddr* to = (struct sockaddr*)&address;
  char buffer[kLongest] = {0};
  size_t sent = 0, received = 0;

  const int open_socket = socket(AF_INET, SOCK_DGRAM, 0);
  for (size_t size = 100; size <= 300; size += 200) {
    CHECK(sendto(open_socket, buffer, size, 0, to, sizeof(address)) ==
          (ssize_t)size);
    // Cut off, but it came: the whole is counted where the kernel tells.
    CHECK(recvfrom(open_socket, buffer, 10, MSG_TRUNC, NULL, NULL) ==
          (ssize_t)size / 2);
    sent += size;
    received += size / 2;
  }

  const int set = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(connect(set, to, sizeof(address)) == 0);
  for (size_t size = 50; size <= 150; size += 50) {
    struct iovec piece = {buffer, size};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    CHECK(sendmsg(set, &message, 0) == (ssize_t)size);
    CHECK(read(set, buffer, sizeof(buffer)) == (ssize_t)size / 2);
    sent += size;
    received += size / 2;
  }

  // Only asks which address would be ours.
  const int probe = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(connect(probe, to, sizeof(address)) == 0);
  socklen_t length = sizeof(address);
  CHECK(getsockname(probe, (struct sockaddr*)&address, &length) == 0);

  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  printf("requests 0 sent %zu received %zu\n", sent, received);
  return 0;
}
