#include "cli/elf_file.h"

#include <elf.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "cli/testing/files.h"
#include "cli/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace proxymeter::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr char kDynamicProgram[] = "/bin/true";

template <typename Structure>
Structure At(const std::string& bytes, size_t offset) {
  Structure result;
  std::memcpy(&result, bytes.data() + offset, sizeof(result));
  return result;
}

template <typename Structure>
void Put(const Structure& structure, size_t offset, std::string* bytes) {
  std::memcpy(bytes->data() + offset, &structure, sizeof(structure));
}

/// Where the first segment of a kind stands in the file.
size_t SegmentHeader(const std::string& bytes, std::uint32_t type) {
  const auto header = At<Elf64_Ehdr>(bytes, 0);
  for (int i = 0; i < header.e_phnum; ++i) {
    const size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    if (At<Elf64_Phdr>(bytes, at).p_type == type) return at;
  }
  ADD_FAILURE() << "no segment of type " << type;
  return 0;
}

TEST(ElfFile, TellsDynamicFromStatic) {
  const auto dynamic = ReadElfFile(kDynamicProgram);
  ASSERT_TRUE(dynamic.ok()) << dynamic.status();
  EXPECT_TRUE(dynamic->for_this_machine);
  EXPECT_THAT(dynamic->interpreter, HasSubstr("/ld-linux"));
  EXPECT_THAT(dynamic->needed, ElementsAre("libc.so.6"));
  EXPECT_FALSE(dynamic->go);
  const auto fixed = ReadElfFile(STATIC_PROGRAM);
  ASSERT_TRUE(fixed.ok()) << fixed.status();
  EXPECT_TRUE(fixed->for_this_machine);
  EXPECT_EQ(fixed->interpreter, "");
  EXPECT_THAT(fixed->needed, IsEmpty());
}

TEST(ElfFile, NamesOtherMachinesAndReadsNoFurther) {
  const std::string path = MakeTempDirectory() + "/other";
  const std::string own = ReadWhole(kDynamicProgram);
  std::string other = own;
  other[EI_CLASS] = ELFCLASS32;
  auto file = ReadElfFile(WriteProgram(path, other));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE(file->for_this_machine);
  EXPECT_THAT(file->machine, HasSubstr("32-bit"));
  other = own;
  other[EI_DATA] = ELFDATA2MSB;
  other[18] = 0;
  other[19] = EM_S390;
  file = ReadElfFile(WriteProgram(path, other));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE(file->for_this_machine);
  EXPECT_EQ(file->machine, "s390, 64-bit, big-endian");
  EXPECT_THAT(std::string(ReadSymbolUses(path, {"send"}).status().message()),
              HasSubstr("built for s390"));
}

TEST(ElfFile, EveryTruncationIsAnErrorNotACrash) {
  const std::string path = MakeTempDirectory() + "/cut";
  const std::string whole = ReadWhole(kDynamicProgram);
  for (size_t size = 0; size < whole.size(); size += size < 1000 ? 1 : 97) {
    WriteProgram(path, whole.substr(0, size));
    const auto file = ReadElfFile(path);
    if (size < 792) {  // its 13 segments' headers
      EXPECT_TRUE(absl::IsInvalidArgument(file.status())) << size;
    }
    // These stand near the end, or are found by what does.
    EXPECT_FALSE(ReadSymbolUses(path, {"send"}).ok()) << size;
    EXPECT_FALSE(ReadDefinedVersions(path).ok() &&
                 !ReadDefinedVersions(path)->empty())
        << size;
  }
}

TEST(ElfFile, FoldersAndPipesAreNoElfFiles) {
  const std::string folder = MakeTempDirectory();
  EXPECT_TRUE(absl::IsInvalidArgument(ReadElfFile(folder).status()));
  const std::string pipe = folder + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(ReadElfFile(pipe).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadElfFile(folder + "/none").status()));
}

TEST(ElfFile, CountsThatTheFileCannotHoldAreRefused) {
  const std::string path = MakeTempDirectory() + "/huge";
  const std::string own = ReadWhole(kDynamicProgram);
  auto header = At<Elf64_Ehdr>(own, 0);
  header.e_phnum = 0xfffe;
  std::string huge = own;
  Put(header, 0, &huge);
  EXPECT_TRUE(
      absl::IsInvalidArgument(ReadElfFile(WriteProgram(path, huge)).status()));
  const size_t at = SegmentHeader(own, PT_INTERP);
  auto segment = At<Elf64_Phdr>(own, at);
  for (const std::uint64_t bytes :
       {std::uint64_t{1} << 20, std::uint64_t{1} << 62, UINT64_MAX}) {
    segment.p_filesz = bytes;
    huge = own;
    Put(segment, at, &huge);
    EXPECT_TRUE(absl::IsInvalidArgument(
        ReadElfFile(WriteProgram(path, huge)).status()));
  }
  const size_t dynamic_at = SegmentHeader(own, PT_DYNAMIC);
  auto dynamic = At<Elf64_Phdr>(own, dynamic_at);
  for (const std::uint64_t offset :
       {std::uint64_t{own.size()}, std::uint64_t{1} << 62, UINT64_MAX}) {
    dynamic.p_offset = offset;
    huge = own;
    Put(dynamic, dynamic_at, &huge);
    EXPECT_TRUE(absl::IsInvalidArgument(
        ReadElfFile(WriteProgram(path, huge)).status()));
  }
}

TEST(ElfFile, ALoaderNameWithoutEndIsRefused) {
  const std::string path = MakeTempDirectory() + "/endless";
  std::string bytes = ReadWhole(kDynamicProgram);
  const auto segment = At<Elf64_Phdr>(bytes, SegmentHeader(bytes, PT_INTERP));
  bytes[segment.p_offset + segment.p_filesz - 1] = 'x';
  EXPECT_TRUE(
      absl::IsInvalidArgument(ReadElfFile(WriteProgram(path, bytes)).status()));
}

TEST(ElfFile, DamagedFilesNeverCrashIt) {
  const std::string path = MakeTempDirectory() + "/mutant";
  const std::string own = ReadWhole(OWN_SSL_LIBRARY);
  const auto header = At<Elf64_Ehdr>(own, 0);
  std::minstd_rand random(20240229);
  size_t refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string mutant = own;
    const int changes = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < changes; ++i) {
      // Mostly where sizes and offsets stand: the headers at both ends.
      size_t at = random() % mutant.size();
      if (random() % 4 != 0) {
        at = random() % 2 == 0
                 ? random() %
                       (sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr))
                 : header.e_shoff +
                       random() % (header.e_shnum * sizeof(Elf64_Shdr));
      }
      mutant[at] = static_cast<char>(
          random() % 3 == 0 ? 0xff : mutant[at] ^ (1 << random() % 8));
    }
    WriteProgram(path, mutant);
    const bool ok = ReadElfFile(path).ok() &&
                    ReadSymbolUses(path, {"SSL_write"}).ok() &&
                    ReadDefinedVersions(path).ok();
    refused += ok ? 0 : 1;
  }
  // Neither everything nor nothing: the mutations reach behind the first check.
  EXPECT_GT(refused, 400u);
  EXPECT_LT(refused, 3600u);
}

TEST(SymbolUses, TellsCallsThroughTheLinkerFromThoseInside) {
  const auto own = ReadSymbolUses(OWN_SSL_LIBRARY, {"SSL_write", "SSL_read"});
  ASSERT_TRUE(own.ok()) << own.status();
  ASSERT_THAT(*own, SizeIs(1));
  EXPECT_TRUE(own->at("SSL_write").defined);
  EXPECT_FALSE(own->at("SSL_write").bound);
  const auto program = ReadSymbolUses(kDynamicProgram, {"abort", "stdout"});
  ASSERT_TRUE(program.ok()) << program.status();
  ASSERT_TRUE(program->contains("abort"));
  EXPECT_FALSE(program->at("abort").defined);
  EXPECT_TRUE(program->at("abort").bound);
  EXPECT_FALSE(ReadSymbolUses(STATIC_PROGRAM, {"abort"}).ok());
}

TEST(DefinedVersions, AreThoseOfTheLibrary) {
  const auto versions = ReadDefinedVersions("/lib/x86_64-linux-gnu/libc.so.6");
  ASSERT_TRUE(versions.ok()) << versions.status();
  EXPECT_THAT(*versions, Contains("GLIBC_2.17"));
  const auto none = ReadDefinedVersions(kDynamicProgram);
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_THAT(*none, IsEmpty());
}

}  // namespace
}  // namespace proxymeter::cli
