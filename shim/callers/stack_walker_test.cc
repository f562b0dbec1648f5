#include "shim/callers/stack_walker.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "shim/callers/libgcc_walk.h"
#include "shim/callers/libunwind_walk.h"
#include "shim/callers/testing/caller_fixture.h"
#include "shim/kernel.h"

namespace proxymeter::shim {
namespace {

struct Found {
  Unwinder unwinder = Unwinder::kNone;
  std::string caller;

  friend bool operator==(const Found&, const Found&) = default;
};

std::function<Found()> walk;
Found found;

int Callback(const void*, const void*) {
  found = walk();
  return 0;
}

// Every way to walk must tell the same.
class EveryUnwinder : public testing::TestWithParam<Unwinder> {
 protected:
  void SetUp() override {
    if (GetParam() == Unwinder::kLibunwind) {
      ASSERT_TRUE(LoadLibunwind());
    }
    walk = [this] { return Walk(); };
  }
  Found Walk() {
    CallerFinder finder;
    if (GetParam() == Unwinder::kLibunwind) {
      WalkByLibunwind(&finder);
    } else {
      WalkByLibgcc(&finder);
    }
    return {GetParam(), std::string(finder.caller())};
  }
  Found Expected(const std::string& caller) const {
    return {GetParam(), caller};
  }
};

INSTANTIATE_TEST_SUITE_P(
    , EveryUnwinder, testing::Values(Unwinder::kLibunwind, Unwinder::kLibgcc),
    [](const auto& unwinder) { return std::string(Name(unwinder.param)); });

TEST_P(EveryUnwinder, FindsTheModuleThatCalled) {
  for (int i = 0; i < 3; ++i) {
    CallerFixtureCall(Callback);
    EXPECT_EQ(found, Expected("libcaller_fixture.so"));
  }
}

TEST_P(EveryUnwinder, PassesOverGlibcsFrames) {
  CallerFixtureCallThroughLibc(Callback);
  EXPECT_EQ(found, Expected("libcaller_fixture.so"));
}

TEST_P(EveryUnwinder, EndsWithTheStack) {
  // A thread's first frame is glibc's, and nothing is behind it.
  std::thread([&] { found = Walk(); }).join();
  // libstdc++ starts std::thread's function.
  EXPECT_EQ(found.caller.substr(0, 12), "libstdc++.so");
  pthread_t thread;
  ASSERT_EQ(pthread_create(
                &thread, nullptr,
                [](void*) -> void* {
                  found = walk();
                  return nullptr;
                },
                nullptr),
            0);
  pthread_join(thread, nullptr);
  EXPECT_EQ(found, Expected("_unknown"));
}

// NOLINTNEXTLINE(misc-no-recursion)
[[gnu::noinline]] int Descend(int frames) {
  if (frames == 0) return Callback(nullptr, nullptr);
  return Descend(frames - 1) + static_cast<int>(found.caller.size());
}
int DescendFar(const void*, const void*) {
  return Descend(CallerFinder::kMaxFrames);
}
int DescendLess(const void*, const void*) {
  return Descend(CallerFinder::kMaxFrames / 4);
}

TEST_P(EveryUnwinder, GivesUpAfterSoManyFrames) {
  CallerFixtureCall(DescendLess);
  EXPECT_EQ(found, Expected("libcaller_fixture.so"));
  CallerFixtureCall(DescendFar);
  EXPECT_EQ(found, Expected("_unknown"));
}

#if defined(__x86_64__)
TEST_P(EveryUnwinder, StopsAtGeneratedCode) {
  // sub $8, %rsp; call *%rdi; add $8, %rsp; ret
  constexpr unsigned char kCode[] = {0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
                                     0x48, 0x83, 0xc4, 0x08, 0xc3};
  void* code = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(code, MAP_FAILED);
  std::memcpy(code, kCode, sizeof(kCode));
  reinterpret_cast<void (*)(CallerFixtureCallback)>(code)(Callback);
  EXPECT_EQ(found, Expected("_unknown"));
  munmap(code, 4096);
}
#endif

TEST(LoadLibunwind, RefusesPipesOnlyMeanwhile) {
  EXPECT_FALSE(RefusesPipes());
  EXPECT_TRUE(LoadLibunwind());
  EXPECT_FALSE(RefusesPipes());
}

class StackWalkerTest : public testing::Test {
 protected:
  StackWalkerTest() {
    walk = [this] { return Walk(); };
  }
  Found Walk() {
    CallerFinder finder;
    const Unwinder unwinder = walker_.Walk(may_load_, generation_, &finder);
    return {unwinder, std::string(finder.caller())};
  }
  static Unwinder UnwinderNow() {
    CallerFixtureCall(Callback);
    EXPECT_EQ(found.caller, found.unwinder == Unwinder::kNone
                                ? "_unknown"
                                : "libcaller_fixture.so");
    return found.unwinder;
  }

  bool may_load_ = true;
  std::uint32_t generation_ = 0;
  StackWalker walker_;
};

TEST_F(StackWalkerTest, LoadsLibunwindWhenItMay) {
  may_load_ = false;
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibgcc);
  may_load_ = true;
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibunwind);
  may_load_ = false;
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibunwind);
}

TEST_F(StackWalkerTest, OtherThreadsUseItButDoNotLoadIt) {
  const auto in_thread = [] {
    std::thread([] { UnwinderNow(); }).join();
    return found.unwinder;
  };
  EXPECT_EQ(in_thread(), Unwinder::kLibgcc);
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibunwind);
  EXPECT_EQ(in_thread(), Unwinder::kLibunwind);
}

TEST_F(StackWalkerTest, NothingIsLoadedWhereASignalIsBlocked) {
  sigset_t blocked;
  sigset_t saved;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &saved);
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibgcc);
  pthread_sigmask(SIG_SETMASK, &saved, nullptr);
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibunwind);
}

TEST_F(StackWalkerTest, NothingIsWalkedOnASignalStack) {
  constexpr std::size_t kBytes = 256 * 1024;
  const auto memory = std::make_unique<char[]>(kBytes);
  const stack_t stack = {memory.get(), 0, kBytes};
  stack_t saved_stack;
  ASSERT_EQ(sigaltstack(&stack, &saved_stack), 0);
  struct sigaction action = {};
  action.sa_handler = [](int) { CallerFixtureCall(Callback); };
  struct sigaction saved;
  for (const int flags : {SA_ONSTACK, 0}) {
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, &saved);
    raise(SIGUSR1);
    EXPECT_EQ(found.unwinder, flags == 0 ? Unwinder::kLibgcc : Unwinder::kNone);
  }
  sigaction(SIGUSR1, &saved, nullptr);
  sigaltstack(&saved_stack, nullptr);
}

TEST_F(StackWalkerTest, NothingIsWalkedInASandbox) {
  kernel::silent = true;
  EXPECT_EQ(UnwinderNow(), Unwinder::kNone);
  kernel::silent = false;
  EXPECT_EQ(UnwinderNow(), Unwinder::kLibunwind);
}

TEST_F(StackWalkerTest, OneWalkAtATime) {
  // Walking while a walk is under way, as a handler would that interrupts it.
  StackWalker* walker = &walker_;
  std::atomic<bool> stop{false};
  int refused = 0;
  int walked = 0;
  std::thread other([&] {
    while (!stop) {
      CallerFinder finder;
      walker->Walk(false, 0, &finder);
    }
  });
  while (refused == 0 || walked == 0) {
    (UnwinderNow() == Unwinder::kNone ? refused : walked) += 1;
  }
  stop = true;
  other.join();
  EXPECT_NE(UnwinderNow(), Unwinder::kNone);
}

}  // namespace
}  // namespace proxymeter::shim
