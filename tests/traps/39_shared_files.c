// What others may do to the files that a crawler has mapped must not become a
// SIGBUS in it.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "server.h"

enum { kNobody = 65534 };

static char journals[4096];

// Calls `visit` for each journal there is; how many there are.
static int ForEachJournal(void (*visit)(const char* path)) {
  DIR* directory = opendir(journals);
  CHECK(directory != NULL);
  int count = 0;
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char path[8192];
    snprintf(path, sizeof(path), "%s/%s", journals, entry->d_name);
    visit(path);
    ++count;
  }
  closedir(directory);
  return count;
}

// Another user knows the name, which he cannot: the directory is not to be
// listed.
static void Attack(const char* path) {
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(setresgid(kNobody, kNobody, kNobody) == 0);
    CHECK(setresuid(kNobody, kNobody, kNobody) == 0);
    CHECK(truncate(path, 0) == -1 && errno == EACCES);
    CHECK(unlink(path) == -1 && (errno == EPERM || errno == EACCES));
    CHECK(opendir(journals) == NULL && errno == EACCES);
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void Remove(const char* path) { CHECK(unlink(path) == 0); }

// Longer than what lies between two flushes.
static void Pause(void) {
  nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 100000000}, NULL);
}

int main(void) {
  REQUIRE(geteuid() == 0, "root");
  const char* directory = getenv("PROXYMETER_DIR");
  const struct sockaddr_in server = StartServer(1);
  const int connection = ConnectTo(&server);
  Exchange(connection);
  if (directory != NULL) {
    snprintf(journals, sizeof(journals), "%s/journals", directory);
    CHECK(ForEachJournal(Attack) == 1);
    Exchange(connection);
    // Somebody tidies up.
    CHECK(ForEachJournal(Remove) == 1);
  } else {
    Exchange(connection);
  }
  Exchange(connection);
  // Nothing reads a file that is gone: the last flush has to say it all.
  Pause();
  close(connection);
  Expect(3, 3);
  return 0;
}
