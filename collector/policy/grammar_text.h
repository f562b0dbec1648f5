// Grammars of user names (user_grammar.h) as texts that the configuration
// compares and changes. All of these expect one that UserGrammar::Check passes.
#ifndef PROXYMETER_COLLECTOR_POLICY_GRAMMAR_TEXT_H_
#define PROXYMETER_COLLECTOR_POLICY_GRAMMAR_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace proxymeter::collector {

/// The values that it names, in order; one may be there more than once.
std::vector<std::string> GrammarValueNames(std::string_view grammar);

/// The same text for grammars that match the same by their very letters: case,
/// needless backslashes and the names of values make no difference.
std::string CanonicalGrammar(std::string_view grammar);

/// Grammars that match what this one matches where the value `name` is `value`:
/// as many as it takes, none when there is no such value. Where the value
/// stands in an optional part, that part is no longer optional, and may still
/// come behind others: those before it are taken for part of the value in
/// front.
std::vector<std::string> GrammarsWithValue(std::string_view grammar,
                                           std::string_view name,
                                           std::string_view value);

}  // namespace proxymeter::collector

#endif  // PROXYMETER_COLLECTOR_POLICY_GRAMMAR_TEXT_H_
