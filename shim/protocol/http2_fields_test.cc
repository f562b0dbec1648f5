#include "shim/protocol/http2_fields.h"

#include <gtest/gtest.h>

namespace proxymeter::protocol {
namespace {

Http2Fields Of(
    std::initializer_list<std::pair<std::string_view, std::string_view>> all) {
  Http2Fields fields;
  fields.Clear();
  for (const auto& [name, value] : all) fields.Take(name, value);
  return fields;
}

TEST(Http2FieldsTest, TheAuthorityWinsOverHost) {
  EXPECT_EQ(
      Of({{":authority", "Shop.Test:443"}, {"host", "b.test"}}).host().view(),
      "shop.test");
  EXPECT_EQ(Of({{"host", "B.test:80"}}).host().view(), "b.test");
  EXPECT_EQ(Of({{":authority", ""}, {"host", "b.test"}}).host().view(),
            "b.test");
  EXPECT_EQ(
      Of({{":authority", "user:secret@[2001:db8::1]:8443"}}).host().view(),
      "2001:db8::1");
  EXPECT_EQ(Of({{":authority", "not a host"}}).host().view(), "_invalid");
  EXPECT_TRUE(Of({{"hosts", "b.test"}, {"", "c.test"}}).host().empty());
}

TEST(Http2FieldsTest, OnlyPlainConnectIsATunnel) {
  EXPECT_TRUE(Of({{":method", "CONNECT"}}).tunnel());
  const Http2Fields websocket =
      Of({{":method", "CONNECT"}, {":protocol", "websocket"}});
  EXPECT_FALSE(websocket.tunnel());
  EXPECT_TRUE(websocket.extended());
  EXPECT_EQ(websocket.method(), Method::kConnect);
  EXPECT_EQ(Of({{":method", "HEAD"}}).method(), Method::kHead);
  EXPECT_EQ(Of({{":method", "connect"}}).method(), Method::kOther);
}

TEST(Http2FieldsTest, AStatusIsThreeDigits) {
  EXPECT_FALSE(Of({{"status", "200"}}).has_status());
  EXPECT_EQ(Of({{":status", "204"}}).status(), 204);
  for (const auto* text : {"", "20", "2000", "2x0", "-20"}) {
    const Http2Fields fields = Of({{":status", text}});
    EXPECT_TRUE(fields.has_status());
    EXPECT_EQ(fields.status(), 0) << text;
  }
}

TEST(Http2FieldsTest, GrpcIsToldByItsContentType) {
  for (const auto* type :
       {"application/grpc", "application/grpc+proto", "Application/GRPC;x=y"}) {
    EXPECT_TRUE(Of({{"content-type", type}}).grpc()) << type;
  }
  for (const auto* type : {"", "application/grp", "application/grpc-web",
                           "text/application/grpc"}) {
    EXPECT_FALSE(Of({{"content-type", type}}).grpc()) << type;
  }
  EXPECT_EQ(Of({{"grpc-status", "0"}}).grpc_status(), 0);
  EXPECT_EQ(Of({{"grpc-status", "14"}}).grpc_status(), 14);
  for (const auto* text : {"", "x", "-1", "12345"}) {
    EXPECT_EQ(Of({{"grpc-status", text}}).grpc_status(),
              Http2Fields::kBadGrpcStatus)
        << text;
  }
  EXPECT_EQ(Of({}).grpc_status(), Http2Fields::kNoGrpcStatus);
}

TEST(Http2FieldsTest, ABlockBeginsWithNothing) {
  Http2Fields fields = Of({{":authority", "a.test"},
                           {":method", "CONNECT"},
                           {":scheme", "https"},
                           {":protocol", "x"},
                           {":status", "200"},
                           {"content-type", "application/grpc"},
                           {"grpc-status", "3"}});
  fields.Clear();
  EXPECT_TRUE(fields.host().empty());
  EXPECT_EQ(fields.method(), Method::kOther);
  EXPECT_EQ(fields.scheme(), Http2Fields::Scheme::kOther);
  EXPECT_FALSE(fields.extended());
  EXPECT_FALSE(fields.has_status());
  EXPECT_EQ(fields.status(), 0);
  EXPECT_FALSE(fields.grpc());
  EXPECT_EQ(fields.grpc_status(), Http2Fields::kNoGrpcStatus);
}

}  // namespace
}  // namespace proxymeter::protocol
