#include "cli/testing/files.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace proxymeter::cli {

std::string WriteProgram(const std::string& path, const std::string& contents) {
  std::ofstream(path, std::ios::binary) << contents;
  std::filesystem::permissions(path, std::filesystem::perms(0755));
  return path;
}

std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace proxymeter::cli
