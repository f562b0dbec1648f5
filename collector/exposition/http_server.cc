#include "collector/exposition/http_server.h"

#include <httplib.h>
#include <malloc.h>

#include <cerrno>
#include <chrono>
#include <memory>
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

// Each thread is held by one connection for as long as that lives. So a
// connection gets one answer: a browser would keep several open, and a few open
// pages every thread, with scrapers and probes waiting behind them. For the
// same reason pages ask again and again, and no answer is a stream of events.
constexpr std::size_t kThreads = 8;
constexpr std::size_t kAnswersOfAConnection = 1;
constexpr std::chrono::seconds kIdleTimeout{2};
constexpr std::chrono::seconds kReadTimeout{5};
constexpr std::chrono::seconds kWriteTimeout{10};
constexpr std::size_t kMaxRequestBody = 4096;

// Given through a provider, as the library would compress a body itself, with
// brotli at its highest level for whoever takes it: seconds for a megabyte.
using Text = std::shared_ptr<const std::string>;

void SetBody(Text body, Text gzipped, const std::string& content_type,
             const httplib::Request& request, httplib::Response& response) {
  response.set_header("Vary", "Accept-Encoding");
  if (AcceptsGzip(request.get_header_value("Accept-Encoding"))) {
    if (gzipped == nullptr) {
      if (std::optional<std::string> compressed = Gzip(*body)) {
        gzipped = std::make_shared<const std::string>(*std::move(compressed));
      }
    }
    if (gzipped != nullptr) {
      body = gzipped;
      response.set_header("Content-Encoding", "gzip");
    }
  }
  response.set_content_provider(
      body->size(), content_type,
      [body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        return sink.write(body->data() + offset, length);
      });
}

void SetAnswer(HttpAnswer answer, const httplib::Request& request,
               httplib::Response& response) {
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) {
    response.set_header(name, value);
  }
  SetBody(std::move(answer.body), std::move(answer.gzipped),
          answer.content_type, request, response);
}

void Configure(httplib::Server& server, const HttpServer::MetricsText& metrics,
               const HttpHandler& others) {
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_keep_alive_max_count(kAnswersOfAConnection);
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
  server.Get("/metrics", [metrics](const httplib::Request& request,
                                   httplib::Response& response) {
    SetBody(std::make_shared<const std::string>(metrics()), nullptr,
            kMetricsType, request, response);
  });
  // Called when an answer is out. What all series were made of was just freed;
  // without this the heap keeps it.
  server.set_logger(
      [](const httplib::Request& request, const httplib::Response&) {
        if (request.path == "/metrics") malloc_trim(0);
      });
  const auto ok = [](const httplib::Request&, httplib::Response& response) {
    response.set_content("ok\n", kTextType);
  };
  server.Get("/healthz", ok);
  server.Get("/readyz", ok);
  if (others == nullptr) {
    server.Get("/", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(kIndex, kTextType);
    });
  } else {
    server.Get(".*", [others](const httplib::Request& request,
                              httplib::Response& response) {
      SetAnswer(others({request.path, request.params}), request, response);
    });
  }
  // Nobody is to guess what an answer is.
  server.set_default_headers({{"X-Content-Type-Options", "nosniff"}});
  server.set_error_handler(
      [](const httplib::Request&, httplib::Response& response) {
        if (response.has_header("Content-Type")) return;  // says it itself
        response.set_content(absl::StrCat(response.status, "\n"), kTextType);
      });
}

}  // namespace

HttpServer::HttpServer() : server_(std::make_unique<httplib::Server>()) {}

HttpServer::~HttpServer() { Stop(); }

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const ListenAddress& address, MetricsText metrics,
    const HttpHandler& others) {
  std::unique_ptr<HttpServer> server(new HttpServer);
  Configure(*server->server_, metrics, others);
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
