// A signal handler leaves an intercepted recv by siglongjmp.
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

#include "peer.h"

static sigjmp_buf back;

static void OnAlarm(int signal) {
  (void)signal;
  siglongjmp(back, 1);
}

int main(void) {
  const int connection = ConnectToPeer(1);
  signal(SIGALRM, OnAlarm);
  for (volatile int i = 0; i < 20; ++i) {
    if (sigsetjmp(back, 1) == 0) {
      const struct itimerval soon = {.it_value = {.tv_usec = 2000}};
      setitimer(ITIMER_REAL, &soon, NULL);
      char buffer[16];
      recv(connection, buffer, sizeof(buffer), 0);
      CHECK(!"nothing was sent yet");
    }
  }
  SendRequest(connection);
  ReceiveResponse(connection);
  close(connection);
  Expect(1, 1);
  return 0;
}
