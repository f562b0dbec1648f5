// Descriptors that are no connections. Their number may have been one's that
// was closed by a raw system call, as libuv does: what is read from a file then
// must not be counted.
#include "shim/hooks/hooks.h"
#include "shim/libc.h"
#include "shim/shim.h"

namespace proxymeter::shim::hooks {
namespace {

int Created(int fd) {
  if (fd >= 0) ReportCreated(fd);
  return fd;
}

int CreatedPair(int result, const int* fds) {
  if (result == 0) {
    ReportCreated(fds[0]);
    ReportCreated(fds[1]);
  }
  return result;
}

}  // namespace

int open(const char* path, int flags, mode_t mode) {
  return Created(libc.open(path, flags, mode));
}

int open64(const char* path, int flags, mode_t mode) {
  return Created(libc.open64(path, flags, mode));
}

int openat(int directory, const char* path, int flags, mode_t mode) {
  return Created(libc.openat(directory, path, flags, mode));
}

int openat64(int directory, const char* path, int flags, mode_t mode) {
  return Created(libc.openat64(directory, path, flags, mode));
}

int __open_2(const char* path, int flags) {
  return Created(libc.__open_2(path, flags));
}

int __open64_2(const char* path, int flags) {
  return Created(libc.__open64_2(path, flags));
}

int __openat_2(int directory, const char* path, int flags) {
  return Created(libc.__openat_2(directory, path, flags));
}

int __openat64_2(int directory, const char* path, int flags) {
  return Created(libc.__openat64_2(directory, path, flags));
}

int creat(const char* path, mode_t mode) {
  return Created(libc.creat(path, mode));
}

int creat64(const char* path, mode_t mode) {
  return Created(libc.creat64(path, mode));
}

int pipe(int* fds) { return CreatedPair(libc.pipe(fds), fds); }

int socketpair(int domain, int type, int protocol, int* fds) {
  return CreatedPair(libc.socketpair(domain, type, protocol, fds), fds);
}

int eventfd(unsigned int value, int flags) {
  return Created(libc.eventfd(value, flags));
}

int timerfd_create(int clock, int flags) {
  return Created(libc.timerfd_create(clock, flags));
}

int memfd_create(const char* name, unsigned int flags) {
  return Created(libc.memfd_create(name, flags));
}

int inotify_init1(int flags) { return Created(libc.inotify_init1(flags)); }

}  // namespace proxymeter::shim::hooks
