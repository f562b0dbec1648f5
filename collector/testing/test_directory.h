// A directory of its own for a test, removed at the end.
#ifndef PROXYMETER_COLLECTOR_TESTING_TEST_DIRECTORY_H_
#define PROXYMETER_COLLECTOR_TESTING_TEST_DIRECTORY_H_

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

namespace proxymeter::collector {

/// Its path is short: a Unix socket's address holds 107 bytes.
class TestDirectory {
 public:
  explicit TestDirectory(const std::string& parent = "/tmp") {
    std::string pattern = parent + "/proxymeter.XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), pattern);
    }
    path_ = pattern;
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_TESTING_TEST_DIRECTORY_H_
