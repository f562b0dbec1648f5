// A set-user-ID program runs without us, as if nothing were there.
#define _GNU_SOURCE
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "namespaces.h"

enum { kNobody = 65534 };

static void Copy(const char* from, const char* to) {
  const int source = open(from, O_RDONLY);
  const int target = open(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
  CHECK(source >= 0 && target >= 0);
  while (sendfile(target, source, NULL, 1 << 20) > 0) {
  }
  CHECK(fchmod(target, 04755) == 0);
  CHECK(close(source) == 0 && close(target) == 0);
}

int main(int argc, char** argv) {
  if (argc == 2) {
    CHECK(getauxval(AT_SECURE) != 0);
    CHECK(getuid() == kNobody && geteuid() == 0);
    const int connection = ConnectToPeer(1);
    Exchange(connection);
    close(connection);
    return 0;
  }
  EnterOwnMounts();
  // Where nothing says nosuid.
  CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") == 0);
  Copy(argv[0], "/mnt/set_user_id");
  const int connection = ConnectToPeer(1);
  Exchange(connection);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(setresgid(kNobody, kNobody, kNobody) == 0);
    CHECK(setresuid(kNobody, kNobody, kNobody) == 0);
    execl("/mnt/set_user_id", "set_user_id", "inside", (char*)NULL);
    _exit(1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  close(connection);
  Expect(1, 1);
  return 0;
}
