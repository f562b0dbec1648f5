#include "collector/reload/config_keeper.h"

#include <malloc.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace proxymeter::collector {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kRetryFactor = 10;

bool SameContent(const InForce& a, const InForce& b) {
  return a.config_sha256 == b.config_sha256 &&
         a.policy_checksum == b.policy_checksum &&
         a.policy_bytes == b.policy_bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConfigKeeper>> ConfigKeeper::Load(
    Options options) {
  auto watch = std::make_unique<FileWatch>(options.watch);
  // Before it is read, so that no change falls between.
  if (!options.config_file.empty()) watch->Watch({options.config_file});
  absl::StatusOr<CompiledConfig> first = CompileConfig(
      options.config_file, [&watch](std::vector<std::string> paths) {
        return watch->Watch(std::move(paths));
      });
  if (!first.ok()) return first.status();
  return std::unique_ptr<ConfigKeeper>(new ConfigKeeper(
      std::move(options), std::move(watch), *std::move(first)));
}

ConfigKeeper::ConfigKeeper(Options options, std::unique_ptr<FileWatch> watch,
                           CompiledConfig first)
    : options_(std::move(options)),
      in_force_(std::move(first.facts)),
      first_policy_(std::move(first.policy)),
      watch_(std::move(watch)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_.valid()) {
    throw std::system_error(errno, std::generic_category(), "eventfd");
  }
}

void ConfigKeeper::Start(const std::string& directory) {
  publisher_ = std::make_unique<PolicyPublisher>(directory);
  {
    const std::lock_guard lock(mutex_);
    health_.failing = true;
  }
  publisher_
      ->Publish(std::move(first_policy_),
                [this] {
                  const std::lock_guard lock(mutex_);
                  health_.failing = false;
                })
      .IgnoreError();  // It has said so, and tries again.
  thread_ = std::thread([this] { Run(); });
}

void ConfigKeeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
  publisher_.reset();
}

bool ConfigKeeper::Request(Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ || requests_.size() >= options_.max_requests) return false;
    requests_.push_back(std::move(done));
  }
  eventfd_write(wake_.get(), 1);
  return true;
}

ConfigKeeper::Health ConfigKeeper::health() const {
  Health health;
  {
    const std::lock_guard lock(mutex_);
    health = health_;
  }
  // Outside: the publisher calls back, and takes the lock then.
  if (publisher_ != nullptr) health.published = publisher_->health();
  return health;
}

bool ConfigKeeper::stopping() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void ConfigKeeper::Run() {
  std::vector<Done> waiting;
  while (!stopping()) {
    const auto until_retry = std::chrono::ceil<milliseconds>(
        std::max(retry_at_ - steady_clock::now(), steady_clock::duration(0)));
    Wait(std::min(watch_->patience(), until_retry));
    const bool changed = watch_->Changed();
    if (changed) AwaitQuiet();
    if (stopping()) break;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(requests_);
    }
    const auto begun = steady_clock::now();
    if (!changed && waiting.empty() && begun < retry_at_) continue;
    const ReloadAnswer answer = Attempt(changed || !waiting.empty());
    retry_at_ = steady_clock::time_point::max();
    if (answer.result == ReloadResult::kFailed) {
      Retry(steady_clock::now() - begun);
    }
    for (const Done& done : waiting) {
      if (done != nullptr) done(answer);
    }
    waiting.clear();
    // What was read and compiled has been freed; the heap would keep it.
    malloc_trim(0);
  }
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(requests_);
  }
  const ReloadAnswer end = {.result = ReloadResult::kFailed,
                            .error = "the collector is stopping",
                            .in_force = in_force_.current()};
  for (const Done& done : waiting) {
    if (done != nullptr) done(end);
  }
}

// Until something has happened, or `longest` has passed.
void ConfigKeeper::Wait(milliseconds longest) {
  pollfd ready[] = {{wake_.get(), POLLIN, 0},
                    {watch_->descriptor(), POLLIN, 0}};
  poll(ready, std::size(ready), static_cast<int>(longest.count()));
  eventfd_t ignored;
  eventfd_read(wake_.get(), &ignored);
}

void ConfigKeeper::AwaitQuiet() {
  const auto end = steady_clock::now() + options_.unrest;
  while (steady_clock::now() < end) {
    pollfd ready[] = {{wake_.get(), POLLIN, 0},
                      {watch_->descriptor(), POLLIN, 0}};
    poll(ready, std::size(ready), static_cast<int>(options_.quiet.count()));
    // Whoever asks does not want to wait, and knows that the file is whole.
    if (ready[0].revents != 0 || !watch_->Changed()) return;
  }
}

void ConfigKeeper::Retry(steady_clock::duration took) {
  retry_at_ = steady_clock::now() + std::max<steady_clock::duration>(
                                        options_.retry, kRetryFactor * took);
}

ReloadAnswer ConfigKeeper::Attempt(bool asked) {
  absl::StatusOr<CompiledConfig> compiled = Read();
  absl::Status status = compiled.status();
  ReloadAnswer answer;
  if (compiled.ok()) {
    answer.result = SameContent(*in_force_.current(), compiled->facts)
                        ? ReloadResult::kUnchanged
                        : ReloadResult::kOk;
    status = Publish(*std::move(compiled));
  }
  if (status.ok()) {
    said_.clear();
    const std::lock_guard lock(mutex_);
    health_.failing = false;
    if (answer.result == ReloadResult::kUnchanged && asked) ++health_.unchanged;
  } else {
    answer.result = ReloadResult::kFailed;
    answer.error = std::string(status.message());
    Failed(answer.error, asked);
  }
  answer.in_force = in_force_.current();
  if (answer.result == ReloadResult::kUnchanged && asked) {
    spdlog::info("event=config_unchanged config=\"{}\" generation={}",
                 options_.config_file, answer.in_force->generation);
  }
  return answer;
}

absl::StatusOr<CompiledConfig> ConfigKeeper::Read() {
  struct stat status {};
  // A pipe has been read, and opening it again may take for ever.
  if (!options_.config_file.empty() &&
      stat(options_.config_file.c_str(), &status) == 0 &&
      !S_ISREG(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        options_.config_file, ": not a file: it cannot be read again"));
  }
  return CompileConfig(options_.config_file,
                       [this](std::vector<std::string> paths) {
                         return watch_->Watch(std::move(paths));
                       });
}

// Also what is in force already: it may have been removed or damaged.
absl::Status ConfigKeeper::Publish(CompiledConfig compiled) {
  return publisher_->Publish(
      std::move(compiled.policy), [this, facts = compiled.facts] {
        const bool same = SameContent(*in_force_.current(), facts);
        {
          const std::lock_guard lock(mutex_);
          health_.failing = false;
          if (!same) ++health_.ok;
        }
        if (same) return;
        in_force_.Put(facts);
        spdlog::info(
            "event=config_reloaded config=\"{}\" generation={} vendors={} "
            "rules={} policy={:016x}",
            options_.config_file, in_force_.current()->generation,
            facts.vendors, facts.rules, facts.policy_checksum);
      });
}

void ConfigKeeper::Failed(const std::string& error, bool asked) {
  {
    const std::lock_guard lock(mutex_);
    health_.failing = true;
    // What is only tried again is one failure.
    if (asked || error != said_) ++health_.failed;
  }
  if (std::exchange(said_, error) == error) return;
  spdlog::error(
      "event=config_rejected error=\"{}\" advice=\"generation {} stays in "
      "force\"",
      error, in_force_.current()->generation);
}

}  // namespace proxymeter::collector
