// Files that tests make.
#ifndef PROXYMETER_CLI_TESTING_FILES_H_
#define PROXYMETER_CLI_TESTING_FILES_H_

#include <string>

namespace proxymeter::cli {

/// Makes an executable file of `contents`, or gives one new contents. Returns
/// `path`.
std::string WriteProgram(const std::string& path, const std::string& contents);

std::string ReadWhole(const std::string& path);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_TESTING_FILES_H_
