// Guesses what was meant by a mistyped word.
#ifndef PROXYMETER_CLI_SUGGESTION_H_
#define PROXYMETER_CLI_SUGGESTION_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace proxymeter::cli {

/// The choice that is at most two inserted, deleted or replaced letters away
/// from `word`, the nearest; nothing when there is none.
std::optional<std::string> Suggest(std::string_view word,
                                   const std::vector<std::string>& choices);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_SUGGESTION_H_
