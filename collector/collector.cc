#include "collector/collector.h"

#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "collector/accounts/sessions.h"
#include "collector/audit/auditor.h"
#include "collector/audit/host_watch.h"
#include "collector/exposition/http_server.h"
#include "collector/exposition/listen_address.h"
#include "collector/exposition/metrics.h"
#include "collector/ingest/ingest_server.h"
#include "collector/ingest/run_directory.h"
#include "collector/kernel/final_counts.h"
#include "collector/kernel/socket_ends.h"
#include "collector/ledger/ledger_keeper.h"
#include "collector/pod_identity.h"
#include "collector/reload/config_keeper.h"
#include "collector/rpc/collector_service.h"
#include "collector/rpc/rpc_server.h"
#include "collector/web/live_site.h"
#include "proxymeter/limits.h"

namespace proxymeter::collector {
namespace {

constexpr char kLedgerName[] = "ledger.db";
constexpr char kFinalCountsName[] = "final_counts";

std::uint64_t UnixNanoseconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now().time_since_epoch())
          .count());
}

// Null where the kernel cannot be heard; that is said, and all else works.
FinalSent ListenToKernel(const std::string& directory,
                         std::unique_ptr<FinalCounts>& counts,
                         std::unique_ptr<SocketEnds>& ends, Auditor* auditor) {
  counts = std::make_unique<FinalCounts>(
      absl::StrCat(directory, "/", kFinalCountsName));
  auto started = SocketEnds::Start(
      [raw = counts.get(), auditor](const TcpSocket& end) {
        if (end.cookie != 0 && end.has_counts) raw->Note(end.cookie, end.sent);
        if (auditor != nullptr) auditor->OnEnd(end);
      },
      // Whom it would have settled is counted, by the session that waits.
      [auditor, said = false]() mutable {
        if (auditor != nullptr) auditor->OnOverrun();
        if (!std::exchange(said, true)) {
          spdlog::warn("event=socket_ends_overrun");
        }
      });
  if (!started.ok()) {
    spdlog::warn("event=kernel_not_heard error=\"{}\"",
                 std::string(started.status().message()));
    return nullptr;
  }
  ends = *std::move(started);
  return [raw = counts.get()](std::uint64_t cookie) {
    return raw->SentBy(cookie);
  };
}

// Null where the kernel does not answer; that is said too.
std::unique_ptr<Auditor> MakeAuditor(const RunDirectory& directory,
                                     Sessions& sessions) {
  auto made = Auditor::Create(
      sessions,
      {.journals_fd = directory.journals_fd(),
       .policy_file = absl::StrCat(directory.path(), "/", kPolicyName)});
  if (made.ok()) return *std::move(made);
  spdlog::warn(
      "event=kernel_not_asked error=\"{}\" advice=\"what the library cannot "
      "enter is not metered, and coverage is not known\"",
      std::string(made.status().message()));
  return nullptr;
}

Metrics::View ViewOf(LedgerKeeper& ledger, ConfigKeeper& config,
                     const Auditor* auditor) {
  KeptSnapshot kept = ledger.CommittedSnapshot();
  const ConfigKeeper::Health health = config.health();
  const std::shared_ptr<const InForce> in_force = config.in_force().current();
  return {
      .accounts = std::move(kept.accounts),
      .health = {.ledger_commits = kept.ledger.commits,
                 .ledger_failures = kept.ledger.failures,
                 .ledgers_set_aside = kept.ledger.set_aside,
                 .policy_failures = health.published.failures,
                 .ledger_degraded = kept.ledger.degraded,
                 .policy_degraded = health.published.degraded},
      .policy = {.reloads_ok = health.ok,
                 .reloads_unchanged = health.unchanged,
                 .reloads_failed = health.failed,
                 .failing = health.failing,
                 .generation = in_force->generation,
                 .checksum = in_force->policy_checksum,
                 .since_unix_seconds = std::chrono::duration<double>(
                                           in_force->since.time_since_epoch())
                                           .count(),
                 .vendors = in_force->vendors,
                 .rules = in_force->rules},
      .audit = auditor != nullptr ? auditor->health() : AuditHealth{}};
}

}  // namespace

// Ends in the reverse order: servers first, the directory's lock last.
struct Collector::Running {
  Running(RunDirectory run_directory, const SessionLimits& limits)
      : directory(std::move(run_directory)), sessions(limits) {}

  // libprotobuf complains on standard error of every string that is not UTF-8:
  // a crawler could fill the log. Refusals are counted; what is fatal is said.
  google::protobuf::LogSilencer protobuf_log;
  RunDirectory directory;
  Sessions sessions;
  std::unique_ptr<FinalCounts> final_counts;
  std::unique_ptr<Auditor> auditor;
  std::unique_ptr<SocketEnds> socket_ends;
  std::unique_ptr<LedgerKeeper> ledger;
  std::unique_ptr<ConfigKeeper> config;
  std::unique_ptr<HostWatch> hosts;
  ConfigInForce::Subscription terms;
  std::optional<Metrics> metrics;
  std::unique_ptr<IngestServer> ingest;
  std::unique_ptr<RpcServer> rpc;
  std::unique_ptr<LiveSite> site;
  std::unique_ptr<HttpServer> http;
};

Collector::Collector(CollectorOptions options) : options_(std::move(options)) {}

Collector::~Collector() { Stop(); }

absl::Status Collector::Start() {
  const absl::StatusOr<ListenAddress> metrics_listen =
      ParseListenAddress(options_.metrics_listen);
  if (!metrics_listen.ok()) return metrics_listen.status();
  const absl::StatusOr<ListenAddress> grpc_listen =
      ParseListenAddress(options_.grpc_listen);
  if (!grpc_listen.ok()) return grpc_listen.status();
  auto config = ConfigKeeper::Load({.config_file = options_.config_file});
  if (!config.ok()) return config.status();

  absl::StatusOr<RunDirectory> directory =
      RunDirectory::Open(options_.directory);
  if (!directory.ok()) return directory.status();
  const PodIdentity pod = PodIdentityFromEnvironment();
  auto running = std::make_unique<Running>(
      *std::move(directory),
      SessionLimits{.max_vendor_destinations = options_.max_destinations,
                    .fold_idle = options_.fold_idle});
  // Before the ledger tells what was counted: each at the price that holds.
  running->terms = (*config)->in_force().Subscribe(
      [raw = running.get()](const InForce& in_force) {
        raw->sessions.SetTerms(TermsOf(*in_force.config),
                               in_force.config->destinations ==
                                   DestinationNames::kRegistrableDomain);
      });
  const std::string& path = running->directory.path();
  // First: what happens from here on is heard.
  if (options_.audit) {
    running->auditor = MakeAuditor(running->directory, running->sessions);
  }
  FinalSent final_sent =
      ListenToKernel(path, running->final_counts, running->socket_ends,
                     running->auditor.get());
  // Without the ends of connections there is nothing to compare.
  if (final_sent == nullptr) running->auditor.reset();
  const std::string ledger_file = options_.ledger_file.empty()
                                      ? absl::StrCat(path, "/", kLedgerName)
                                      : options_.ledger_file;
  // Before the journals are looked at: it knows what of them has been counted.
  auto keeper =
      LedgerKeeper::Start(ledger_file, UnixNanoseconds(), running->sessions);
  if (!keeper.ok()) return keeper.status();
  running->ledger = *std::move(keeper);
  running->config = *std::move(config);
  running->config->Start(path);
  if (running->auditor != nullptr) {
    running->auditor->Start();
    running->hosts = std::make_unique<HostWatch>(
        [raw = running.get()] {
          return ExactHosts(*raw->config->in_force().config());
        },
        [raw = running.get()](HostWatch::Names names) {
          raw->auditor->SetNames(std::move(names));
        });
  }
  const auto view = [raw = running.get()] {
    return ViewOf(*raw->ledger, *raw->config, raw->auditor.get());
  };
  running->metrics.emplace(view, pod);
  if (!running->directory.in_memory()) {
    spdlog::warn(
        "event=directory_on_disk dir={} advice=\"use a tmpfs: writing a page "
        "back to disk can stall the crawlers\"",
        path);
  }

  IngestOptions ingest_options = {.final_sent = std::move(final_sent)};
  if (running->auditor != nullptr) {
    ingest_options.on_last_reading =
        [auditor = running->auditor.get()](const JournalContents& journal) {
          auditor->OnLastReading(journal);
        };
  }
  auto ingest = IngestServer::Start(running->directory, running->sessions,
                                    std::move(ingest_options));
  if (!ingest.ok()) return ingest.status();
  running->ingest = *std::move(ingest);
  auto rpc = RpcServer::Start(
      grpc_listen->ToString(), path,
      std::make_unique<CollectorService>(
          running->sessions, pod,
          ReloadSource{.request =
                           [raw = running->config.get()](auto done) {
                             return raw->Request(std::move(done));
                           },
                       .config_file = options_.config_file}));
  if (!rpc.ok()) return rpc.status();
  running->rpc = *std::move(rpc);
  running->site = std::make_unique<LiveSite>(
      LiveSite::Sources{
          .view = view,
          .sums = [raw =
                       running.get()] { return raw->sessions.SumsByVendor(); }},
      CollectorIdentity{.pod = pod,
                        .started_unix_ns = UnixNanoseconds(),
                        .audit_wanted = options_.audit,
                        .limits = running->sessions.limits()});
  // Last: who can scrape may take the collector for ready.
  auto http = HttpServer::Start(
      *metrics_listen, [raw = running.get()] { return raw->metrics->Text(); },
      [site = running->site.get()](const HttpQuestion& question) {
        return site->Answer(question);
      });
  if (!http.ok()) return http.status();
  running->http = *std::move(http);
  running_ = std::move(running);
  spdlog::info(
      "event=ready dir={} config=\"{}\" vendors={} metrics=http://{}/metrics "
      "grpc={} grpc_socket={}/{}",
      path, options_.config_file,
      running_->config->in_force().current()->vendors, metrics_address(),
      grpc_address(), path, kGrpcSocketName);
  return absl::OkStatus();
}

void Collector::RequestReload() {
  if (!running_->config->Request()) {
    spdlog::warn("event=config_busy advice=\"many wait for a reload already\"");
  }
}

void Collector::Drain() {
  if (running_ == nullptr) return;
  running_->ingest->Stop();
  if (running_->auditor != nullptr) running_->auditor->Stop();
  running_->ledger->Stop();
}

std::uint64_t Collector::scrapes() const {
  return running_->metrics->collections();
}

void Collector::Stop() {
  if (running_ == nullptr) return;
  // Reports over gRPC end first: what they say last is written down too.
  running_->rpc->Stop();
  Drain();
  running_->http->Stop();
  const AccountsSnapshot snapshot = running_->sessions.Snapshot();
  spdlog::info("event=stopped frames={} sessions={} open_sessions={}",
               snapshot.workload.frames, snapshot.workload.sessions,
               snapshot.open_sessions);
  running_.reset();
}

const std::string& Collector::metrics_address() const {
  return running_->http->address();
}

const std::string& Collector::grpc_address() const {
  return running_->rpc->address();
}

}  // namespace proxymeter::collector
