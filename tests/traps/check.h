// What a test program cannot do without.
#ifndef PROXYMETER_TESTS_TRAPS_CHECK_H_
#define PROXYMETER_TESTS_TRAPS_CHECK_H_

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

#endif  // PROXYMETER_TESTS_TRAPS_CHECK_H_
