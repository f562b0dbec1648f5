#include "cli/doctor/process.h"

#include <elf.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Optional;

void Write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

TEST(ReadProcess, SeesThisOne) {
  const auto self = ReadProcess(absl::StrCat("/proc/", getpid()));
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->uid, getuid());
  EXPECT_EQ(self->name, "cli_doctor_test");
  EXPECT_FALSE(self->other_files);
  EXPECT_EQ(self->Seen("/etc"), "/etc");
  EXPECT_EQ(self->secure, false);
  const std::string executable =
      std::filesystem::read_symlink("/proc/self/exe").string();
  EXPECT_THAT(self->executable, Optional(executable));
  ASSERT_TRUE(self->modules.has_value());
  EXPECT_THAT(*self->modules,
              Contains(testing::Field(&MappedFile::path, executable)));
  EXPECT_TRUE(absl::IsNotFound(ReadProcess("/proc/0").status()));
}

TEST(ReadProcess, TakesTheFilesApart) {
  const std::string folder = MakeTempDirectory();
  Write(folder + "/status",
        "Name:\tweb crawl\nPPid:\t3\nUid:\t7\t8\t8\t8\nNoNewPrivs:\t1\n"
        "Seccomp:\t2\n"
        "Seccomp_filters:\t3\n");
  Write(folder + "/maps",
        "1000-2000 r-xp 00000000 08:01 5                  /bin/a b\n"
        "2000-3000 rw-p 00000000 08:01 5                  /bin/a b\n"
        "3000-4000 r-xp 00000000 08:01 6   /lib/old.so (deleted)\n"
        "4000-5000 r--p 00000000 08:01 7                  /data\n"
        "5000-6000 r-xp 00000000 00:00 0                  [vdso]\n"
        "6000-7000 r-xp 00000000 00:00 0 \n"
        "rubbish\n"
        "7000-8000 rw-s 00000000 00:1b 9                  /pm/journals/a\n"
        "8000-9000 r--s 00000000 00:1b 9                  /pm/policy\n"
        "8000-9000 r-xp 00002000 08:01 5                  /bin/a b\n");
  Write(folder + "/environ", std::string("A=1\0PATH=/bin\0B=\0", 17));
  const Elf64_auxv_t vector[] = {{AT_PAGESZ, {4096}}, {AT_SECURE, {1}}};
  Write(folder + "/auxv",
        std::string(reinterpret_cast<const char*>(vector), sizeof(vector)));
  const auto process = ReadProcess(folder);
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(process->name, "web crawl");
  EXPECT_EQ(process->parent, 3);
  EXPECT_EQ(process->uid, 7u);
  EXPECT_THAT(process->shared_files, ElementsAre("/pm/journals/a"));
  EXPECT_EQ(process->seccomp, 2);
  EXPECT_EQ(process->seccomp_filters, 3);
  EXPECT_TRUE(process->no_new_privileges);
  EXPECT_EQ(process->secure, true);
  ASSERT_TRUE(process->modules.has_value());
  ASSERT_EQ(process->modules->size(), 2u);
  EXPECT_EQ(process->modules->at(0).path, "/bin/a b");
  EXPECT_FALSE(process->modules->at(0).deleted);
  EXPECT_EQ(process->modules->at(1).path, "/lib/old.so");
  EXPECT_TRUE(process->modules->at(1).deleted);
  EXPECT_EQ(process->Variable("PATH"), "/bin");
  EXPECT_EQ(process->Variable("B"), "");
  EXPECT_EQ(process->Variable("PAT"), std::nullopt);
}

TEST(ReadProcess, LeavesOpenWhatMayNotBeRead) {
  const std::string folder = MakeTempDirectory();
  Write(folder + "/status", "Name:\tcrawl\n");
  const auto process = ReadProcess(folder);
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_FALSE(process->modules.has_value());
  EXPECT_FALSE(process->environment.has_value());
  EXPECT_FALSE(process->executable.has_value());
  EXPECT_FALSE(process->secure.has_value());
}

TEST(ReadProcess, KnowsAnotherRoot) {
  const std::string folder = MakeTempDirectory();
  Write(folder + "/status", "Name:\tcrawl\n");
  std::filesystem::create_symlink("/elsewhere", folder + "/root");
  const auto process = ReadProcess(folder);
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_TRUE(process->other_files);
  EXPECT_EQ(process->Seen("/lib/x.so"), folder + "/root" + "/lib/x.so");
}

}  // namespace
}  // namespace proxymeter::cli
