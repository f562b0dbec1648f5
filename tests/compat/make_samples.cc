// Writes the samples of the formats as they are now: journal, frame and policy.
//
//   make_samples tests/compat/v2c
//
// To be run when a format has gained something, into a folder of its own.
// What is there stays: it is what programs of that version wrote.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/compat/samples.h"

int main(int argc, char** argv) {
  using namespace proxymeter::compat;
  if (argc != 2) {
    std::fprintf(stderr, "Usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  const auto write = [&](const char* name, const std::string& bytes) {
    std::ofstream file(directory / name, std::ios::binary);
    file << bytes;
    return file.flush().good();
  };
  const bool written =
      write("journal", SampleJournal(kJournalSession, SampleRows())) &&
      write("frame", SampleFrame(SampleRows())) &&
      write("policy", SamplePolicy());
  return written ? 0 : 1;
}
