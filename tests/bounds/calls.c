// calls KIND COUNT [PORT]: so many equal calls, for bounds.py to compare what
// they cost with the meter and without. KIND is read or write, of a descriptor
// that is nobody's traffic, or recv or send, inside a body on a connection to
// 127.0.0.1:PORT. Says how often memory was asked for.
#include <arpa/inet.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kSize = 100 };

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);

static unsigned long allocations;

// The program's own come before every library's.
void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  ++allocations;
  return __libc_realloc(memory, size);
}

#define CHECK(condition) \
  if (!(condition)) return perror(#condition), 1

static int Connect(const char* port, const char* head) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) return -1;
  const ssize_t size = (ssize_t)strlen(head);
  return send(fd, head, strlen(head), 0) == size ? fd : -1;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const char* kind = argv[1];
  const long count = atol(argv[2]);
  static char buffer[kSize];
  if (strcmp(kind, "read") == 0) {
    const int fd = open("/dev/zero", O_RDONLY);
    for (long i = 0; i < count; ++i) CHECK(read(fd, buffer, kSize) == kSize);
  } else if (strcmp(kind, "write") == 0) {
    const int fd = open("/dev/null", O_WRONLY);
    for (long i = 0; i < count; ++i) CHECK(write(fd, buffer, kSize) == kSize);
  } else if (strcmp(kind, "recv") == 0) {
    const int fd = Connect(argv[3], "GET / HTTP/1.1\r\nHost: b.test\r\n\r\n");
    // The first has the response's head.
    for (long i = 0; i <= count; ++i) {
      CHECK(recv(fd, buffer, kSize, MSG_WAITALL) == kSize);
    }
    close(fd);
  } else {
    const int fd = Connect(argv[3],
                           "POST / HTTP/1.1\r\nHost: b.test\r\n"
                           "Content-Length: 1000000000\r\n\r\n");
    for (long i = 0; i < count; ++i) {
      CHECK(send(fd, buffer, kSize, 0) == kSize);
    }
    close(fd);
  }
  const unsigned long asked = allocations;
  printf("allocations %lu\n", asked);
  return 0;
}
