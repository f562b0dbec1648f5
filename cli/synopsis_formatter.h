// The usage line of a command, in its own words.
#ifndef PROXYMETER_CLI_SYNOPSIS_FORMATTER_H_
#define PROXYMETER_CLI_SYNOPSIS_FORMATTER_H_

#include <string>
#include <utility>

#include "CLI/CLI.hpp"

namespace proxymeter::cli {

/// CLI11's help, but for what stands behind the name in the usage line: it
/// cannot know of the command that `run` takes. Subcommands that are added
/// later inherit it.
class SynopsisFormatter : public CLI::Formatter {
 public:
  explicit SynopsisFormatter(std::string synopsis)
      : synopsis_(std::move(synopsis)) {}

  std::string make_usage(const CLI::App*, std::string name) const override {
    return "\nUsage: " + name + " " + synopsis_ + "\n";
  }

  /// The descriptions name ranges and exclusions in words.
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_items_expected_max() == 0) return "";
    std::string text = " " + option->get_type_name();
    if (!option->get_default_str().empty()) {
      text += " (" + option->get_default_str() + ")";
    }
    return text;
  }

 private:
  const std::string synopsis_;
};

}  // namespace proxymeter::cli

#endif  // PROXYMETER_CLI_SYNOPSIS_FORMATTER_H_
