// A descriptor that the program did not make: left open over exec, or sent over
// a Unix socket to one that was forked before it existed.
#include <sys/wait.h>

#include "peer.h"

enum { kRequests = 4 };

static void Exchange(int connection) {
  SendRequest(connection);
  ReceiveResponse(connection);
}

static void Pass(int channel, int fd) {
  char byte = 'x';
  struct iovec piece = {&byte, 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                          .cmsg_level = SOL_SOCKET,
                          .cmsg_type = SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof(control)};
  CHECK(sendmsg(channel, &message, 0) == 1);
}

static int Take(int channel) {
  char byte;
  struct iovec piece = {&byte, 1};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof(control)};
  CHECK(recvmsg(channel, &message, 0) == 1);
  int fd;
  memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
  return fd;
}

static void Await(pid_t child) {
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char** argv) {
  if (argc > 1) {  // the one that inherits
    Exchange(atoi(argv[1]));
    return 0;
  }
  int channel[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
  const pid_t receiver = fork();
  CHECK(receiver >= 0);
  if (receiver == 0) {
    // A file has had the number that the connection will get.
    const int file = open("/dev/null", O_WRONLY);
    CHECK(write(file, "x", 1) == 1);
    close(file);
    const int connection = Take(channel[1]);
    CHECK(connection == file);
    Exchange(connection);
    _exit(0);
  }
  const int connection = ConnectToPeer(kRequests);
  Exchange(connection);
  Pass(channel[0], connection);
  Await(receiver);

  char number[16];
  snprintf(number, sizeof(number), "%d", connection);
  const pid_t heir = fork();
  CHECK(heir >= 0);
  if (heir == 0) {
    execl("/proc/self/exe", "heir", number, NULL);
    _exit(1);
  }
  Await(heir);
  Exchange(connection);
  close(connection);
  Expect(kRequests, kRequests);
  return 0;
}
