// Requests go out, and answers come in, by ways that no hook sees; the kernel
// knows them when the connection is closed.
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <sys/mman.h>

#include "server.h"

// One entry through io_uring, without liburing; what it returned.
static int Submit(unsigned char operation, int fd, void* data, unsigned size) {
  struct io_uring_params params = {0};
  const int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
  REQUIRE(ring >= 0, "io_uring (kernel.io_uring_disabled, seccomp)");
  const size_t bytes = 65536;
  char* queues = (char*)mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                             ring, IORING_OFF_SQ_RING);
  struct io_uring_sqe* entry =
      (struct io_uring_sqe*)mmap(NULL, sizeof(*entry), PROT_READ | PROT_WRITE,
                                 MAP_SHARED, ring, IORING_OFF_SQES);
  CHECK(queues != MAP_FAILED && (void*)entry != MAP_FAILED);
  CHECK(params.features & IORING_FEAT_SINGLE_MMAP);
  *entry = (struct io_uring_sqe){
      .opcode = operation, .fd = fd, .addr = (uint64_t)data, .len = size};
  if (operation == IORING_OP_RECV) entry->msg_flags = MSG_WAITALL;
  ((unsigned*)(queues + params.sq_off.array))[0] = 0;
  __atomic_store_n((unsigned*)(queues + params.sq_off.tail), 1,
                   __ATOMIC_RELEASE);
  CHECK(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL,
                0) == 1);
  const int result =
      ((struct io_uring_cqe*)(queues + params.cq_off.cqes))[0].res;
  munmap(entry, sizeof(*entry));
  munmap(queues, bytes);
  close(ring);
  return result;
}

int main(void) {
  enum { kWays = 4 };
  const struct sockaddr_in server = StartServer(kWays);
  const size_t size = sizeof(kRequest) - 1, answer = sizeof(kResponse) - 1;
  char request[sizeof(kRequest)], response[sizeof(kResponse)];
  memcpy(request, kRequest, sizeof(kRequest));

  int connection = ConnectTo(&server);
  FILE* stream = fdopen(dup(connection), "r+");
  CHECK(fwrite(kRequest, 1, size, stream) == size && fflush(stream) == 0);
  CHECK(fread(response, 1, answer, stream) == answer);
  fclose(stream);
  close(connection);

  connection = ConnectTo(&server);
  CHECK(dprintf(connection, "%s", kRequest) == (int)size);
  ReceiveResponse(connection);
  close(connection);

  connection = ConnectTo(&server);
  CHECK(syscall(SYS_write, connection, kRequest, size) == (long)size);
  CHECK(syscall(SYS_recvfrom, connection, response, answer, MSG_WAITALL, NULL,
                NULL) == (long)answer);
  close(connection);

  connection = ConnectTo(&server);
  CHECK(Submit(IORING_OP_SEND, connection, request, (unsigned)size) ==
        (int)size);
  CHECK(Submit(IORING_OP_RECV, connection, response, (unsigned)answer) ==
        (int)answer);
  close(connection);

  printf("connections %d requests 0 sent %zu received %zu\n", kWays,
         kWays * size, kWays * answer);
  return 0;
}
