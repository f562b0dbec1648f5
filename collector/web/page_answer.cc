#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "collector/exposition/gzip.h"
#include "collector/web/page_files.h"

namespace proxymeter::collector {
namespace {

// Names in the figures come from whoever a crawler talks to. They are put into
// the page as text; should that ever fail, nothing that they could say is run,
// loaded or sent: scripts and styles are the page's own files, and it may ask
// nobody but this collector.
constexpr char kContentSecurityPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

struct Served {
  std::string_view path;
  HttpAnswer answer;
};

std::vector<Served> ServedFiles() {
  std::vector<Served> served;
  for (const PageFile& file : PageFiles()) {
    HttpAnswer answer{
        .content_type = std::string(file.content_type),
        .body = std::make_shared<const std::string>(file.text),
        // The next collector at this address may be another version.
        .headers = {{"Cache-Control", "no-cache"},
                    {"Content-Security-Policy", kContentSecurityPolicy}}};
    if (auto gzipped = Gzip(file.text)) {
      answer.gzipped = std::make_shared<const std::string>(*std::move(gzipped));
    }
    served.push_back({file.path, std::move(answer)});
  }
  return served;
}

}  // namespace

HttpAnswer PageAnswer(std::string_view path) {
  static const std::vector<Served> kServed = ServedFiles();
  const auto found = std::find_if(
      kServed.begin(), kServed.end(),
      [path](const Served& served) { return served.path == path; });
  if (found != kServed.end()) return found->answer;
  return {.status = 404,
          .content_type = "text/plain; charset=utf-8",
          .body = std::make_shared<const std::string>("404\n")};
}

}  // namespace proxymeter::collector
