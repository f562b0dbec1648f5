// A process locks itself up so that any system call but the few it makes kills
// it. Ours would, too.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <time.h>

#include "server.h"

#define ALLOW(name)                                      \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read),
    ALLOW(write),
    ALLOW(recvfrom),
    ALLOW(sendto),
    ALLOW(close),
    ALLOW(clock_nanosleep),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};
static struct sock_filter filter_connecting[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(socket),
    ALLOW(connect),
    ALLOW(sendto),
    ALLOW(recvfrom),
    ALLOW(close),
    ALLOW(clock_nanosleep),
    ALLOW(exit_group),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
};

static void LockUp(struct sock_filter* code, size_t size, int raw) {
  const struct sock_fprog program = {
      .len = (unsigned short)(size / sizeof(*code)), .filter = code};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  if (raw) {
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                  SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
  } else {
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  }
}

// Longer than what lies between two flushes.
static void Pause(void) {
  const struct timespec pause = {.tv_sec = 1, .tv_nsec = 100000000};
  nanosleep(&pause, NULL);
}

// The same without a system call: the vDSO has the clock. (The fine one takes
// an instruction that strict mode forbids.)
static double Now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void Spin(void) {
  const double until = Now() + 1.1;
  while (Now() < until) {
  }
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  const char* when = argv[1];
  const struct sockaddr_in server = StartServer(2);
  // Said first: stdio would ask for memory, and for what kind of file it is.
  Expect(strcmp(when, "before") == 0 ? 2 : 4,
         strcmp(when, "before") == 0 ? 2 : 4);
  fflush(stdout);
  if (strcmp(when, "before") == 0) {
    LockUp(filter_connecting, sizeof(filter_connecting), 0);
    int connection = ConnectTo(&server);
    Exchange(connection);
    Pause();
    close(connection);
    connection = ConnectTo(&server);
    Exchange(connection);
    close(connection);
    _exit(0);
  }
  const int connection = ConnectTo(&server);
  const int other = ConnectTo(&server);
  Exchange(connection);
  if (strcmp(when, "strict") == 0) {
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
    for (int i = 0; i < 3; ++i) {
      if (i == 1) Spin();
      char response[sizeof(kResponse)];
      if (write(connection, kRequest, sizeof(kRequest) - 1) !=
          sizeof(kRequest) - 1) {
        syscall(SYS_exit, 1);
      }
      for (size_t size = 0; size < sizeof(kResponse) - 1;) {
        const ssize_t more =
            read(connection, response, sizeof(kResponse) - 1 - size);
        if (more <= 0) syscall(SYS_exit, 1);
        size += (size_t)more;
      }
    }
    syscall(SYS_exit, 0);
  }
  LockUp(filter, sizeof(filter), strcmp(when, "raw") == 0);
  Exchange(connection);
  Pause();
  Exchange(connection);
  close(connection);
  Exchange(other);
  close(other);
  _exit(0);
}
