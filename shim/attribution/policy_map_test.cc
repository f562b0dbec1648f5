#include "shim/attribution/policy_map.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shim/testing/shim_fixture.h"

namespace proxymeter::shim {
namespace {

using Change = PolicyMap::Change;

class PolicyMapTest : public ShimFixture {
 protected:
  // A map that looks now, whatever it saw before.
  Change Load(PolicyMap* map) {
    Path path;
    path.Assign(directory());
    return map->Refresh(path, 0);
  }
  std::string PolicyPath() const { return directory() + "/policy"; }
};

TEST_F(PolicyMapTest, LooksAtMostOnceASecond) {
  PolicyMap map;
  EXPECT_EQ(Load(&map), Change::kLoaded);
  std::filesystem::remove(PolicyPath());
  EXPECT_EQ(Load(&map), Change::kNone);
  EXPECT_TRUE(PolicyMap::Reader(&map).policy().NamesHost("gw.acme.test"));
}

TEST_F(PolicyMapTest, NoPolicyMatchesNothing) {
  std::filesystem::remove(PolicyPath());
  PolicyMap map;
  EXPECT_EQ(Load(&map), Change::kNone);
  EXPECT_FALSE(PolicyMap::Reader(&map).policy().NamesHost("gw.acme.test"));
}

TEST_F(PolicyMapTest, GarbageIsRejected) {
  std::filesystem::remove(PolicyPath());
  std::ofstream(PolicyPath()) << std::string(500, 'x');
  PolicyMap map;
  EXPECT_EQ(Load(&map), Change::kRejected);
}

TEST_F(PolicyMapTest, AnotherUsersFileIsRejected) {
  if (geteuid() != 0) {
    // Only root can give a file away; as another user, take root's.
    std::filesystem::remove(PolicyPath());
    std::filesystem::create_symlink("/etc/passwd", PolicyPath());
  } else {
    ASSERT_EQ(chown(PolicyPath().c_str(), 12345, 12345), 0);
  }
  PolicyMap map;
  EXPECT_EQ(Load(&map), Change::kRejected);
}

TEST_F(PolicyMapTest, LinksAndPipesAreRejected) {
  std::filesystem::rename(PolicyPath(), directory() + "/elsewhere");
  std::filesystem::create_symlink("elsewhere", PolicyPath());
  PolicyMap linked;
  EXPECT_EQ(Load(&linked), Change::kRejected);
}

// As in a child, after a fork while another thread was reading.
TEST_F(PolicyMapTest, AReaderThatNeverEndsDelaysNoPolicy) {
  PolicyMap map;
  ASSERT_EQ(Load(&map), Change::kLoaded);
  const PolicyMap::Reader endless(&map);
  for (const std::string name : {"one", "two", "three"}) {
    WritePolicy("version: 1\nvendors:\n- name: " + name +
                "\n  match: [{host: " + name + ".test}]");
    Change change = Change::kNone;
    for (int i = 0; i < 300 && change == Change::kNone; ++i) {
      usleep(10'000);
      change = Load(&map);
    }
    EXPECT_EQ(change, Change::kLoaded) << name;
    const PolicyMap::Reader reader(&map);
    EXPECT_TRUE(reader.policy().NamesHost(name + ".test"));
  }
  EXPECT_TRUE(endless.policy().NamesHost("gw.acme.test"));
}

TEST_F(PolicyMapTest, AReaderKeepsItsPolicyThroughAChange) {
  PolicyMap map;
  ASSERT_EQ(Load(&map), Change::kLoaded);
  const PolicyMap::Reader before(&map);
  EXPECT_TRUE(before.policy().NamesHost("gw.acme.test"));
  WritePolicy("version: 1\nvendors:\n- name: other\n  match: [{host: o.test}]");
  for (int i = 0; i < 30 && Load(&map) != Change::kLoaded; ++i) {
    usleep(100'000);
  }
  EXPECT_TRUE(before.policy().NamesHost("gw.acme.test"));
  const PolicyMap::Reader after(&map);
  EXPECT_TRUE(after.policy().NamesHost("o.test"));
  EXPECT_FALSE(after.policy().NamesHost("gw.acme.test"));
}

}  // namespace
}  // namespace proxymeter::shim
