// Crawls through the relay from several threads, forks and programs:
//
//   crawler PORT TESTIMONY GATE SEED GENERATIONS
//   crawler PORT TESTIMONY crowd SIZE REQUESTS
//
// The seed chooses what is done; every byte of it stands in the testimony. As
// many times as there are generations a fork becomes a new program. Descriptor
// 3 may be a lock on the file GATE, given up once the first connection stands:
// while somebody else has it for himself, no crawler is between its start (or
// exec) and its first connection.
//
// A crowd is SIZE programs, which connect, wait until they can lock the
// testimony, and then stream all at once.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "testimony.h"

enum { kGate = 3, kChunk = 32768 };

static const char* program;
static const char* port;
static const char* testimony;
static const char* gate;
static struct Slots* slots;
static char zeroes[kChunk];

static struct Slot* NewSlot(void) {
  uint64_t number = slots->used++;
  if (number >= kMaxSlots) {
    fputs("no slot is left\n", stderr);
    exit(1);
  }
  struct Slot* slot = &slots->slot[number];
  slot->pid = getpid();
  return slot;
}

static unsigned Draw(unsigned* seed, unsigned below) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 8) % below;
}

static void Pause(unsigned* seed, unsigned milliseconds) {
  struct timespec time = {.tv_nsec = Draw(seed, milliseconds * 1000000u)};
  nanosleep(&time, NULL);
}

static int Connect(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Check(fd >= 0 && connect(fd, (struct sockaddr*)&address, sizeof address) == 0,
        "connect");
  return fd;
}

// One call, whichever `way` says.
static size_t Put(struct Slot* slot, int fd, const char* from, size_t size,
                  unsigned way) {
  struct iovec parts[2] = {{(char*)from, size / 2},
                           {(char*)from + size / 2, size - size / 2}};
  slot->sending = size;
  ssize_t put = way == 0   ? send(fd, from, size, MSG_NOSIGNAL)
                : way == 1 ? write(fd, from, size)
                           : writev(fd, parts, 2);
  Check(put > 0, "send");
  slot->sent += put;
  slot->sending = 0;
  return put;
}

static size_t Get(struct Slot* slot, int fd, char* into, size_t size,
                  unsigned way) {
  slot->receiving = size;
  ssize_t got = way == 0 ? recv(fd, into, size, 0) : read(fd, into, size);
  Check(got > 0, "recv");
  slot->received += got;
  slot->receiving = 0;
  return got;
}

static void GetAnswer(struct Slot* slot, int fd, uint64_t length,
                      unsigned* seed) {
  static const char kEnd[] = "\r\n\r\n";
  char chunk[kChunk];
  size_t head = 0;
  char* end = NULL;
  while (end == NULL) {
    head += Get(slot, fd, chunk + head, 200, Draw(seed, 2));
    end = memmem(chunk, head, kEnd, 4);
  }
  slot->responses++;
  for (uint64_t got = chunk + head - (end + 4); got < length;) {
    uint64_t size = length - got < kChunk ? length - got : kChunk;
    got += Get(slot, fd, chunk, 1 + Draw(seed, size), Draw(seed, 2));
  }
}

static void Request(struct Slot* slot, int fd, unsigned* seed) {
  uint64_t answer = Draw(seed, 4) == 0 ? Draw(seed, 300000) : Draw(seed, 5000);
  uint64_t body = Draw(seed, 3) == 0 ? Draw(seed, 100000) : 0;
  char head[300];
  int length = snprintf(head, sizeof head,
                        "%s http://site-%u.test/a/%lu HTTP/1.1\r\n"
                        "Host: site-%u.test\r\nContent-Length: %lu\r\n\r\n",
                        body > 0 ? "POST" : "GET", Draw(seed, 9), answer,
                        Draw(seed, 9), body);
  slot->requesting = 1;
  // In one call, as a kernel's buffer has room for it.
  Check(Put(slot, fd, head, length, Draw(seed, 3)) == (size_t)length, "head");
  slot->requests++;
  slot->requesting = 0;
  while (body > 0) {
    uint64_t size = body < kChunk ? body : kChunk;
    body -= Put(slot, fd, zeroes, 1 + Draw(seed, size), Draw(seed, 3));
  }
  GetAnswer(slot, fd, answer, seed);
}

static void Crawl(struct Slot* slot, unsigned* seed) {
  for (unsigned connections = 1 + Draw(seed, 3); connections > 0;
       --connections) {
    int fd = Connect();
    for (unsigned requests = 1 + Draw(seed, 6); requests > 0; --requests) {
      Request(slot, fd, seed);
      Pause(seed, 20);
    }
    close(fd);
  }
}

static void* Thread(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument;
  Crawl(NewSlot(), &seed);
  return NULL;
}

static void BecomeNewProgram(unsigned seed, int generations) {
  char seed_text[16], generations_text[16];
  snprintf(seed_text, sizeof seed_text, "%u", seed);
  snprintf(generations_text, sizeof generations_text, "%d", generations);
  int lock = open(gate, O_RDONLY);
  Check(lock >= 0 && flock(lock, LOCK_SH) == 0, gate);
  if (lock != kGate) {
    Check(dup2(lock, kGate) == kGate, "dup2");
    close(lock);
  }
  execl(program, program, port, testimony, gate, seed_text, generations_text,
        NULL);
  Check(0, "exec");
}

static int IsEnd(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) == 0
                           : WTERMSIG(status) == SIGKILL;
}

static int Family(unsigned seed, int generations) {
  struct Slot* slot = NewSlot();
  int fd = Connect();
  Request(slot, fd, &seed);
  close(kGate);  // The lock goes with it.
  unsigned forks = Draw(&seed, 3);
  for (unsigned i = 0; i < forks + (generations > 0); ++i) {
    unsigned of_child = seed + 7919 * (i + 1);
    pid_t child = fork();
    Check(child >= 0, "fork");
    if (child > 0) continue;
    if (i == 0 && generations > 0) BecomeNewProgram(of_child, generations - 1);
    close(fd);
    Crawl(NewSlot(), &of_child);
    exit(0);
  }
  Request(slot, fd, &seed);
  close(fd);
  pthread_t threads[3];
  unsigned many = Draw(&seed, 4);
  for (unsigned i = 0; i < many; ++i) {
    uintptr_t of_thread = seed + 104729 * (i + 1);
    Check(pthread_create(&threads[i], NULL, Thread, (void*)of_thread) == 0,
          "pthread_create");
  }
  Crawl(slot, &seed);
  for (unsigned i = 0; i < many; ++i) pthread_join(threads[i], NULL);
  int status, good = 1;
  while (wait(&status) > 0) good &= IsEnd(status);
  return good ? 0 : 1;
}

static int Stream(unsigned seed, unsigned requests) {
  struct Slot* slot = NewSlot();
  int fd = Connect();
  // The test lets go of its lock when everybody is here.
  int lock = open(testimony, O_RDONLY | O_CLOEXEC);
  slots->waiting++;
  Check(lock >= 0 && flock(lock, LOCK_SH) == 0, testimony);
  for (; requests > 0; --requests) Request(slot, fd, &seed);
  close(fd);
  return 0;
}

static int Crowd(unsigned size, const char* requests) {
  for (unsigned i = 0; i < size; ++i) {
    char seed[16];
    snprintf(seed, sizeof seed, "%u", i);
    pid_t child = fork();
    Check(child >= 0, "fork");
    if (child > 0) continue;
    execl(program, program, port, testimony, "stream", seed, requests, NULL);
    Check(0, "exec");
  }
  int status, good = 1;
  while (wait(&status) > 0) good &= status == 0;
  return good ? 0 : 1;
}

int main(int count, char** arguments) {
  if (count != 6) return 2;
  program = arguments[0];
  port = arguments[1];
  testimony = arguments[2];
  gate = arguments[3];
  unsigned number = strtoul(arguments[4], NULL, 10);
  slots = MapShared(testimony, sizeof *slots);
  if (strcmp(gate, "crowd") == 0) return Crowd(number, arguments[5]);
  if (strcmp(gate, "stream") == 0) return Stream(number, atoi(arguments[5]));
  return Family(number, atoi(arguments[5]));
}
