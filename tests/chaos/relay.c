// Stands where a vendor's proxy is, answers absolute-form requests itself and
// counts what its own calls move:
//
//   relay TESTIMONY LOG
//
// says its port, then serves until it is killed. The last component of a
// request's path is the length of the answer. When a connection has ended, a
// line of LOG tells of it: bytes received, bytes sent, requests.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "testimony.h"

enum { kHead = 2048, kChunk = 65536 };

struct Client {
  int fd;
  char head[kHead];
  size_t head_bytes;
  uint64_t body_left;    // of the request
  uint64_t answer_left;  // of the response, its head included
  char answer_head[128];
  size_t answer_head_bytes, answer_bytes;
  int answering;
  uint64_t received, sent, requests;
};

static struct Relayed* account;
static FILE* journal;
static int events;
static char zeroes[kChunk];

static void End(struct Client* client) {
  fprintf(journal, "%lu %lu %lu\n", client->received, client->sent,
          client->requests);
  fflush(journal);
  close(client->fd);
  free(client);
  account->open--;
}

// False when the connection is at its end.
static int Answer(struct Client* client) {
  while (client->answer_bytes < client->answer_left) {
    const char* from = zeroes;
    uint64_t size = client->answer_left - client->answer_bytes;
    if (client->answer_bytes < client->answer_head_bytes) {
      from = client->answer_head + client->answer_bytes;
      size = client->answer_head_bytes - client->answer_bytes;
    }
    if (size > kChunk) size = kChunk;
    ssize_t put = send(client->fd, from, size, MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN;
    client->sent += put;
    account->sent += put;
    client->answer_bytes += put;
  }
  client->answering = 0;
  account->responses++;
  return 1;
}

static int TakeHead(struct Client* client, char* end) {
  *end = 0;
  client->requests++;
  account->requests++;
  char* length = strcasestr(client->head, "\r\nContent-Length: ");
  client->body_left = length == NULL ? 0 : strtoull(length + 18, NULL, 10);
  char* space = strstr(client->head, " HTTP/1.1");
  if (space == NULL) return 0;
  *space = 0;
  char* slash = strrchr(client->head, '/');
  if (slash == NULL) return 0;
  uint64_t size = strtoull(slash + 1, NULL, 10);
  client->answer_head_bytes =
      sprintf(client->answer_head,
              "HTTP/1.1 200 OK\r\nContent-Length: %lu\r\n\r\n", size);
  client->answer_left = client->answer_head_bytes + size;
  client->answer_bytes = 0;
  client->head_bytes = 0;
  return 1;
}

static int Take(struct Client* client) {
  static char chunk[kChunk];
  while (!client->answering) {
    size_t room = kChunk;
    char* into = chunk;
    if (client->body_left == 0) {
      into = client->head + client->head_bytes;
      room = kHead - 1 - client->head_bytes;
      if (room == 0) return 0;
    } else if (client->body_left < room) {
      room = client->body_left;
    }
    ssize_t got = recv(client->fd, into, room, 0);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return 0;
    client->received += got;
    account->received += got;
    if (into == chunk) {
      client->body_left -= got;
    } else {
      client->head_bytes += got;
      client->head[client->head_bytes] = 0;
      char* end = strstr(client->head, "\r\n\r\n");
      if (end == NULL) continue;
      uint64_t behind = client->head + client->head_bytes - (end + 4);
      if (!TakeHead(client, end + 2)) return 0;
      // Our clients do not pipeline: what stands behind a head is its body.
      if (behind > client->body_left) return 0;
      client->body_left -= behind;
    }
    if (client->body_left == 0) {
      client->answering = 1;
      if (!Answer(client)) return 0;
    }
  }
  return 1;
}

static void Accept(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  struct Client* client = calloc(1, sizeof *client);
  Check(client != NULL, "calloc");
  client->fd = fd;
  // In this order: who reads neither sees all ended while one begins.
  account->open++;
  account->connections++;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                              .data.ptr = client};
  Check(epoll_ctl(events, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

int main(int count, char** arguments) {
  if (count != 3) return 2;
  account = MapShared(arguments[1], sizeof *account);
  journal = fopen(arguments[2], "w");
  Check(journal != NULL, arguments[2]);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Check(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 &&
            listen(listener, SOMAXCONN) == 0,
        "listen");
  socklen_t length = sizeof address;
  getsockname(listener, (struct sockaddr*)&address, &length);
  events = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  Check(epoll_ctl(events, EPOLL_CTL_ADD, listener, &event) == 0, "epoll_ctl");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event ready[64];
    int many = epoll_wait(events, ready, 64, -1);
    for (int i = 0; i < many; ++i) {
      struct Client* client = ready[i].data.ptr;
      if (client == NULL) {
        Accept(listener);
      } else if ((client->answering && !Answer(client)) || !Take(client)) {
        End(client);
      }
    }
  }
}
