#include "cli/top_command.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/call_guard.h"
#include "cli/collector_address.h"
#include "cli/synopsis_formatter.h"
#include "cli/terminal_keys.h"
#include "cli/terminal_screen.h"
#include "cli/top_record.h"
#include "grpcpp/grpcpp.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::cli {
namespace {

// The collector's least (collector.proto), and what is sensible to look at.
constexpr double kLeastInterval = 0.1;
constexpr double kMostInterval = 3600;

constexpr char kHelp[] = R"(Examples:
  proxymeter top
  proxymeter top --sort received --limit 20 --interval 5
  proxymeter top --once
  proxymeter top --json --count 2 | jq .total
  proxymeter top --connect 10.1.2.3:9098

On a terminal the table is redrawn in place; keys sort it: r by requests, p by
requests per second, s by sent, d by received, v by vendor; q ends it. Into a file or a
pipe go tab-separated lines of raw figures, one block per interval: the lines
beginning with '#' name the columns. Rates are those since the block before, so
the first has none. SENT and RECEIVED are bytes on the connection to the proxy;
UNASSIGNED are bytes of open connections whose destination is not known yet.
Times are the median and what 95 of 100 did not exceed, since the totals began;
MOSTLY is the commonest of the proxy's ERRORS, UNREAD the TLS sessions whose
requests are inferred, GRPC BAD the gRPC answers whose status is not OK. In lines
and JSON a quantile above 60 seconds is '-' or null. COVERED is the part of the
bytes to and from a vendor, by the kernel's own count, that metered programs
reported, never rounded up; NOT COVERED tells the rest and why. It is metered all
the same, as '_unknown' with visibility 'kernel'.

Variables:
  PROXYMETER_DIR  the directory, when --dir is not given
  NO_COLOR        no bold text, when set)";

const std::map<std::string, SortKey>& SortKeys() {
  static const auto& keys =
      *new std::map<std::string, SortKey>{{"requests", SortKey::kRequests},
                                          {"rate", SortKey::kRate},
                                          {"sent", SortKey::kSent},
                                          {"received", SortKey::kReceived},
                                          {"vendor", SortKey::kVendor}};
  return keys;
}

struct KeyOfOrder {
  char key;
  SortKey order;
  const char* name;
};
constexpr KeyOfOrder kKeys[] = {{'r', SortKey::kRequests, "requests"},
                                {'p', SortKey::kRate, "per second"},
                                {'s', SortKey::kSent, "sent"},
                                {'d', SortKey::kReceived, "received"},
                                {'v', SortKey::kVendor, "vendor"}};

CLI::Validator Positive() {
  return {[](const std::string& text) {
            std::uint64_t number;
            return absl::SimpleAtoi(text, &number) && number > 0
                       ? std::string()
                       : "'" + text + "' is not a whole number above 0";
          },
          "", "positive"};
}

/// Shows one snapshot after the other in the form that was asked for.
class Display {
 public:
  Display(const TopOptions& options, int terminal, std::ostream& out)
      : options_(options), out_(out) {
    if (terminal >= 0 && !options.json) screen_.emplace(terminal, out);
  }

  void Show(v1::SnapshotResponse now) {
    const std::lock_guard lock(mutex_);
    before_ = std::exchange(now_, std::move(now));
    ShowNow();
  }

  /// Shows the same figures in another order.
  void SortBy(SortKey key) {
    const std::lock_guard lock(mutex_);
    view_options_.sort = key;
    if (screen_ && now_) ShowNow();
  }

  bool redraws() const { return screen_.has_value(); }
  bool failed() {
    const std::lock_guard lock(mutex_);
    return !out_;
  }

 private:
  void ShowNow() {
    const View view =
        MakeView(*now_, before_ ? &*before_ : nullptr, view_options_);
    if (options_.json) {
      out_ << FormatJson(view) << std::flush;
    } else if (screen_) {
      screen_->Draw(view, options_.keyboard < 0 ? "" : Hint());
    } else {
      out_ << FormatLines(view) << std::flush;
    }
  }

  std::string Hint() const {
    std::string hint;
    for (const KeyOfOrder& each : kKeys) {
      const bool chosen = each.order == view_options_.sort;
      absl::StrAppend(&hint, std::string(1, each.key), " ", chosen ? "[" : "",
                      each.name, chosen ? "]" : "", "  ");
    }
    return absl::StrCat(hint, "q quit");
  }

  const TopOptions& options_;
  std::ostream& out_;
  std::mutex mutex_;  // guards what follows: keys come on another thread
  ViewOptions view_options_ = options_.view;
  std::optional<TerminalScreen> screen_;
  std::optional<v1::SnapshotResponse> now_;
  std::optional<v1::SnapshotResponse> before_;
};

std::string WhyLost(const std::string& address, const grpc::Status& status,
                    bool timed_out) {
  if (timed_out)
    return absl::StrCat("the collector at ", address, " is silent");
  if (status.ok()) {
    return absl::StrCat("the collector at ", address, " has stopped");
  }
  return absl::StrCat("lost the collector at ", address, ": ",
                      status.error_message());
}

}  // namespace

CLI::App* AddTopCommand(CLI::App& app, TopOptions* options) {
  CLI::App* top = app.add_subcommand(
      "top", "Show traffic per vendor and destination as it happens");
  top->formatter(std::make_shared<SynopsisFormatter>("[OPTIONS]"));
  AddCollectorAddress(*top, &options->directory, &options->address);
  top->add_option("--interval", options->interval_seconds,
                  "Seconds between updates, 0.1 to 3600")
      ->type_name("SECONDS")
      ->check(CLI::Range(kLeastInterval, kMostInterval).description(""))
      ->capture_default_str();
  CLI::Option* once =
      top->add_flag("--once", options->once, "Print the totals once and exit");
  top->add_option("--count", options->count,
                  "Exit after so many updates; not with --once")
      ->type_name("N")
      ->check(Positive())
      ->excludes(once);
  top->add_option_function<std::string>(
         "--sort",
         [options](const std::string& key) {
           options->view.sort = SortKeys().at(key);
         },
         "requests, rate (of requests, now), sent, received (most first) or "
         "vendor (by name)")
      ->type_name("KEY")
      ->check(CLI::IsMember(SortKeys()).description(""))
      ->default_str("requests");
  top->add_option("--limit", options->view.limit,
                  "Most rows of destinations to show")
      ->type_name("N")
      ->check(Positive());
  top->add_flag("--json", options->json, "One JSON object per update");
  top->footer(kHelp);
  return top;
}

int Top(const TopOptions& options, int terminal, std::ostream& out,
        std::ostream& error) {
  const auto chosen = CollectorAddress(options.directory, options.address);
  if (!chosen.ok()) {
    error << "proxymeter: " << chosen.status().message() << '\n';
    return 1;
  }
  const std::string& address = *chosen;
  const std::chrono::milliseconds interval(
      static_cast<std::int64_t>(options.interval_seconds * 1000));
  grpc::ClientContext context;
  CallGuard guard(&context, options.patience + interval);
  const auto collector = v1::Collector::NewStub(ConnectCollector(address));
  v1::WatchRequest request;
  request.set_interval_ms(static_cast<std::uint32_t>(interval.count()));
  const auto stream = collector->Watch(&context, request);

  const std::uint64_t wanted = options.once ? 1 : options.count;
  std::uint64_t shown = 0;
  std::atomic<bool> quit = false;
  {
    Display display(options, terminal, out);
    std::optional<TerminalKeys> keys;
    if (display.redraws() && options.keyboard >= 0 && wanted != 1) {
      keys.emplace(options.keyboard, [&](char pressed) {
        for (const KeyOfOrder& each : kKeys) {
          if (each.key == pressed) display.SortBy(each.order);
        }
        if (pressed != 'q') return;
        quit = true;
        context.TryCancel();
      });
    }
    for (v1::SnapshotResponse now; stream->Read(&now);) {
      guard.Await(false);
      display.Show(std::move(now));
      guard.Await(true);
      ++shown;
      if (display.failed()) {
        error << "proxymeter: cannot write the output\n";
        context.TryCancel();
        stream->Finish();
        return 1;
      }
      if (shown == wanted) {
        context.TryCancel();
        break;
      }
    }
  }
  const grpc::Status status = stream->Finish();
  if ((wanted > 0 && shown == wanted) || guard.interrupted() || quit) {
    return 0;
  }
  error << "proxymeter: "
        << (shown == 0 ? WhyNoAnswer(address, status, guard.timed_out())
                       : WhyLost(address, status, guard.timed_out()))
        << '\n';
  return 1;
}

}  // namespace proxymeter::cli
