// The compiled policy of a directory, as crawlers find it there.
#ifndef PROXYMETER_CLI_DOCTOR_POLICY_FILE_H_
#define PROXYMETER_CLI_DOCTOR_POLICY_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proxymeter/policy_view.h"

namespace proxymeter::cli {

/// Read whole. `view` refers to `words`, also after a move, never to a copy's.
struct PolicyFile {
  PolicyFile() = default;
  PolicyFile(PolicyFile&&) = default;
  PolicyFile& operator=(PolicyFile&&) = default;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(words.data()), bytes};
  }

  std::vector<std::uint64_t> words;
  std::uint64_t bytes = 0;
  PolicyView view;
};

/// Fails for what crawlers would not take: the message is a phrase, "no policy,
/// so no vendors are known".
absl::StatusOr<PolicyFile> ReadPolicyFile(const std::string& directory);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_DOCTOR_POLICY_FILE_H_
