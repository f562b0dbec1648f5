#include <malloc.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "collector/collector.h"

namespace proxymeter::collector {
namespace {

// Threads each with a heap of their own would keep what one scrape used.
constexpr int kHeaps = 2;

void LogToStandardError() {
  auto logger = std::make_shared<spdlog::logger>(
      "proxymeter", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
                      spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// Until the metrics have been scraped a last time; another signal cuts it
// short.
void Linger(const Collector& collector, std::chrono::seconds longest,
            const sigset_t& signals) {
  const auto deadline = std::chrono::steady_clock::now() + longest;
  const std::uint64_t scrapes = collector.scrapes();
  if (longest.count() != 0) {
    spdlog::info("event=lingering longest_seconds={}", longest.count());
  }
  while (collector.scrapes() == scrapes &&
         std::chrono::steady_clock::now() < deadline) {
    constexpr timespec kPause = {.tv_sec = 0, .tv_nsec = 20'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &kPause);
    if (signal == SIGTERM || signal == SIGINT) return;
  }
}

}  // namespace

absl::Status RunCollector(const CollectorOptions& options) {
  mallopt(M_ARENA_MAX, kHeaps);
  LogToStandardError();
  // Threads inherit the mask: the signals wait for sigwait below.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Collector collector(options);
  if (absl::Status started = collector.Start(); !started.ok()) return started;
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      spdlog::info("event=stopping signal={}", signal);
      break;
    }
    collector.RequestReload();
  }
  collector.Drain();
  Linger(collector, options.linger, signals);
  collector.Stop();
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
