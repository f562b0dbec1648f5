#include "collector/rpc/rpc_server.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "collector/testing/journal_fixture.h"
#include "collector/testing/test_directory.h"
#include "collector/testing/wait_for.h"

namespace proxymeter::collector {
namespace {

std::chrono::system_clock::time_point Deadline() {
  return std::chrono::system_clock::now() + std::chrono::seconds(30);
}

grpc::ByteBuffer Bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

std::string Text(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  for (const grpc::Slice& slice : slices) {
    text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return text;
}

bool Next(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue.AsyncNext(&tag, &ok, Deadline()) ==
             grpc::CompletionQueue::GOT_EVENT &&
         ok;
}

class RpcServerTest : public testing::Test {
 protected:
  void SetUp() override {
    sessions_.Restore({.since_unix_ns = 5});
    auto server = RpcServer::Start(
        "127.0.0.1:0", temp_.path(),
        std::make_unique<CollectorService>(
            sessions_, PodIdentity{"pod", "space"},
            ReloadSource{
                .request =
                    [this](auto done) { return TakeRequest(std::move(done)); },
                .config_file = "vendors.yaml"}));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    tcp_ = grpc::CreateChannel(server_->address(),
                               grpc::InsecureChannelCredentials());
    unix_ = grpc::CreateChannel("unix:" + SocketPath(),
                                grpc::InsecureChannelCredentials());
  }

  std::string SocketPath() const {
    return temp_.path() + "/" + kGrpcSocketName;
  }
  void Record(const RowValue& row) {
    DecodedFrame frame;
    frame.session = TestSession(1);
    frame.process.has_journal = true;
    frame.rows = {{0, row}};
    ASSERT_EQ(sessions_.ApplyFrame(frame), std::nullopt);
  }
  static v1::Frame ReportFrame(std::uint8_t session, std::uint64_t sent) {
    v1::Frame frame;
    frame.set_version(1);
    const SessionId id = TestSession(session);
    frame.set_session(id.data(), id.size());
    v1::Row* row = frame.add_rows();
    row->set_kind(v1::ROW_KIND_TRAFFIC);
    row->set_vendor("acme");
    row->set_destination("a.example");
    row->mutable_traffic()->set_sent_bytes(sent);
    return frame;
  }
  // The status that a stream of these frames ends with.
  grpc::Status Report(const std::vector<v1::Frame>& frames,
                      v1::ReportResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    const auto stub = v1::Collector::NewStub(tcp_);
    const auto writer = stub->Report(&context, response);
    for (const v1::Frame& frame : frames) {
      if (!writer->Write(frame)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }
  // What a ConfigKeeper would do: answer later, from a thread of its own.
  bool TakeRequest(ConfigKeeper::Done done) {
    if (busy_) return false;
    keeper_ = std::thread([this, answer = std::move(done)] {
      answer(
          {.result = error_.empty() ? ReloadResult::kOk : ReloadResult::kFailed,
           .error = error_,
           .in_force = in_force_});
    });
    return true;
  }
  grpc::Status Reload(v1::ReloadResponse* response) {
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    const grpc::Status status =
        v1::Collector::NewStub(unix_)->Reload(&context, {}, response);
    if (keeper_.joinable()) keeper_.join();
    return status;
  }
  std::uint64_t Rejected(Rejection rejection) const {
    return sessions_.Snapshot()
        .workload.rejected[static_cast<std::size_t>(rejection)];
  }
  std::uint64_t Sent() const {
    std::uint64_t sum = 0;
    for (const RowValue& row : sessions_.Snapshot().rows) {
      sum += row.counters[kSentBytes];
    }
    return sum;
  }

  TestDirectory temp_;
  Sessions sessions_;
  std::unique_ptr<RpcServer> server_;
  std::shared_ptr<grpc::Channel> tcp_;
  std::shared_ptr<grpc::Channel> unix_;
  bool busy_ = false;
  std::string error_;
  std::shared_ptr<const InForce> in_force_ = std::make_shared<const InForce>(
      InForce{.config = nullptr,
              .generation = 7,
              .config_sha256 = "0f",
              .policy_checksum = 1,
              .policy_bytes = 2,
              .vendors = 3,
              .rules = 4,
              .since = std::chrono::system_clock::time_point(
                  std::chrono::nanoseconds(5000))});
  std::thread keeper_;
};

TEST_F(RpcServerTest, SnapshotOverTcpAndUnix) {
  Record(TrafficRow("acme", "a.example", 10, 20, 1));
  for (const auto& channel : {tcp_, unix_}) {
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    v1::SnapshotResponse response;
    const auto status =
        v1::Collector::NewStub(channel)->Snapshot(&context, {}, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.traffic_size(), 1);
    EXPECT_EQ(response.traffic(0).counters().sent_bytes(), 10u);
    EXPECT_EQ(response.pod_name(), "pod");
    EXPECT_EQ(response.since_unix_ns(), 5u);
    EXPECT_GT(response.unix_ns(), 5u);
    EXPECT_EQ(response.sessions(), 1u);
  }
}

TEST_F(RpcServerTest, WatchFollowsTheTotals) {
  Record(TrafficRow("acme", "a.example", 10, 20, 1));
  grpc::ClientContext context;
  context.set_deadline(Deadline());
  v1::WatchRequest request;
  request.set_interval_ms(1);  // raised to the least
  const auto reader = v1::Collector::NewStub(unix_)->Watch(&context, request);
  v1::SnapshotResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.traffic(0).counters().sent_bytes(), 10u);
  const std::uint64_t first_ns = response.unix_ns();
  Record(TrafficRow("acme", "a.example", 30, 20, 1));
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.traffic(0).counters().sent_bytes(), 30u);
  EXPECT_GE(response.unix_ns() - first_ns, 90'000'000u);
  context.TryCancel();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(RpcServerTest, AStopEndsWatchersAtOnce) {
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_interval_ms(3'600'000);
  const auto reader = v1::Collector::NewStub(tcp_)->Watch(&context, request);
  v1::SnapshotResponse response;
  ASSERT_TRUE(reader->Read(&response));
  server_->Stop();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_FALSE(reader->Finish().ok());
  EXPECT_FALSE(std::filesystem::exists(SocketPath()));
}

TEST_F(RpcServerTest, ReportCountsAndClosesItsSession) {
  v1::ReportResponse response;
  const grpc::Status status = Report(
      {ReportFrame(7, 10), ReportFrame(7, 10), ReportFrame(7, 25)}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.frames(), 3u);
  EXPECT_EQ(response.rows(), 3u);
  EXPECT_EQ(Sent(), 25u);
  EXPECT_TRUE(WaitFor([this] { return sessions_.IsRetired(TestSession(7)); }));
}

TEST_F(RpcServerTest, ReportNamesWhyAFrameIsRejected) {
  struct Case {
    std::vector<v1::Frame> frames;
    Rejection rejection;
  };
  v1::Frame bad_version = ReportFrame(20, 1);
  bad_version.set_version(9);
  v1::Frame bad_row = ReportFrame(21, 1);
  *bad_row.add_rows() = bad_row.rows(0);  // the same index
  v1::Frame other_key = ReportFrame(22, 5);
  other_key.mutable_rows(0)->set_destination("b.example");
  // Claiming a journal does not make a decrease right.
  v1::Frame claims_journal = ReportFrame(23, 4);
  claims_journal.mutable_process()->set_has_journal(true);
  const Case cases[] = {
      {{bad_version}, Rejection::kBadVersion},
      {{bad_row}, Rejection::kBadRow},
      {{ReportFrame(22, 1), other_key}, Rejection::kKeyChanged},
      {{ReportFrame(23, 5), claims_journal}, Rejection::kCounterDecreased},
      {{ReportFrame(24, 1), ReportFrame(25, 1)}, Rejection::kBadSession},
  };
  for (const Case& c : cases) {
    v1::ReportResponse response;
    const grpc::Status status = Report(c.frames, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(),
              "frame rejected: " + std::string(Name(c.rejection)));
    EXPECT_EQ(Rejected(c.rejection), 1u);
  }
  EXPECT_EQ(Sent(), 1u + 5u + 1u);
}

TEST_F(RpcServerTest, ReportLeavesOutRowsThatItDoesNotKnow) {
  v1::Frame frame = ReportFrame(7, 10);
  v1::Row* newer = frame.add_rows();
  *newer = frame.rows(0);
  newer->set_index(1);
  newer->set_protocol(static_cast<v1::Protocol>(kLastProtocol + 1));
  v1::ReportResponse response;
  const grpc::Status status = Report({frame, frame}, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.frames(), 2u);
  EXPECT_EQ(response.rows(), 2u);
  EXPECT_EQ(response.rejected_rows(), 2u);
  EXPECT_EQ(Sent(), 10u);
  EXPECT_EQ(Rejected(Rejection::kBadRow), 1u);
}

TEST_F(RpcServerTest, ReportMayNotJoinAnOpenSession) {
  Record(TrafficRow("acme", "a.example", 10, 20, 1));
  v1::ReportResponse response;
  const grpc::Status status = Report({ReportFrame(1, 99)}, &response);
  EXPECT_EQ(status.error_message(), "frame rejected: session_in_use");
  EXPECT_TRUE(sessions_.IsOpen(TestSession(1)));
  EXPECT_EQ(Sent(), 10u);
}

TEST_F(RpcServerTest, AnOversizedFrameEndsTheStream) {
  v1::Frame frame = ReportFrame(7, 1);
  frame.mutable_process()->set_command(std::string(kMaxFrameBytes, 'x'));
  v1::ReportResponse response;
  EXPECT_FALSE(Report({frame}, &response).ok());
  EXPECT_EQ(Sent(), 0u);
}

TEST_F(RpcServerTest, ReloadSaysWhatIsInForce) {
  v1::ReloadResponse response;
  ASSERT_TRUE(Reload(&response).ok());
  EXPECT_EQ(response.result(), v1::RELOAD_RESULT_OK);
  EXPECT_EQ(response.error(), "");
  const v1::PolicyInForce& in_force = response.in_force();
  EXPECT_EQ(in_force.config_file(), "vendors.yaml");
  EXPECT_EQ(in_force.generation(), 7u);
  EXPECT_EQ(in_force.config_sha256(), "0f");
  EXPECT_EQ(in_force.policy_checksum(), 1u);
  EXPECT_EQ(in_force.policy_bytes(), 2u);
  EXPECT_EQ(in_force.vendors(), 3u);
  EXPECT_EQ(in_force.rules(), 4u);
  EXPECT_EQ(in_force.since_unix_ns(), 5000u);
}

TEST_F(RpcServerTest, AReloadThatFailsSaysAllOfIt) {
  error_ = std::string(100'000, 'e');
  v1::ReloadResponse response;
  ASSERT_TRUE(Reload(&response).ok());
  EXPECT_EQ(response.result(), v1::RELOAD_RESULT_FAILED);
  EXPECT_EQ(response.error(), error_);
  EXPECT_EQ(response.in_force().generation(), 7u);
}

TEST_F(RpcServerTest, TooManyReloadsAreRefused) {
  busy_ = true;
  v1::ReloadResponse response;
  EXPECT_EQ(Reload(&response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(RpcServerTest, HealthIsServing) {
  grpc::GenericStub stub(tcp_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(Deadline());
  // HealthCheckRequest without a service: that of the whole server.
  const auto call = stub.PrepareUnaryCall(
      &context, "/grpc.health.v1.Health/Check", Bytes(""), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  ASSERT_TRUE(Next(queue));
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(Text(response), "\x08\x01");  // status: SERVING
}

TEST_F(RpcServerTest, ReflectionListsTheService) {
  grpc::GenericStub stub(unix_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  context.set_deadline(Deadline());
  const auto call = stub.PrepareCall(
      &context,
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  ASSERT_TRUE(Next(queue));
  // ServerReflectionRequest with list_services (field 7) = "*".
  call->Write(Bytes("\x3a\x01*"), nullptr);
  ASSERT_TRUE(Next(queue));
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  ASSERT_TRUE(Next(queue));
  EXPECT_NE(Text(response).find("proxymeter.v1.Collector"), std::string::npos);
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  Next(queue);
}

TEST_F(RpcServerTest, OnlyItsUserMayUseTheUnixSocket) {
  struct stat info {};
  ASSERT_EQ(stat(SocketPath().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0022, 0u);
}

TEST_F(RpcServerTest, RefusesATcpPortInUse) {
  const TestDirectory other;
  const auto second = RpcServer::Start(
      server_->address(), other.path(),
      std::make_unique<CollectorService>(sessions_, PodIdentity{}));
  ASSERT_FALSE(second.ok());
  EXPECT_NE(std::string(second.status().message()).find(server_->address()),
            std::string::npos);
}

}  // namespace
}  // namespace proxymeter::collector
