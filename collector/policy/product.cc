#include "collector/policy/product.h"

#include <cstddef>
#include <utility>

#include "collector/policy/grammar_text.h"
#include "fmt/format.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::collector {
namespace {

// Each label may double them, and each rule becomes as many.
constexpr std::size_t kMaxGrammars = 64;

}  // namespace

absl::Status NarrowToProduct(const std::vector<ProductLabel>& product,
                             const std::vector<std::string>& grammars,
                             std::vector<ParsedRule>* rules) {
  if (product.empty()) return absl::OkStatus();
  std::vector<std::string> narrowed = grammars;
  for (const ProductLabel& wanted : product) {
    std::vector<std::string> next;
    for (const std::string& grammar : narrowed) {
      for (std::string& text :
           GrammarsWithValue(grammar, wanted.label, wanted.value)) {
        const UserGrammar::Error error = UserGrammar(text).Check();
        if (error != UserGrammar::Error::kOk) {
          return wanted.node.Error(
              fmt::format("'{}' makes no grammar of the user name: {}",
                          wanted.value, Describe(error)));
        }
        next.push_back(std::move(text));
      }
    }
    if (next.size() > kMaxGrammars) {
      return wanted.node.Error(
          fmt::format("it takes more than {} grammars to say that '{}' is '{}'",
                      kMaxGrammars, wanted.label, wanted.value));
    }
    if (next.empty()) {
      return wanted.node.Error(
          fmt::format("rules see user names, and no grammar of this vendor's "
                      "has '{}' in it",
                      wanted.label));
    }
    narrowed = std::move(next);
  }
  std::vector<ParsedRule> all;
  all.reserve(rules->size() * narrowed.size());
  for (const ParsedRule& rule : *rules) {
    if (!rule.rule.user.empty()) {
      return product.front().node.Error(fmt::format(
          "the rule on line {} has a 'user' of its own: only one of the two "
          "can hold",
          rule.rule.line));
    }
    for (const std::string& grammar : narrowed) {
      all.push_back(rule);
      all.back().rule.user = grammar;
    }
  }
  *rules = std::move(all);
  return absl::OkStatus();
}

}  // namespace proxymeter::collector
