#include "collector/exposition/gzip.h"

#include <gtest/gtest.h>

namespace proxymeter::collector {
namespace {

TEST(AcceptsGzip, ReadsTheHeader) {
  for (const char* header : {"gzip", "GZIP", "deflate, gzip;q=0.5, br",
                             "identity;q=0.1,gzip ; q=1", "*", "br;q=1, *"}) {
    EXPECT_TRUE(AcceptsGzip(header)) << header;
  }
  for (const char* header :
       {"", "identity", "br", "gzip;q=0", "gzip; q=0.0", "*;q=0", "gzip;q=x",
        "*, gzip;q=0", "xgzip", "gzipx"}) {
    EXPECT_FALSE(AcceptsGzip(header)) << header;
  }
}

}  // namespace
}  // namespace proxymeter::collector
