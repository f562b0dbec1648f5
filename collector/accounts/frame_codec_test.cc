#include "collector/accounts/frame_codec.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace proxymeter::collector {
namespace {

v1::Frame ValidFrame() {
  v1::Frame frame;
  frame.set_version(1);
  frame.set_session(std::string(kSessionIdBytes, '\x5a'));
  frame.mutable_process()->set_pid(7);
  frame.mutable_process()->set_command("curl");
  frame.mutable_process()->set_has_journal(true);
  v1::Row* row = frame.add_rows();
  row->set_index(3);
  row->set_kind(v1::ROW_KIND_TRAFFIC);
  row->set_vendor("acme");
  row->set_destination("example.com");
  row->set_protocol(v1::PROTOCOL_HTTPS1);
  row->set_visibility(v1::VISIBILITY_PLAINTEXT);
  row->mutable_traffic()->set_sent_bytes(10);
  return frame;
}

TEST(DecodeFrame, GivesEverythingItHolds) {
  const auto result = DecodeFrame(ValidFrame().SerializeAsString());
  const auto* frame = std::get_if<DecodedFrame>(&result);
  ASSERT_NE(frame, nullptr);
  EXPECT_EQ(frame->session[0], 0x5a);
  EXPECT_EQ(frame->process.pid, 7);
  EXPECT_EQ(frame->process.command, "curl");
  EXPECT_TRUE(frame->process.has_journal);
  ASSERT_EQ(frame->rows.size(), 1u);
  EXPECT_EQ(frame->rows[0].index, 3u);
  const RowKey key{.kind = RowKind::kTraffic,
                   .vendor = "acme",
                   .destination = "example.com",
                   .protocol = Protocol::kHttps1,
                   .visibility = Visibility::kPlaintext};
  EXPECT_EQ(frame->rows[0].row.key, key);
  EXPECT_EQ(frame->rows[0].row.counters[kSentBytes], 10u);
}

// The field of a counter has its index plus one as number: reflection walks
// all of them, so a counter that is decoded into another's place shows.
template <typename Message>
void ExpectCountersInPlace(v1::RowKind kind, Message* (v1::Row::*counters)()) {
  const auto* descriptor = Message::descriptor();
  ASSERT_EQ(static_cast<std::size_t>(descriptor->field_count()),
            CounterCount(static_cast<RowKind>(kind)));
  for (int i = 0; i < descriptor->field_count(); ++i) {
    v1::Frame message = ValidFrame();
    v1::Row* row = message.mutable_rows(0);
    row->Clear();
    row->set_kind(kind);
    if (kind != v1::ROW_KIND_SHIM) row->set_vendor("acme");
    if (kind == v1::ROW_KIND_TRAFFIC || kind == v1::ROW_KIND_CALLER) {
      row->set_destination("example.com");
    }
    if (kind == v1::ROW_KIND_TUNNEL) row->set_protocol(v1::PROTOCOL_SOCKS5);
    Message* values = (row->*counters)();
    values->GetReflection()->SetUInt64(values, descriptor->field(i), 77);
    const auto result = DecodeFrame(message);
    const auto* frame = std::get_if<DecodedFrame>(&result);
    ASSERT_NE(frame, nullptr) << descriptor->field(i)->full_name();
    Counters expected{};
    expected[descriptor->field(i)->number() - 1] = 77;
    EXPECT_EQ(frame->rows[0].row.counters, expected)
        << descriptor->field(i)->full_name();
  }
}

TEST(DecodeFrame, PutsEachCounterAtItsIndex) {
  ExpectCountersInPlace(v1::ROW_KIND_TRAFFIC, &v1::Row::mutable_traffic);
  ExpectCountersInPlace(v1::ROW_KIND_VENDOR, &v1::Row::mutable_vendor_counters);
  ExpectCountersInPlace(v1::ROW_KIND_TUNNEL, &v1::Row::mutable_tunnel);
  ExpectCountersInPlace(v1::ROW_KIND_SHIM, &v1::Row::mutable_shim);
  ExpectCountersInPlace(v1::ROW_KIND_CALLER, &v1::Row::mutable_caller);
  ExpectCountersInPlace(v1::ROW_KIND_PROXY_ERROR,
                        &v1::Row::mutable_proxy_error);
  ExpectCountersInPlace(v1::ROW_KIND_TLS_SESSION,
                        &v1::Row::mutable_tls_session);
  ExpectCountersInPlace(v1::ROW_KIND_GRPC, &v1::Row::mutable_grpc);
}

TEST(DecodeFrame, PutsBucketsBehindTheirSum) {
  v1::Frame message = ValidFrame();
  v1::Row* row = message.mutable_rows(0);
  row->Clear();
  row->set_kind(v1::ROW_KIND_PHASE);
  row->set_vendor("acme");
  row->set_code(static_cast<std::uint32_t>(Phase::kRequest));
  row->mutable_phase()->set_microseconds(1500);
  Counters expected{};
  expected[kPhaseMicroseconds] = 1500;
  for (std::size_t i = 0; i < kDurationBuckets; ++i) {
    row->mutable_phase()->add_buckets(i + 1);
    expected[kPhaseBuckets + i] = i + 1;
    const auto result = DecodeFrame(message.SerializeAsString());
    const auto* frame = std::get_if<DecodedFrame>(&result);
    ASSERT_NE(frame, nullptr) << i;
    ASSERT_EQ(frame->rows.size(), 1u) << i;
    EXPECT_EQ(frame->rows[0].row.counters, expected) << i;
  }
  row->mutable_phase()->add_buckets(1);
  const auto result = DecodeFrame(message.SerializeAsString());
  const auto* frame = std::get_if<DecodedFrame>(&result);
  ASSERT_NE(frame, nullptr);
  EXPECT_TRUE(frame->rows.empty());
  EXPECT_EQ(frame->bad_rows.size(), 1u);
}

TEST(DecodeFrame, RefusesWhatIsWrong) {
  struct Case {
    const char* what;
    std::function<void(v1::Frame&)> spoil;
    Rejection expected;
  };
  const Case cases[] = {
      {"no version", [](v1::Frame& f) { f.clear_version(); },
       Rejection::kBadVersion},
      {"next version", [](v1::Frame& f) { f.set_version(2); },
       Rejection::kBadVersion},
      {"no session", [](v1::Frame& f) { f.clear_session(); },
       Rejection::kBadSession},
      {"short session",
       [](v1::Frame& f) { f.set_session(std::string(15, 'x')); },
       Rejection::kBadSession},
      {"long session",
       [](v1::Frame& f) { f.set_session(std::string(17, 'x')); },
       Rejection::kBadSession},
      {"the same index twice", [=](v1::Frame& f) { *f.add_rows() = f.rows(0); },
       Rejection::kBadRow},
      {"more rows than a journal has",
       [](v1::Frame& f) {
         for (std::size_t i = 0; i < kMaxJournalRows; ++i) f.add_rows();
       },
       Rejection::kBadRow},
  };
  for (const Case& c : cases) {
    v1::Frame frame = ValidFrame();
    c.spoil(frame);
    const auto result = DecodeFrame(frame.SerializeAsString());
    const auto* rejection = std::get_if<Rejection>(&result);
    ASSERT_NE(rejection, nullptr) << c.what;
    EXPECT_EQ(*rejection, c.expected) << c.what;
  }
}

TEST(DecodeFrame, LeavesOutTheRowsThatAreWrong) {
  struct Case {
    const char* what;
    std::function<void(v1::Frame&)> spoil;
  };
  const auto row = [](v1::Frame& f) { return f.mutable_rows(0); };
  const Case cases[] = {
      {"index beyond the journal",
       [=](v1::Frame& f) { row(f)->set_index(kMaxJournalRows); }},
      {"no kind", [=](v1::Frame& f) { row(f)->clear_kind(); }},
      {"unknown kind",
       [=](v1::Frame& f) {
         row(f)->set_kind(static_cast<v1::RowKind>(kLastRowKind + 1));
       }},
      {"unknown protocol",
       [=](v1::Frame& f) {
         row(f)->set_protocol(static_cast<v1::Protocol>(kLastProtocol + 1));
       }},
      {"negative protocol",
       [=](v1::Frame& f) {
         row(f)->set_protocol(static_cast<v1::Protocol>(-1));
       }},
      {"protocol that wraps to a known one",
       [=](v1::Frame& f) {
         row(f)->set_protocol(static_cast<v1::Protocol>(256 + 3));
       }},
      {"unknown visibility",
       [=](v1::Frame& f) {
         row(f)->set_visibility(static_cast<v1::Visibility>(4));
       }},
      {"code beyond 16 bits",
       [=](v1::Frame& f) {
         v1::Row* r = row(f);
         r->Clear();
         r->set_kind(v1::ROW_KIND_TUNNEL);
         r->set_vendor("acme");
         r->set_protocol(v1::PROTOCOL_CONNECT);
         r->set_code(65536 + 200);
         r->mutable_tunnel();
       }},
      {"code of no TLS session",
       [=](v1::Frame& f) {
         v1::Row* r = row(f);
         r->Clear();
         r->set_kind(v1::ROW_KIND_TLS_SESSION);
         r->set_vendor("acme");
         r->set_code(8 << 8);
         r->mutable_tls_session();
       }},
      {"no vendor", [=](v1::Frame& f) { row(f)->clear_vendor(); }},
      {"control character",
       [=](v1::Frame& f) { row(f)->set_destination("a\nb"); }},
      {"no counters", [=](v1::Frame& f) { row(f)->clear_traffic(); }},
      {"counters of another kind",
       [=](v1::Frame& f) {
         row(f)->clear_traffic();
         row(f)->mutable_shim()->set_frames_sent(1);
       }},
      {"counters of two kinds",
       [=](v1::Frame& f) { row(f)->mutable_tunnel()->set_replies(1); }},
  };
  for (const Case& c : cases) {
    v1::Frame frame = ValidFrame();
    c.spoil(frame);
    const std::uint32_t bad = frame.rows(0).index();
    *frame.add_rows() = ValidFrame().rows(0);
    frame.mutable_rows(1)->set_index(4);
    const auto result = DecodeFrame(frame.SerializeAsString());
    const auto* decoded = std::get_if<DecodedFrame>(&result);
    ASSERT_NE(decoded, nullptr) << c.what;
    EXPECT_EQ(decoded->bad_rows, std::vector<std::uint32_t>{bad}) << c.what;
    ASSERT_EQ(decoded->rows.size(), 1u) << c.what;
    EXPECT_EQ(decoded->rows[0].index, 4u) << c.what;
    EXPECT_EQ(decoded->rows[0].row.counters[kSentBytes], 10u) << c.what;
  }
}

TEST(DecodeFrame, NeverTakesACutFrame) {
  const std::string bytes = ValidFrame().SerializeAsString();
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    // Cut between two fields it is a message still, without what follows.
    const auto result = DecodeFrame(std::string_view(bytes).substr(0, length));
    if (const auto* frame = std::get_if<DecodedFrame>(&result)) {
      EXPECT_TRUE(frame->rows.empty()) << length;
    }
  }
}

TEST(DecodeFrame, RefusesGarbageAndOversize) {
  const auto garbage = DecodeFrame(std::string(100, '\xff'));
  ASSERT_TRUE(std::holds_alternative<Rejection>(garbage));
  EXPECT_EQ(std::get<Rejection>(garbage), Rejection::kMalformedFrame);
  const auto oversized = DecodeFrame(std::string(kMaxFrameBytes + 1, '\0'));
  ASSERT_TRUE(std::holds_alternative<Rejection>(oversized));
  EXPECT_EQ(std::get<Rejection>(oversized), Rejection::kOversizedFrame);
}

TEST(PrintableCommand, CutsAndReplaces) {
  EXPECT_EQ(PrintableCommand("a\nb\xff"), "a?b?");
  EXPECT_EQ(PrintableCommand(std::string(40, 'x')), std::string(16, 'x'));
}

}  // namespace
}  // namespace proxymeter::collector
