// A signal handler sends on the connection that the program is sending on.
#include <signal.h>
#include <sys/time.h>

#include "peer.h"

enum { kRequests = 3000 };

static int connection;
static volatile sig_atomic_t sent_by_handler;
static volatile sig_atomic_t sent;

static void OnAlarm(int signal) {
  (void)signal;
  if (sent + sent_by_handler >= kRequests) return;
  if (send(connection, kRequest, sizeof(kRequest) - 1, 0) > 0) {
    ++sent_by_handler;
  }
}

int main(void) {
  connection = ConnectToPeer(kRequests);
  signal(SIGALRM, OnAlarm);
  const struct itimerval often = {.it_interval = {.tv_usec = 200},
                                  .it_value = {.tv_usec = 200}};
  setitimer(ITIMER_REAL, &often, NULL);
  sigset_t alarms;
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  int received = 0;
  while (received < kRequests) {
    sigprocmask(SIG_BLOCK, &alarms, NULL);
    const int more = sent + sent_by_handler < kRequests;
    if (more) ++sent;
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    // Interrupted here, between and inside the calls.
    if (more) SendRequest(connection);
    while (received < sent + sent_by_handler) {
      ReceiveResponse(connection);
      ++received;
    }
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  close(connection);
  CHECK(sent_by_handler > 0);
  // The parser may have given up on a stream without order: bytes only.
  printf("sent %zu received %zu\n", kRequests * (sizeof(kRequest) - 1),
         kRequests * (sizeof(kResponse) - 1));
  return 0;
}
