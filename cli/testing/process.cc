#include "cli/testing/process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace proxymeter::cli {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) {
    pointers.push_back(const_cast<char*>(text.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

std::string Contents(FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c; (c = std::getc(file)) != EOF;) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

}  // namespace

int ProcessResult::exit_status() const {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

ProcessResult RunProcess(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment) {
  FILE* const out = std::tmpfile();
  FILE* const err = std::tmpfile();
  if (out == nullptr || err == nullptr) throw std::runtime_error("tmpfile");
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t child = fork();
  if (child == 0) {
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    close(fileno(out));
    close(fileno(err));
    execvpe(argv[0], argv.data(), envp.data());
    _exit(99);
  }
  ProcessResult result;
  if (waitpid(child, &result.status, 0) != child) {
    throw std::runtime_error("waitpid");
  }
  result.out = Contents(out);
  result.err = Contents(err);
  return result;
}

std::string MakeTempDirectory() {
  std::string path =
      (std::filesystem::temp_directory_path() / "proxymeter-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return path;
}

}  // namespace proxymeter::cli
