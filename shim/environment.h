// What the process's environment tells the shim, read once at load.
#ifndef PROXYMETER_SHIM_ENVIRONMENT_H_
#define PROXYMETER_SHIM_ENVIRONMENT_H_

#include <cstddef>
#include <string_view>

#include "proxymeter/limits.h"

namespace proxymeter::shim {

/// A NUL-terminated path in a fixed buffer; empty when it did not fit.
class Path {
 public:
  static constexpr std::size_t kCapacity = 512;

  constexpr Path() = default;

  void Assign(std::string_view text) {
    length_ = 0;
    Append(text);
  }
  /// Appends; a path that grows too long becomes empty and stays so until the
  /// next Assign.
  void Append(std::string_view text) {
    if (text.size() >= kCapacity - length_) {
      length_ = 0;
      text_[0] = '\0';
      return;
    }
    text.copy(text_ + length_, text.size());
    length_ += text.size();
    text_[length_] = '\0';
  }

  bool empty() const { return length_ == 0; }
  const char* c_str() const { return text_; }
  std::string_view view() const { return {text_, length_}; }

 private:
  std::size_t length_ = 0;
  char text_[kCapacity] = {};
};

/// `directory`/`name`, empty when it would be too long.
Path Join(const Path& directory, std::string_view name);

class Environment {
 public:
  constexpr Environment() = default;

  /// Reads PROXYMETER_DIR and PROXYMETER_VENDOR. A relative directory is
  /// ignored: the process may change its own. A vendor name that the policy
  /// could not hold is ignored too. Leaves errno alone.
  void Read();

  /// Where the collector's socket, policy and journals are. Never empty:
  /// PROXYMETER_DIR, else /run/proxymeter.
  const Path& directory() const { return directory_; }

  /// The pod's default vendor (PROXYMETER_VENDOR), or empty.
  std::string_view vendor() const { return {vendor_, vendor_length_}; }

 private:
  Path directory_;
  char vendor_[kMaxVendorLength] = {};
  std::size_t vendor_length_ = 0;
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_ENVIRONMENT_H_
