#include "collector/policy/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "absl/status/status.h"
#include "collector/scoped_fd.h"

namespace proxymeter::collector {

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  const auto failed = [&path](int error) {
    return absl::ErrnoToStatus(error, path + ": cannot be read");
  };
  const ScopedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed(errno);
  std::string text;
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t length = read(file.get(), buffer.data(), buffer.size());
    if (length == 0) return text;
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return failed(errno);
    text.append(buffer.data(), static_cast<std::size_t>(length));
  }
}

}  // namespace proxymeter::collector
