#include "collector/web/query.h"

#include <gtest/gtest.h>

namespace proxymeter::collector {
namespace {

TEST(Query, ReadsWhatIsGivenAndDefaultsOtherwise) {
  const Query::Parameters parameters = {
      {"text", "a b"}, {"number", "7"}, {"time", "12.5"}, {"choice", "two"}};
  Query query(parameters);
  EXPECT_EQ(query.Text("text"), "a b");
  EXPECT_EQ(query.Text("other"), "");
  EXPECT_EQ(query.Number("number", 1, 0, 9), 7u);
  EXPECT_EQ(query.Number("another", 1, 0, 9), 1u);
  EXPECT_EQ(query.Seconds("time", 0), 12.5);
  EXPECT_EQ(query.Choice("choice", {"one", "two"}), "two");
  EXPECT_EQ(query.Choice("no choice", {"one", "two"}), "one");
  EXPECT_FALSE(query.Finish().has_value());
}

TEST(Query, NamesWhatIsWrong) {
  const auto error = [](const Query::Parameters& parameters) {
    Query query(parameters);
    query.Text("text");
    query.Number("number", 1, 1, 9);
    query.Seconds("time", 0);
    query.Choice("choice", {"one", "two"});
    const auto found = query.Finish();
    return found ? found->parameter + ": " + found->message : "";
  };
  EXPECT_EQ(error({}), "");
  EXPECT_EQ(error({{"limt", "1"}}), "limt: unknown");
  EXPECT_EQ(error({{"text", "a"}, {"text", "a"}}),
            "text: given more than once");
  EXPECT_EQ(error({{"text", std::string(256, 'x')}}),
            "text: longer than 255 bytes");
  EXPECT_EQ(error({{"text", std::string(255, 'x')}}), "");
  for (const char* number : {"", "0", "10", "-1", "+1", " 1", "1 ", "1.0", "x",
                             "99999999999999999999"}) {
    EXPECT_EQ(error({{"number", number}}),
              "number: not a whole number from 1 to 9")
        << number;
  }
  for (const char* time : {"", "-1", "nan", "inf", "1e400", "x"}) {
    EXPECT_EQ(error({{"time", time}}), "time: not seconds since the Unix epoch")
        << time;
  }
  EXPECT_EQ(error({{"choice", "three"}}), "choice: none of one, two");
}

}  // namespace
}  // namespace proxymeter::collector
