// The collector's HTTP server: /metrics, /healthz, /readyz, and what others
// have to say.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_HTTP_SERVER_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "collector/exposition/http_answer.h"
#include "collector/exposition/listen_address.h"

namespace httplib {
class Server;
}

namespace proxymeter::collector {

/// Serves the Prometheus text format 0.0.4, compressed where the client takes
/// it.
class HttpServer {
 public:
  /// Makes all metrics, in the format. Called by several threads at once.
  using MetricsText = std::function<std::string()>;

  /// Binds and starts. What `metrics` needs must outlive the server, as must
  /// what `others` needs, who answers all other paths; without it there are
  /// none.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const ListenAddress& address, MetricsText metrics,
      const HttpHandler& others = nullptr);

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// HOST:PORT, with the port that was bound.
  const std::string& address() const { return address_; }

  /// Ends once the answers that are being written are out.
  void Stop();

 private:
  HttpServer();

  std::unique_ptr<httplib::Server> server_;
  std::string address_;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_HTTP_SERVER_H_
