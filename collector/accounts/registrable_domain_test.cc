#include "collector/accounts/registrable_domain.h"

#include <gtest/gtest.h>

#include "collector/accounts/sessions.h"
#include "collector/testing/journal_fixture.h"

namespace proxymeter::collector {
namespace {

TEST(RegistrableDomain, FoldsByThePublicSuffixList) {
  EXPECT_EQ(RegistrableDomain("shop.example.co.uk"), "example.co.uk");
  EXPECT_EQ(RegistrableDomain("a.b.example.com"), "example.com");
  EXPECT_EQ(RegistrableDomain("example.com"), "example.com");
}

TEST(RegistrableDomain, LeavesWhatHasNone) {
  for (const char* host : {"192.0.2.1", "2001:db8::1", "com", "co.uk",
                           "localhost", "_unknown", "_other", ""}) {
    EXPECT_EQ(RegistrableDomain(host), host);
  }
}

TEST(RegistrableDomain, IsWhatTotalsAreOfWhenAskedFor) {
  Sessions sessions;
  sessions.SetTerms({}, /*by_domain=*/true);
  JournalContents journal;
  journal.session.fill(1);
  journal.rows = {{0, TrafficRow("acme", "a.example.com", 1, 2, 3)},
                  {1, TrafficRow("acme", "b.example.com", 10, 20, 30)}};
  ASSERT_FALSE(sessions.ApplyJournal(journal).rejection);
  const auto rows = sessions.Snapshot().rows;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].key.destination, "example.com");
  EXPECT_EQ(rows[0].counters[kSentBytes], 11u);

  // What comes from here on is told apart again.
  sessions.SetTerms({}, /*by_domain=*/false);
  journal.rows[0].row.counters[kSentBytes] += 100;
  ASSERT_FALSE(sessions.ApplyJournal(journal).rejection);
  std::uint64_t apart = 0;
  for (const RowValue& row : sessions.Snapshot().rows) {
    if (row.key.destination == "a.example.com") {
      apart += row.counters[kSentBytes];
    }
  }
  EXPECT_EQ(apart, 100u);
}

}  // namespace
}  // namespace proxymeter::collector
