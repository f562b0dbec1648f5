#include <malloc.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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
    if (absl::Status reloaded = collector.ReloadConfig(); !reloaded.ok()) {
      spdlog::error("event=config_rejected error=\"{}\"",
                    std::string(reloaded.message()));
    }
  }
  collector.Stop();
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
