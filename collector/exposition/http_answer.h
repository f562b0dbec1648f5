// What a path of the HTTP server answers, without the library that serves it.
#ifndef PROXYMETER_COLLECTOR_EXPOSITION_HTTP_ANSWER_H_
#define PROXYMETER_COLLECTOR_EXPOSITION_HTTP_ANSWER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace proxymeter::collector {

/// A GET or HEAD.
struct HttpQuestion {
  std::string path;
  std::multimap<std::string, std::string> parameters;  ///< decoded
};

struct HttpAnswer {
  int status = 200;
  std::string content_type;
  std::shared_ptr<const std::string> body;
  /// The same, compressed; null: compressed for each who takes it.
  std::shared_ptr<const std::string> gzipped{};
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// Called by several threads at once.
using HttpHandler = std::function<HttpAnswer(const HttpQuestion&)>;

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_EXPOSITION_HTTP_ANSWER_H_
