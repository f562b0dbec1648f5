#include "shim/callers/modules.h"

#include <gtest/gtest.h>
#include <search.h>

#include <string>

#include "shim/callers/testing/caller_fixture.h"

namespace proxymeter::shim {
namespace {

Module ModuleAt(std::uintptr_t address) {
  Module module;
  FindModule(address, &module);
  return module;
}

template <typename Function>
std::uintptr_t AddressOf(Function* function) {
  return reinterpret_cast<std::uintptr_t>(function);
}

TEST(FindModule, TellsOursGlibcsAndOthersApart) {
  EXPECT_EQ(ModuleAt(AddressOf(&FindModule)).kind, ModuleKind::kOurs);
  const Module libc = ModuleAt(AddressOf(&lfind));
  EXPECT_EQ(libc.kind, ModuleKind::kSystem);
  EXPECT_NE(libc.exception_table, nullptr);
  const Module other = ModuleAt(AddressOf(&CallerFixtureCall));
  EXPECT_EQ(other.kind, ModuleKind::kForeign);
  EXPECT_EQ(other.name.view(), "libcaller_fixture.so");
  EXPECT_LE(other.first, AddressOf(&CallerFixtureCall));
  EXPECT_GT(other.end, AddressOf(&CallerFixtureCall));
  int on_stack = 0;
  EXPECT_EQ(ModuleAt(reinterpret_cast<std::uintptr_t>(&on_stack)).kind,
            ModuleKind::kNone);
  EXPECT_EQ(ModuleAt(0).kind, ModuleKind::kNone);
}

TEST(ModuleName, IsFitForALabel) {
  const auto named = [](std::string_view path) {
    ModuleName name;
    name.Assign(path);
    return std::string(name.view());
  };
  EXPECT_EQ(named("/usr/lib/libcurl.so.4"), "libcurl.so.4");
  EXPECT_EQ(named("crawler"), "crawler");
  EXPECT_EQ(named(""), "_unknown");
  EXPECT_EQ(named("/dir/"), "_unknown");
  EXPECT_EQ(named("/a\"b\\c'd\ne\xff"), "a?b?c?d?e?");
  EXPECT_EQ(named(std::string(1000, 'x')), std::string(kMaxHostLength, 'x'));
}

}  // namespace
}  // namespace proxymeter::shim
