// What the programs of a chaos test know of themselves, in a file that they
// share with the test: it outlives whoever is killed.
#ifndef PROXYMETER_TESTS_CHAOS_TESTIMONY_H_
#define PROXYMETER_TESTS_CHAOS_TESTIMONY_H_

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// All in 64-bit words, which run.py reads.
typedef _Atomic uint64_t Word;

// One thread of a crawler. What a call will move at most is said before it;
// what it moved, after it.
struct Slot {
  Word sent, received, requests, responses;
  Word sending, receiving, requesting;  // the call under way
  Word pid;
};

enum { kMaxSlots = 1 << 16 };

struct Slots {
  Word used;
  Word waiting;  // of a crowd
  Word padding[6];
  struct Slot slot[kMaxSlots];
};

// The relay's account. `open` is the number of connections under way.
struct Relayed {
  Word received, sent, requests, responses, connections, open;
};

static inline void Check(int good, const char* what) {
  if (good) return;
  perror(what);
  exit(1);
}

// The file is there, and as long as `size`.
static inline void* MapShared(const char* path, size_t size) {
  int file = open(path, O_RDWR | O_CLOEXEC);
  Check(file >= 0, path);
  void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  Check(memory != MAP_FAILED, "mmap");
  close(file);
  return memory;
}

#endif  // PROXYMETER_TESTS_CHAOS_TESTIMONY_H_
