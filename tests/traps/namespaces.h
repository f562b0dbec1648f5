// Namespaces of a program's own, and what else takes root.
#ifndef PROXYMETER_TESTS_TRAPS_NAMESPACES_H_
#define PROXYMETER_TESTS_TRAPS_NAMESPACES_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include "server.h"

// A network with nothing but a loopback of its own.
static inline void EnterOwnNetwork(void) {
  REQUIRE(unshare(CLONE_NEWNET) == 0, "root and network namespaces");
  struct ifreq request = {.ifr_name = "lo"};
  const int any = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK(ioctl(any, SIOCGIFFLAGS, &request) == 0);
  request.ifr_flags |= IFF_UP;
  CHECK(ioctl(any, SIOCSIFFLAGS, &request) == 0);
  close(any);
}

// Mounts that nobody else sees.
static inline void EnterOwnMounts(void) {
  REQUIRE(unshare(CLONE_NEWNS) == 0, "root and mount namespaces");
  CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

static inline void WriteTo(const char* path, const char* text) {
  const int file = open(path, O_WRONLY);
  CHECK(file >= 0);
  CHECK(write(file, text, strlen(text)) == (ssize_t)strlen(text));
  close(file);
}

#endif  // PROXYMETER_TESTS_TRAPS_NAMESPACES_H_
