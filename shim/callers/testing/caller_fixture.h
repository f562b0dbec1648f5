/* A library that calls back: a module that is neither the test's nor glibc's.
 */
#ifndef PROXYMETER_SHIM_CALLERS_TESTING_CALLER_FIXTURE_H_
#define PROXYMETER_SHIM_CALLERS_TESTING_CALLER_FIXTURE_H_

#ifdef __cplusplus
extern "C" {
#endif

typedef int (*CallerFixtureCallback)(const void*, const void*);

/* Calls it once, from the library itself. */
void CallerFixtureCall(CallerFixtureCallback callback);
/* Has glibc call it on the library's behalf. */
void CallerFixtureCallThroughLibc(CallerFixtureCallback callback);

#ifdef __cplusplus
}
#endif

#endif /* PROXYMETER_SHIM_CALLERS_TESTING_CALLER_FIXTURE_H_ */
