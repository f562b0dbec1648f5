// Writes what is added to a manifest.
#ifndef PROXYMETER_CLI_INJECT_YAML_TEXT_H_
#define PROXYMETER_CLI_INJECT_YAML_TEXT_H_

#include <string>
#include <string_view>

#include "cli/inject/pod_parts.h"

namespace proxymeter::cli {

/// Whether some version of YAML takes the word, in any case, for a truth value
/// or for nothing.
bool IsYamlWord(std::string_view text);

/// The entries of a mapping, or the items of a list, in block style: whole
/// lines, each behind `indent` spaces and ended by `\n`.
std::string BlockYaml(const Json& value, int indent);

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_INJECT_YAML_TEXT_H_
