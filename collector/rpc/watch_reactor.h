// One client of Collector.Watch.
#ifndef PROXYMETER_COLLECTOR_RPC_WATCH_REACTOR_H_
#define PROXYMETER_COLLECTOR_RPC_WATCH_REACTOR_H_

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

#include "collector/rpc/stream_slot.h"
#include "proxymeter/v1/collector.grpc.pb.h"

namespace proxymeter::collector {

/// Writes a snapshot at once and after every interval, until the client or the
/// server ends the call. Deletes itself.
class WatchReactor : public grpc::ServerWriteReactor<v1::SnapshotResponse> {
 public:
  using Source = std::function<v1::SnapshotResponse()>;

  /// `interval_ms` as in WatchRequest.
  WatchReactor(Source source, std::uint32_t interval_ms, StreamSlot slot);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void Write();
  void OnAlarm();

  const Source source_;
  const std::chrono::milliseconds interval_;
  const StreamSlot slot_;
  v1::SnapshotResponse response_;
  grpc::Alarm alarm_;
  std::mutex mutex_;
  bool cancelled_ = false;  // guarded by mutex_
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_RPC_WATCH_REACTOR_H_
