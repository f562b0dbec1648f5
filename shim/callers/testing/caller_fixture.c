#include "shim/callers/testing/caller_fixture.h"

#include <search.h>
#include <stddef.h>

static volatile int calls;

void CallerFixtureCall(CallerFixtureCallback callback) {
  callback(NULL, NULL);
  ++calls; /* No jump to it, which would leave no frame of ours. */
}

void CallerFixtureCallThroughLibc(CallerFixtureCallback callback) {
  /* Not qsort or bsearch, which sanitizers answer themselves. */
  const char value = 0;
  size_t count = 1;
  lfind(&value, &value, &count, sizeof(value), callback);
  ++calls;
}
