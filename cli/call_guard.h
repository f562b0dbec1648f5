// Ends a blocking gRPC call on a signal or when the server falls silent.
#ifndef PROXYMETER_CLI_CALL_GUARD_H_
#define PROXYMETER_CLI_CALL_GUARD_H_

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "grpcpp/client_context.h"

namespace proxymeter::cli {

/// From construction, SIGINT and SIGTERM cancel `call` instead of ending the
/// process (a second one does end it), and so does `silence` while an answer is
/// awaited. Make it before gRPC starts threads: they must inherit the blocked
/// signals, or one of them would take the default action. The destructor
/// restores the signal mask.
class CallGuard {
 public:
  CallGuard(grpc::ClientContext* call, std::chrono::milliseconds silence);
  ~CallGuard();
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

  /// Whether the server is to speak now, as it is after construction. Each call
  /// begins the silence anew; outside, as while writing into a full pipe, none
  /// is counted.
  void Await(bool answer);

  bool interrupted() const { return interrupted_; }
  bool timed_out() const { return timed_out_; }

 private:
  void Wait();
  void Wake();

  grpc::ClientContext* const call_;
  const std::chrono::milliseconds silence_;
  sigset_t former_mask_;
  int signals_;  // signalfd
  int wake_;     // eventfd
  std::atomic<bool> done_ = false;
  std::atomic<bool> awaiting_ = true;
  std::atomic<bool> interrupted_ = false;
  std::atomic<bool> timed_out_ = false;
  std::thread thread_;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_CALL_GUARD_H_
