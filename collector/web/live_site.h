// The live page and its JSON API: what the HTTP server answers beside the
// metrics.
#ifndef PROXYMETER_COLLECTOR_WEB_LIVE_SITE_H_
#define PROXYMETER_COLLECTOR_WEB_LIVE_SITE_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "collector/exposition/http_answer.h"
#include "collector/web/figures_keeper.h"
#include "collector/web/history.h"
#include "collector/web/messages.h"
#include "collector/web/query.h"

namespace proxymeter::collector {

/// Thread-safe.
class LiveSite {
 public:
  struct Sources {
    /// As /metrics has it.
    std::function<Metrics::View()> view;
    /// For the history: cheap, asked every few seconds for as long as the
    /// collector lives. Nothing: not known now.
    std::function<std::optional<VendorSums>()> sums;
  };

  /// Starts a thread that keeps the history. What `sources` call must live
  /// until the destructor has run.
  LiveSite(Sources sources, CollectorIdentity identity);
  LiveSite(const LiveSite&) = delete;
  LiveSite& operator=(const LiveSite&) = delete;
  ~LiveSite();

  /// Of a path that is not here: 404.
  HttpAnswer Answer(const HttpQuestion& question);

 private:
  HttpAnswer Vendors(Query query);
  HttpAnswer Destinations(Query query);
  HttpAnswer HistorySince(Query query);
  HttpAnswer Status(Query query);
  void KeepHistory();
  void Sample();

  const Sources sources_;
  const CollectorIdentity identity_;
  FiguresKeeper figures_;
  History history_;
  std::mutex stop_mutex_;
  std::condition_variable stop_condition_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_WEB_LIVE_SITE_H_
