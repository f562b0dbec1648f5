// Calls with arguments that no sane program gives: results and errno are those
// without the meter (the driver compares what is printed), and what moved all
// the same is counted.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "pair.h"

static size_t sent, received;
static char* edge;  // four readable bytes, then nothing
static void* const kBad = (void*)8;

#define TRY(call)                                                   \
  do {                                                              \
    errno = 0;                                                      \
    const long result = (long)(call);                               \
    printf("%s: %ld, %s\n", #call, result, strerrorname_np(errno)); \
  } while (0)

static void TryDescriptor(int fd) {
  char buffer[16] = {0};
  struct iovec vector = {buffer, sizeof(buffer)};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  struct mmsghdr messages = {.msg_hdr = message};
  struct sockaddr_in address = {.sin_family = AF_INET};
  struct sockaddr* to = (struct sockaddr*)&address;
  socklen_t length = sizeof(address);
  printf("descriptor %d\n", fd);
  TRY(send(fd, buffer, 1, 0));
  TRY(sendto(fd, buffer, 1, 0, to, length));
  TRY(sendto(fd, buffer, 1, MSG_FASTOPEN, kBad, length));
  TRY(sendmsg(fd, &message, 0));
  TRY(sendmsg(fd, NULL, MSG_FASTOPEN));
  TRY(sendmsg(fd, kBad, MSG_FASTOPEN));
  TRY(sendmmsg(fd, &messages, 1, 0));
  TRY(write(fd, buffer, 1));
  TRY(writev(fd, &vector, 1));
  TRY(recv(fd, buffer, 1, MSG_DONTWAIT));
  TRY(recvfrom(fd, buffer, 1, MSG_DONTWAIT, NULL, NULL));
  TRY(recvmsg(fd, &message, MSG_DONTWAIT));
  TRY(recvmmsg(fd, &messages, 1, MSG_DONTWAIT, NULL));
  TRY(read(fd, buffer, 0));
  TRY(readv(fd, &vector, 0));
  TRY(sendfile(fd, fd, NULL, 1));
  TRY(sendfile(fd, fd, kBad, 1));
  TRY(splice(fd, NULL, fd, NULL, 1, 0));
  TRY(connect(fd, to, length));
  TRY(connect(fd, kBad, length));
  TRY(connect(fd, kBad, 0));
  TRY(connect(fd, kBad, ~0u));
  TRY(accept(fd, NULL, NULL));
  TRY(accept4(fd, to, kBad, 0));
  TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, kBad, &length));
  TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, buffer, kBad));
  TRY(shutdown(fd, 77));
  TRY(dup2(fd, -1));
  TRY(dup2(fd, INT_MAX));
  TRY(dup3(fd, fd, 0));
  TRY(dup3(fd, 50, 77));
  TRY(fcntl(fd, F_DUPFD, -1));
  TRY(fcntl(fd, 12345, 0));
}

static void TryConnection(void) {
  Pair pair = Connect();
  const int fd = pair.near;
  char buffer[64] = {0};
  static struct iovec many[IOV_MAX + 1];
  for (int i = 0; i <= IOV_MAX; ++i) many[i] = (struct iovec){buffer, 1};
  struct msghdr message = {.msg_iov = many, .msg_iovlen = IOV_MAX + 1};
  struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = many, .msg_iovlen = 3}},
                                {.msg_hdr = message}};
  CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
  printf("connection\n");

  // Nothing moves.
  TRY(send(fd, NULL, 0, 0));
  TRY(send(fd, NULL, 10, 0));
  TRY(send(fd, kBad, 10, 0));
  TRY(send(fd, kBad, SIZE_MAX, 0));
  TRY(write(fd, NULL, SSIZE_MAX));
  TRY(writev(fd, NULL, 0));
  TRY(writev(fd, NULL, 1));
  TRY(writev(fd, many, -1));
  TRY(writev(fd, many, IOV_MAX + 1));
  many[1] = (struct iovec){buffer, SIZE_MAX};
  TRY(writev(fd, many, 2));
  TRY(readv(fd, many, 2));
  many[1] = (struct iovec){buffer, 1};
  TRY(sendmsg(fd, NULL, 0));
  TRY(sendmsg(fd, &message, 0));
  TRY(sendmmsg(fd, NULL, 1, 0));
  TRY(sendmmsg(fd, messages, 0, 0));
  TRY(recv(fd, NULL, 0, 0));
  TRY(recv(fd, kBad, SIZE_MAX, 0));
  TRY(recv(fd, buffer, 1, 1 << 30));
  TRY(recvmsg(fd, NULL, 0));
  TRY(recvmsg(fd, kBad, MSG_TRUNC));
  TRY(recvmmsg(fd, NULL, 1, 0, NULL));
  TRY(recvmmsg(fd, messages, 1, 0, kBad));
  TRY(readv(fd, many, IOV_MAX + 1));
  TRY(readv(fd, many, INT_MIN));
  TRY(connect(fd, kBad, sizeof(struct sockaddr_in)));
  TRY(sendto(fd, buffer, 1, MSG_FASTOPEN, kBad, sizeof(struct sockaddr_in)));

  // Part of it moves.
  const long parts[] = {
      send(fd, edge, 1000, 0),
      send(fd, edge, SIZE_MAX, 0),
      write(fd, edge, SSIZE_MAX),
      writev(fd, many, IOV_MAX),
      writev(fd, (struct iovec[]){{buffer, 10}, {kBad, 10}}, 2),
      writev(fd, (struct iovec[]){{NULL, 0}, {edge, 100}, {buffer, 5}}, 3),
  };
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); ++i) {
    printf("out %zu: %ld\n", i, parts[i]);
    if (parts[i] > 0) sent += (size_t)parts[i];
  }
  const int count = sendmmsg(fd, messages, 2, 0);
  printf("messages sent: %d\n", count);
  if (count > 0) sent += messages[0].msg_len;

  // What came into a buffer that is partly there, by the peer's hundred bytes.
  static const char hundred[100];
  CHECK(syscall(SYS_write, pair.far, hundred, sizeof(hundred)) == 100);
  struct iovec in[2] = {{buffer, 10}, {kBad, 10}};
  const long got[] = {
      recv(fd, edge, 1000, 0),
      readv(fd, in, 2),
      recv(fd, buffer, 20, 0),
  };
  for (size_t i = 0; i < sizeof(got) / sizeof(got[0]); ++i) {
    printf("in %zu: %ld\n", i, got[i]);
  }
  // Taken from the stream or not, it arrived.
  received += sizeof(hundred);
  Disconnect(&pair);
}

int main(void) {
  const long page = sysconf(_SC_PAGESIZE);
  char* pages = (char*)mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK((void*)pages != MAP_FAILED);
  CHECK(mprotect(pages + page, (size_t)page, PROT_NONE) == 0);
  edge = pages + page - 4;

  const int null = open("/dev/null", O_RDWR);
  TryDescriptor(-1);
  TryDescriptor(INT_MIN);
  TryDescriptor(INT_MAX);
  TryDescriptor(999);
  TryDescriptor(null);
  TRY(close(-1));
  TRY(close(INT_MAX));
  TRY(close_range(10, 5, 0));
  TRY(close_range(100, 200, 77));
  TRY(socket(77, 77, 77));
  struct addrinfo* found;
  TRY(getaddrinfo(NULL, NULL, NULL, &found));
  TRY(getaddrinfo("", "no such service", NULL, &found));
  TryConnection();
  printf("connections 1 requests 0 sent %zu received %zu\n", sent, received);
  return 0;
}
