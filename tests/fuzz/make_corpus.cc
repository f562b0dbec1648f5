// Writes a corpus to start from, in the product's own formats. What fuzzers
// have found since stands beside it.
//
//   make_corpus tests/fuzz/corpus
#include <openssl/ssl.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "proxymeter/journal.h"
#include "proxymeter/policy.h"
#include "shim/protocol/dns_testing.h"
#include "shim/protocol/http2_testing.h"
#include "shim/protocol/quic_testing.h"
#include "shim/testing/tls_session.h"
#include "tests/compat/samples.h"

namespace {

using proxymeter::collector::RowValue;
using namespace proxymeter::compat;

std::filesystem::path corpus;

void Write(const std::string& name, const std::string& bytes) {
  const std::filesystem::path path = corpus / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

// As journal.cc takes them: without the gap behind the header.
std::string Compact(const std::string& journal) {
  return journal.substr(0, sizeof(proxymeter::JournalHeader)) +
         journal.substr(proxymeter::kJournalHeaderBytes);
}

void WriteAccounts() {
  for (const RowValue& row : SampleRows()) {
    const std::string kind = std::to_string(static_cast<int>(row.key.kind)) +
                             "_" +
                             std::to_string(static_cast<int>(row.key.protocol));
    Write("frame/kind_" + kind, SampleFrame({row}));
    Write("journal/kind_" + kind, Compact(SampleJournal({}, {row})));
  }
  Write("frame/empty", SampleFrame({}));
  Write("frame/all", SampleFrame(SampleRows()));
  Write("journal/empty", Compact(SampleJournal({}, {})));
}

void WriteConfigs() {
  const std::pair<const char*, std::string> configs[] = {
      {"sample", std::string(kSampleConfig)},
      {"host", "version: 1\nvendors:\n- name: a\n  match: [{host: b.test}]\n"},
      {"cidr",
       "version: 1\nvendors:\n- {name: a, match: [{cidr: [10.0.0.0/8, "
       "10.1.0.0/16, 'fd00::/8']}]}\n"},
      {"both",
       "version: 1\nvendors:\n- name: a\n  match:\n  - host: gw.test\n "
       "   cidr: 0.0.0.0/0\n    port: 1-65535\n"},
  };
  for (const auto& [name, text] : configs) {
    Write(std::string("config/") + name + ".yaml", text);
    Write(std::string("policy/") + name, SamplePolicy(text));
  }
  std::string singles =
      "version: 1\nvendors:\n- name: a\n  match:\n  - cidr: [";
  for (int i = 1; i < 40; ++i) {
    singles += "192.0.2." + std::to_string(i * 5) +
               "/32, 'fd00::" + std::to_string(i) + "/128', ";
  }
  singles += "192.0.2.0/24, 'fd00::/16', 'fd00::/120']\n";
  std::string policy = SamplePolicy(singles);
  Write("policy/singles6", policy);
  // A table of IPv4 has a least size, which is too large here: the same
  // buckets as one of IPv4.
  const std::size_t at = policy.find(
      std::string{static_cast<char>(proxymeter::PolicySectionKind::kHosts6), 0,
                  0, 0},
      sizeof(proxymeter::PolicyHeader));
  policy[at] = static_cast<char>(proxymeter::PolicySectionKind::kHosts4);
  Write("policy/singles4", policy);
}

void WriteUserNames() {
  const std::pair<const char*, std::string> cases[] = {
      {"user_name",
       "brd-customer-{customer}-zone-{zone}[-country-{country}]"
       "[-session-{session}][-const]\n"
       "brd-customer-c1-zone-my-dc-const-session-9-country-us"},
      {"password",
       "{password}[_country-{country}][_session-{session}]\n"
       "secret_session-a_country-de"},
      {"parameters",
       "[country_code={country}][&country_code={country}][render_js={js}]"
       "[&render_js={js}]\nrender_js=false&country_code=us"},
      {"star", "a\\*{b}[-x-{c}]*\na*1-x-2-y"},
      {"longest", "{u}[-s-{session}][-s-x-{country}]\nme-s-x-de"},
      {"malformed", "{a[b\\\nab"},
  };
  for (const auto& [name, text] : cases) {
    Write(std::string("user_grammar/") + name, text);
  }
}

// The first flight of a client of this machine's OpenSSL.
std::string ClientHello(int version) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, version);
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set1_groups_list(context, "X25519");
  SSL* const session = SSL_new(context);
  constexpr unsigned char kAlpn[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(session, kAlpn, sizeof kAlpn - 1);
  SSL_set_tlsext_host_name(session, "shop.example");
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(session, BIO_new(BIO_s_mem()), out);
  SSL_connect(session);
  char bytes[2048];
  const int size = BIO_read(out, bytes, sizeof bytes);
  SSL_free(session);
  SSL_CTX_free(context);
  return {bytes, static_cast<std::size_t>(size < 0 ? 0 : size)};
}

// Before the text, how to cut it.
void WriteText(const std::string& name, const std::string& text) {
  Write(name, "\x07\x0b" + text);
}

void WriteStreams() {
  using namespace std::string_literals;
  WriteText("proxy_credentials/connect",
            "CONNECT a.test:443 HTTP/1.1\r\nProxy-Authorization: Basic "
            "dXNlcjpwYXNzOndvcmQ=\r\nX-Proxy-Vendor: Acme\r\n\r\n");
  WriteText("proxy_credentials/twice",
            "GET http://a/ HTTP/1.1\r\nproxy-authorization:\tbasic \t a2V5\r\n"
            "Proxy-Authorization: Basic dXNlcg==\r\n\r\nHEAD http://b/ "
            "HTTP/1.1\r\nProxy-Authorization: Digest a=b\r\n\r\n");
  WriteText("proxy_credentials/basic", "Basic \tdXNlcjpwYXNzOndvcmQ=");
  WriteText("proxy_credentials/socks5",
            "\x05\x02\x00\x02\x01\x04user\x06secret\x05\x01\x00\x03\x06"
            "a.test\x01\xbb"s);
  WriteText("proxy_credentials/socks4",
            "\x04\x01\x01\xbb\x00\x00\x00\x01user\x00"
            "a.test\x00"s);
  WriteText("http1_request/get",
            "GET http://shop.example/a HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  WriteText("http1_request/chunked",
            "POST /a HTTP/1.1\r\nHost: b.test:80\r\nTransfer-Encoding: "
            "chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\nHEAD / "
            "HTTP/1.0\r\nHost: c\r\n\r\n");
  WriteText("http1_request/connect",
            "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nProxy-Authorization: "
            "Basic eA==\r\n\r\n\x16\x03\x01");
  WriteText("http1_response/length",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 304 "
            "\r\nContent-Length: 9\r\n\r\n");
  WriteText("http1_response/chunked",
            "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 404 No\r\nTransfer-Encoding: "
            "gzip, chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n");
  WriteText("http1_response/close",
            "HTTP/1.0 407 Proxy\r\nConnection: close\r\n\r\nuntil the end");
  WriteText("client_hello/tls12", ClientHello(TLS1_2_VERSION));
  WriteText("client_hello/tls13", ClientHello(TLS1_3_VERSION));
  WriteText("proxy_prefix/ipv4",
            "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET"s);
  WriteText("proxy_prefix/unknown", "PROXY UNKNOWN\r\n"s);
  WriteText(
      "proxy_prefix/binary",
      "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\1\1\0\x50"s);
  WriteText("proxy_prefix/request", "POST / HTTP/1.1\r\n"s);
  WriteText("socks_client/domain5",
            "\x05\x02\x00\x02\x01\x01u\x01p\x05\x01\x00\x03\x06"
            "a.test\x01\xbb"s);
  WriteText("socks_client/address5",
            "\x05\x01\x00\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"s);
  WriteText("socks_client/domain4",
            "\x04\x01\x01\xbb\x00\x00\x00\x01me\x00"
            "a.test\x00"s);
  WriteText("socks_server/granted5",
            "\x05\x02\x01\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00HTTP"s);
  WriteText("socks_server/refused5", "\x05\x00\x05\x05\x00\x03\x01x\x00\x50"s);
  WriteText("socks_server/granted4", "\x00\x5a\x00\x50\xc0\x00\x02\x01"s);
}

// What OpenSSL's client and server say to each other.
void WriteTls() {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    proxymeter::shim::TlsSession session("shop.example");
    SSL_set_max_proto_version(session.client(), version);
    std::string client, server;
    const auto exchange = [&] {
      std::string records = session.FromClient();
      client += records;
      session.ToServer(records);
      session.ServerHandshake();
      records = session.FromServer();
      server += records;
      session.ToClient(records);
    };
    for (bool done = false; !done;) {
      done = session.ClientHandshake();
      exchange();
    }
    SSL_write(session.client(), "request", 7);
    SSL_write(session.server(), "response", 8);
    exchange();
    const std::string name = version == TLS1_2_VERSION ? "tls12" : "tls13";
    WriteText("tls_client/" + name, client);
    WriteText("tls_server/" + name, server);
  }
}

// The datagram, and its frames.
void WriteQuic() {
  using namespace proxymeter::protocol;
  const std::string frames =
      QuicCrypto(0, ClientHello(TLS1_3_VERSION).substr(5));
  Write("quic_hello/frames", frames);
  Write("quic_hello/version1", QuicInitial(kQuicV1, "8bytesid", 0, frames));
  Write("quic_hello/version2", QuicInitial(kQuicV2, "8bytesid", 0, frames));
}

void WriteDns() {
  using namespace proxymeter::protocol;
  for (const bool compress : {true, false}) {
    DnsWriter answer("Gw.acme.test", kDnsA, 0x8180, compress);
    answer.Cname("gw.acme.test", "pool.acme.test");
    answer.A("pool.acme.test", {192, 0, 2, 1});
    answer.Aaaa("pool.acme.test", {0x20, 1, 0xd, 0xb8, 1});
    answer.Opt();
    const std::string name = compress ? "compressed" : "plain";
    WriteText("dns_answer/" + name, answer.bytes());
    WriteText("dns_answer/stream_" + name,
              Dns16(answer.bytes().size()) + answer.bytes() + Dns16(1) + "x");
  }
  DnsWriter cut("a.test", kDnsAaaa, 0x8380);
  cut.Cname("a.test", "b.test");
  cut.Cname("b.test", "a.test");
  cut.A("b.test", {192, 0, 2, 1});
  WriteText("dns_answer/truncated",
            cut.bytes().substr(0, cut.bytes().size() - 2));
}

// What nghttp2's client and server say to each other.
void WriteHttp2() {
  using namespace proxymeter::protocol;
  const auto write = [](const std::string& name, Http2Peers& peers) {
    peers.Talk();
    WriteText("http2_client/" + name, peers.Said(Http2Speaker::kClient));
    WriteText("http2_server/" + name, peers.Said(Http2Speaker::kServer));
  };
  const Http2Headers get = {{":method", "GET"},
                            {":scheme", "https"},
                            {":authority", "shop.test"},
                            {":path", "/"},
                            {"cookie", "a=b"}};
  const Http2Headers ok = {{":status", "200"}, {"server", "x"}};
  Http2Peers plain;
  plain.Answer("/", {.headers = ok, .body = "hello"});
  plain.Request({.headers = get});
  plain.Talk();
  plain.Request({.headers = get, .body = "question"});
  write("requests", plain);
  Http2Peers padded({{NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 100},
                     {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 20'000}},
                    {}, /*padding=*/5);
  padded.Answer("/", {.headers = ok,
                      .body = "hello",
                      .trailers = {{"grpc-status", "3"}},
                      .interim = {{{":status", "103"}}},
                      .push = get});
  padded.Request(
      {.headers = get, .body = "question", .trailers = {{"a", "b"}}});
  write("padded", padded);
  Http2Peers tunnel;
  tunnel.Answer("shop.test:443", {.headers = ok, .body = "inside"});
  tunnel.Request(
      {.headers = {{":method", "CONNECT"}, {":authority", "shop.test:443"}},
       .body = "inside"});
  tunnel.Request(
      {.headers = {{":method", "CONNECT"}, {":authority", "news.test:443"}}});
  tunnel.Talk();
  nghttp2_submit_rst_stream(tunnel.client(), 0, 3, NGHTTP2_CANCEL);
  nghttp2_submit_ping(tunnel.server(), 0, nullptr);
  nghttp2_session_terminate_session(tunnel.server(), NGHTTP2_NO_ERROR);
  write("tunnel", tunnel);
  const std::string block = Http2Deflater().Block(get);
  WriteText("http2_client/continued",
            Http2Hello() +
                Http2Frame(NGHTTP2_HEADERS, 1, 1, block.substr(0, 3)) +
                Http2Frame(NGHTTP2_CONTINUATION, 4, 1, block.substr(3)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "Usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  corpus = argv[1];
  WriteAccounts();
  WriteConfigs();
  WriteUserNames();
  WriteStreams();
  WriteDns();
  WriteHttp2();
  WriteTls();
  WriteQuic();
  return 0;
}
