// A grammar of user names and a text, apart by a line's end: what is read is
// what a slow and obvious reading of the same rules finds.
#include "proxymeter/user_grammar.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace proxymeter::fuzz {
namespace {

// A value's name, or a run of literal text.
struct Piece {
  bool value;
  std::string text;
};
using Pieces = std::vector<Piece>;

struct Grammar {
  Pieces mandatory;
  std::vector<Pieces> optional;
  bool star = false;
};

// Of a text that is a grammar.
Grammar Parse(std::string_view text) {
  Grammar grammar;
  Pieces* pieces = &grammar.mandatory;
  const auto literal = [&](char c) {
    if (pieces->empty() || pieces->back().value) pieces->push_back({false, ""});
    pieces->back().text += c;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '[':
        pieces = &grammar.optional.emplace_back();
        break;
      case ']':
        break;
      case '*':
        grammar.star = true;
        break;
      case '{': {
        const std::size_t end = text.find('}', i);
        pieces->push_back({true, std::string(text.substr(i + 1, end - i - 1))});
        i = end;
        break;
      }
      case '\\':
        literal(text[++i]);
        break;
      default:
        literal(text[i]);
    }
  }
  return grammar;
}

char Lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

bool BeginsWith(std::string_view text, std::string_view literal) {
  if (text.size() < literal.size()) return false;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    if (Lower(text[i]) != Lower(literal[i])) return false;
  }
  return true;
}

using Found = std::vector<std::pair<std::string, std::string_view>>;

class Reading {
 public:
  Reading(const Grammar& grammar, std::string_view text)
      : grammar_(grammar), rest_(text), used_(grammar.optional.size()) {
    matched_ = Take(grammar.mandatory) && TakeOptional();
  }

  bool matched() const { return matched_; }
  const Found& found() const { return found_; }

 private:
  // The unused part with the longest literal that may begin here; -1 for none.
  int Next(std::string_view rest) const {
    int next = -1;
    for (std::size_t i = 0; i < used_.size(); ++i) {
      const std::string& literal = grammar_.optional[i].front().text;
      if (used_[i] || !BeginsWith(rest, literal)) continue;
      if (next < 0 ||
          literal.size() > grammar_.optional[next].front().text.size()) {
        next = static_cast<int>(i);
      }
    }
    return next;
  }

  bool Take(const Pieces& pieces) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!pieces[i].value) {
        if (!BeginsWith(rest_, pieces[i].text)) return false;
        rest_.remove_prefix(pieces[i].text.size());
        continue;
      }
      const bool last = i + 1 == pieces.size();
      std::size_t size = 1;
      const auto ends = [&] {
        const std::string_view behind = rest_.substr(size);
        return last ? behind.empty() || Next(behind) >= 0
                    : BeginsWith(behind, pieces[i + 1].text);
      };
      while (size <= rest_.size() && !ends()) ++size;
      if (size > rest_.size()) return false;
      found_.push_back({pieces[i].text, rest_.substr(0, size)});
      rest_.remove_prefix(size);
    }
    return true;
  }

  bool TakeOptional() {
    while (!rest_.empty()) {
      const int next = Next(rest_);
      if (next < 0) return grammar_.star;
      used_[next] = true;
      if (!Take(grammar_.optional[next])) return false;
    }
    return true;
  }

  const Grammar& grammar_;
  std::string_view rest_;
  std::vector<bool> used_;
  Found found_;
  bool matched_;
};

void Compare(std::string_view grammar_text, std::string_view text) {
  const UserGrammar grammar(grammar_text);
  GrammarValues values;
  const bool matched = grammar.Match(text, &values);
  Expect(grammar.Match(text, nullptr) == matched, "values change nothing");
  if (grammar.Check() != UserGrammar::Error::kOk) return;
  const Grammar parsed = Parse(grammar_text);
  const Reading reading(parsed, text);
  Expect(matched == reading.matched(), "both match, or neither");
  if (!matched) return;
  Found kept = reading.found();
  if (kept.size() > kMaxGrammarValues) kept.resize(kMaxGrammarValues);
  const char* end = text.data();
  for (const auto& [name, value] : reading.found()) {
    Expect(value.data() >= end, "one value begins behind the other");
    end = value.data() + value.size();
  }
  for (const auto& [name, value] : kept) {
    std::string_view first;
    for (const auto& other : kept) {
      if (other.first == name && first.empty()) first = other.second;
    }
    const std::string_view mine = values.Find(name);
    Expect(mine.data() == first.data() && mine.size() == first.size(),
           "a value is the same part of the text");
  }
}

}  // namespace
}  // namespace proxymeter::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace proxymeter;
  const std::string_view input = fuzz::AsText(data, size);
  const std::size_t end = input.find('\n');
  if (end == std::string_view::npos) return 0;
  // Of their own, so that AddressSanitizer notices a byte read beyond them.
  const std::vector<char> grammar(input.begin(), input.begin() + end);
  const std::vector<char> text(input.begin() + end + 1, input.end());
  fuzz::Compare({grammar.data(), grammar.size()}, {text.data(), text.size()});
  return 0;
}
