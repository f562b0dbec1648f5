#include "shim/protocol/client_flight.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <type_traits>

namespace proxymeter::protocol {
namespace {

static_assert(std::is_trivially_destructible_v<ClientFlight>);
static_assert(std::is_trivially_copyable_v<ClientFlight>);
[[maybe_unused]] constinit ClientFlight constant_initialized;

Bytes AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string Record(std::uint8_t type, std::size_t length) {
  std::string record = {static_cast<char>(type), 3, 3,
                        static_cast<char>(length / 256),
                        static_cast<char>(length % 256)};
  return record + std::string(length, '\x17');
}

bool HasData(ClientFlight* flight, Bytes bytes) {
  bool found = false;
  for (;;) {
    switch (flight->Consume(&bytes)) {
      case ClientFlight::Event::kNone:
      case ClientFlight::Event::kLost:
        EXPECT_TRUE(bytes.empty());
        return found;
      case ClientFlight::Event::kFinished:
        break;
      case ClientFlight::Event::kData:
        found = true;
    }
  }
}

// Whether data begins in `bytes`, which must not depend on how they are cut.
bool HasData(const std::string& bytes) {
  ClientFlight whole;
  const bool found = HasData(&whole, AsBytes(bytes));
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    ClientFlight flight;
    const std::string front = bytes.substr(0, cut), back = bytes.substr(cut);
    const bool in_front = HasData(&flight, AsBytes(front));
    EXPECT_EQ(HasData(&flight, AsBytes(back)) || in_front, found) << cut;
  }
  return found;
}

TEST(ClientFlightTest, Tls13FinishedIsNoData) {
  for (const std::size_t finished : {45, 53, 61, 69}) {
    const std::string flight = Record(20, 1) + Record(23, finished);
    EXPECT_FALSE(HasData(flight));
    EXPECT_TRUE(HasData(flight + Record(23, 19)));
  }
}

TEST(ClientFlightTest, Tls13CertificatesAreNoData) {
  const std::string certificates = Record(23, 800) + Record(23, 96);
  EXPECT_FALSE(HasData(certificates + Record(23, 53)));
  EXPECT_TRUE(HasData(certificates + Record(23, 53) + Record(23, 400)));
}

TEST(ClientFlightTest, Tls12FinishedIsAHandshakeRecord) {
  const std::string flight = Record(22, 37) + Record(20, 1) + Record(22, 40);
  EXPECT_FALSE(HasData(flight));
  EXPECT_TRUE(HasData(flight + Record(23, 92)));
}

TEST(ClientFlightTest, ASecondHelloIsNoFinished) {
  const std::string hello = Record(20, 1) + Record(22, 370);
  EXPECT_FALSE(HasData(hello + Record(23, 53)));
  EXPECT_TRUE(HasData(hello + Record(23, 53) + Record(23, 53)));
}

TEST(ClientFlightTest, WhatIsNoRecordIsNotGuessedAt) {
  EXPECT_FALSE(HasData("GET / HTTP/1.1\r\n\r\n" + Record(23, 53)));
  EXPECT_FALSE(HasData(Record(21, 2) + Record(23, 53)));
  EXPECT_FALSE(HasData(""));
}

}  // namespace
}  // namespace proxymeter::protocol
