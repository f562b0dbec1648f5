// Peers, and programs, that speak nonsense: every byte is counted, and nothing
// breaks.
#define _GNU_SOURCE
#include "pair.h"

enum { kBig = 1 << 20 };

static char big[kBig + 4096];
static size_t sent, received;

static void End(Pair* pair) {
  sent += pair->sent;
  received += pair->received;
  Disconnect(pair);
}

// `before`, a megabyte of `filler`, `after`.
static size_t Fill(const char* before, char filler, const char* after) {
  const size_t head = strlen(before);
  memcpy(big, before, head);
  memset(big + head, filler, kBig);
  strcpy(big + head + kBig, after);
  return head + kBig + strlen(after);
}

// A request, and something else than a response to it.
static void Answer(const void* data, size_t size, size_t piece) {
  Pair pair = Connect();
  Send(&pair, kRequest, sizeof(kRequest) - 1, sizeof(kRequest));
  Receive(&pair, data, size, piece);
  // Whatever came, the connection goes on.
  Send(&pair, kRequest, sizeof(kRequest) - 1, sizeof(kRequest));
  Receive(&pair, kResponse, sizeof(kResponse) - 1, sizeof(kResponse));
  End(&pair);
}

static void AnswerText(const char* text) {
  Answer(text, strlen(text), 1);
  Answer(text, strlen(text), kBig);
}

static void Ask(const void* data, size_t size, size_t piece) {
  Pair pair = Connect();
  Send(&pair, data, size, piece);
  Receive(&pair, kResponse, sizeof(kResponse) - 1, 7);
  End(&pair);
}

static void Answers(void) {
  const size_t pieces[] = {1 << 16, 1000, 65521};
  for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); ++i) {
    Answer(big, Fill("HTTP/1.1 200 OK\r\nX: ", 'x', "\r\n\r\n"), pieces[i]);
    Answer(big, Fill("HTTP/1.1 200 ", 'o', "\r\n\r\n"), pieces[i]);
    Answer(big, Fill("", '\0', ""), pieces[i]);
    Answer(big, Fill("HTTP/1.1 200 OK\r\n", '\0', "\r\n\r\n"), pieces[i]);
    Answer(big,
           Fill("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", '1',
                "\r\n"),
           pieces[i]);
    Answer(big, Fill("HTTP/1.1 200 OK\r\nContent-Length: ", '9', "\r\n\r\n"),
           pieces[i]);
    Answer(big, Fill("HTTP/1.1 ", '2', " OK\r\n\r\n"), pieces[i]);
    Answer(big, Fill("", '\n', ""), pieces[i]);
  }
  static const char nul[] =
      "HTTP/1.1 2\0"
      "0 O\0K\r\nConte\0nt-Length: 1\r\n\r\n";
  Answer(nul, sizeof(nul) - 1, 1);
  AnswerText("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
  AnswerText("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n");
  AnswerText(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
  AnswerText("HTTP/1.1 999 \r\n\r\n");
  AnswerText("HTTP/1.1 -12 x\r\n\r\n");
  AnswerText("HTTP/9.9 200 OK\r\n\r\n");
  AnswerText("\x05\x00");
  AnswerText("\x16\x03\x01\xff\xff");
}

static void Questions(void) {
  Ask(big, Fill("GET /", 'x', " HTTP/1.1\r\nHost: a\r\n\r\n"), 4096);
  Ask(big, Fill("GET / HTTP/1.1\r\nHost: ", 'h', "\r\n\r\n"), 999);
  Ask(big, Fill("CONNECT ", 'h', ":443 HTTP/1.1\r\n\r\n"), kBig);
  Ask(big, Fill("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ", '1', "\r\n"),
      kBig);
  static const char nul[] = "GET /\0 HTTP/1.1\r\nHo\0st: \0a\r\n\r\n";
  Ask(nul, sizeof(nul) - 1, 1);
  Ask(nul, sizeof(nul) - 1, sizeof(nul));
  // SOCKS 5 with more methods, and a longer name, than are there.
  Ask("\x05\xff\x00", 3, 1);
  Ask("\x05\x01\x00\x05\x01\x00\x03\xff"
      "abc",
      11, 1);
  Ask("\x04\x01\x00\x50\x00\x00\x00\x01", 8, 8);
}

// Half a ClientHello, silence, and the end of either side.
static void HalfHello(int far_first, size_t size) {
  static const unsigned char hello[] = {
      0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
      0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b,
      0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16};
  Pair pair = Connect();
  Send(&pair, hello, size < sizeof(hello) ? size : sizeof(hello), 3);
  if (far_first) {
    char byte;
    syscall(SYS_shutdown, pair.far, SHUT_RDWR);
    CHECK(recv(pair.near, &byte, 1, 0) == 0);
  }
  End(&pair);
}

// The peer resets the connection in the middle of a head.
static void Reset(void) {
  Pair pair = Connect();
  Send(&pair, kRequest, sizeof(kRequest) - 1, 1);
  Receive(&pair, kResponse, 10, 10);
  const struct linger reset = {.l_onoff = 1, .l_linger = 0};
  syscall(SYS_setsockopt, pair.far, SOL_SOCKET, SO_LINGER, &reset,
          sizeof(reset));
  syscall(SYS_close, pair.far);
  char byte;
  CHECK(recv(pair.near, &byte, 1, 0) == -1);
  CHECK(send(pair.near, &byte, 1, MSG_NOSIGNAL) == -1);
  End(&pair);
}

int main(void) {
  Answers();
  Questions();
  for (size_t size = 1; size < 34; ++size) HalfHello(size % 2, size);
  Reset();
  printf("sent %zu received %zu\n", sent, received);
  return 0;
}
