/* Opens connections in every way that test_callers.py asks about.

   caller_program ADDRESS PORT [WAY COUNT]...

   WAY is direct; libc, where glibc makes the call on the program's behalf; or
   handler, in a signal handler that has a stack of its own. Prints how many
   descriptors are open in the end, and whether libunwind is loaded. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../traps/check.h"

static struct sockaddr_in address = {.sin_family = AF_INET};

static void Direct(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connect(fd, (struct sockaddr*)&address, sizeof(address)) == 0);
  CHECK(close(fd) == 0);
}

/* A stream whose write function is connect: written to, it is called with the
   descriptor, the address and its length. */
static void ThroughLibc(void) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  /* By way of void*: no type fits both. */
  void* write = (void*)connect;
  const cookie_io_functions_t functions = {.write = write};
  FILE* stream = fopencookie((void*)(long)fd, "w", functions);
  CHECK(stream != NULL && setvbuf(stream, NULL, _IONBF, 0) == 0);
  fwrite(&address, 1, sizeof(address), stream);
  struct sockaddr_in peer;
  socklen_t length = sizeof(peer);
  CHECK(getpeername(fd, (struct sockaddr*)&peer, &length) == 0);
  fclose(stream);
  CHECK(close(fd) == 0);
}

static void OnSignal(int signal) {
  (void)signal;
  Direct();
}

static void InHandler(void) { CHECK(raise(SIGUSR1) == 0); }

static int OpenDescriptors(void) {
  DIR* directory = opendir("/proc/self/fd");
  CHECK(directory != NULL);
  int count = 0;
  for (const struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    count += entry->d_name[0] != '.';
  }
  closedir(directory);
  return count;
}

static int IsLoaded(const char* library) {
  FILE* maps = fopen("/proc/self/maps", "r");
  CHECK(maps != NULL);
  char line[4096];
  int found = 0;
  while (fgets(line, sizeof(line), maps) != NULL) {
    found |= strstr(line, library) != NULL;
  }
  fclose(maps);
  return found;
}

int main(int count, char** arguments) {
  CHECK(count >= 3);
  CHECK(inet_pton(AF_INET, arguments[1], &address.sin_addr) == 1);
  address.sin_port = htons((unsigned short)atoi(arguments[2]));
  static char memory[256 * 1024];
  const stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
  CHECK(sigaltstack(&stack, NULL) == 0);
  struct sigaction action = {.sa_handler = OnSignal, .sa_flags = SA_ONSTACK};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  for (int i = 3; i + 1 < count; i += 2) {
    for (int more = atoi(arguments[i + 1]); more > 0; --more) {
      if (strcmp(arguments[i], "direct") == 0) Direct();
      if (strcmp(arguments[i], "libc") == 0) ThroughLibc();
      if (strcmp(arguments[i], "handler") == 0) InHandler();
    }
  }
  printf("descriptors %d\n", OpenDescriptors());
  printf("libunwind %d\n", IsLoaded("libunwind"));
  return 0;
}
