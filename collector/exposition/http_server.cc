#include "collector/exposition/http_server.h"

#include <httplib.h>
#include <malloc.h>
#include <prometheus/text_serializer.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "collector/exposition/gzip.h"

namespace proxymeter::collector {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr char kTextType[] = "text/plain; charset=utf-8";
constexpr char kIndex[] =
    "proxymeter collector\n"
    "\n"
    "/metrics  Prometheus metrics\n"
    "/healthz  ok while the process runs\n"
    "/readyz   ok while it takes frames\n";

// Each thread is held by one connection: few are enough for scrapers and
// probes, and an idle one gives its thread back soon.
constexpr std::size_t kThreads = 4;
constexpr std::chrono::seconds kIdleTimeout{2};
constexpr std::chrono::seconds kReadTimeout{5};
constexpr std::chrono::seconds kWriteTimeout{10};
constexpr std::size_t kMaxRequestBody = 4096;

// Given through a provider, as the library would compress a body itself, with
// brotli at its highest level for whoever takes it: seconds for a megabyte.
void SetBody(std::string text, const std::string& accept_encoding,
             httplib::Response& response) {
  response.set_header("Vary", "Accept-Encoding");
  if (AcceptsGzip(accept_encoding)) {
    if (std::optional<std::string> compressed = Gzip(text)) {
      text = *std::move(compressed);
      response.set_header("Content-Encoding", "gzip");
    }
  }
  const auto body = std::make_shared<const std::string>(std::move(text));
  response.set_content_provider(
      body->size(), kMetricsType,
      [body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        return sink.write(body->data() + offset, length);
      });
}

void Configure(httplib::Server& server,
               const prometheus::Collectable& metrics) {
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_keep_alive_timeout(kIdleTimeout.count());
  server.set_read_timeout(kReadTimeout);
  server.set_write_timeout(kWriteTimeout);
  server.set_payload_max_length(kMaxRequestBody);
  // The library's default is SO_REUSEPORT, with which a second collector would
  // silently take half of the scrapes.
  server.set_socket_options([](socket_t fd) {
    const int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.Get("/metrics", [&metrics](const httplib::Request& request,
                                    httplib::Response& response) {
    SetBody(prometheus::TextSerializer().Serialize(metrics.Collect()),
            request.get_header_value("Accept-Encoding"), response);
    // The model of all series was just freed; without this the heap keeps it.
    malloc_trim(0);
  });
  const auto ok = [](const httplib::Request&, httplib::Response& response) {
    response.set_content("ok\n", kTextType);
  };
  server.Get("/healthz", ok);
  server.Get("/readyz", ok);
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(kIndex, kTextType);
  });
  server.set_error_handler(
      [](const httplib::Request&, httplib::Response& response) {
        response.set_content(absl::StrCat(response.status, "\n"), kTextType);
      });
}

}  // namespace

HttpServer::HttpServer() : server_(std::make_unique<httplib::Server>()) {}

HttpServer::~HttpServer() { Stop(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const ListenAddress& address, const prometheus::Collectable& metrics) {
  std::unique_ptr<HttpServer> server(new HttpServer);
  Configure(*server->server_, metrics);
  ListenAddress bound = address;
  errno = 0;
  if (address.port == 0) {
    const int port = server->server_->bind_to_any_port(address.host);
    bound.port = static_cast<std::uint16_t>(port > 0 ? port : 0);
  } else if (!server->server_->bind_to_port(address.host, address.port)) {
    bound.port = 0;
  }
  if (bound.port == 0) {
    const std::string what =
        absl::StrCat("cannot listen for HTTP on ", address.ToString());
    return errno != 0 ? absl::ErrnoToStatus(errno, what)
                      : absl::UnavailableError(what);
  }
  server->address_ = bound.ToString();
  server->thread_ = std::thread(
      [http = server->server_.get()] { http->listen_after_bind(); });
  // Stopping a server that does not run yet would be forgotten.
  while (!server->server_->is_running()) std::this_thread::yield();
  return server;
}

void HttpServer::Stop() {
  if (!thread_.joinable()) return;
  server_->stop();
  thread_.join();
}

}  // namespace proxymeter::collector
