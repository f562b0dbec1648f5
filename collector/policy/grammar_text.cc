#include "collector/policy/grammar_text.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "fmt/format.h"

namespace proxymeter::collector {
namespace {

constexpr std::string_view kSpecial = "\\{}[]*";

// What stands in front of a part that may come behind others.
constexpr std::string_view kAnything = "{before}";

struct Piece {
  enum class Kind { kLiteral, kValue, kOpen, kClose, kStar };
  Kind kind;
  std::string_view source;  // as written
  char literal = 0;
  std::string_view name{};  // of a value
};

std::vector<Piece> PiecesOf(std::string_view grammar) {
  using Kind = Piece::Kind;
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < grammar.size();) {
    Piece piece{Kind::kLiteral, grammar.substr(at, 1), grammar[at]};
    switch (grammar[at]) {
      case '[':
        piece.kind = Kind::kOpen;
        break;
      case ']':
        piece.kind = Kind::kClose;
        break;
      case '*':
        piece.kind = Kind::kStar;
        break;
      case '{':
        piece.kind = Kind::kValue;
        piece.source = grammar.substr(at, grammar.find('}', at) + 1 - at);
        piece.name = piece.source.substr(1, piece.source.size() - 2);
        break;
      case '\\':
        piece.source = grammar.substr(at, 2);
        piece.literal = piece.source.back();
        break;
      default:
        break;
    }
    pieces.push_back(piece);
    at += piece.source.size();
  }
  return pieces;
}

std::string Escaped(char c) {
  return kSpecial.find(c) == kSpecial.npos ? std::string(1, c)
                                           : std::string{'\\', c};
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += Escaped(c);
  return escaped;
}

bool Names(const std::vector<Piece>& part, std::string_view name) {
  for (const Piece& piece : part) {
    if (piece.kind == Piece::Kind::kValue && piece.name == name) return true;
  }
  return false;
}

std::string Text(const std::vector<Piece>& part) {
  std::string text;
  for (const Piece& piece : part) text += piece.source;
  return text;
}

std::string Text(const std::vector<Piece>& part, std::string_view name,
                 std::string_view value) {
  std::string text;
  for (const Piece& piece : part) {
    const bool is_it = piece.kind == Piece::Kind::kValue && piece.name == name;
    text += is_it ? Escaped(value) : std::string(piece.source);
  }
  return text;
}

struct Parts {
  std::vector<Piece> mandatory;
  std::vector<std::vector<Piece>> optional;  // without their brackets
  bool star = false;
};

Parts PartsOf(std::string_view grammar) {
  Parts parts;
  std::vector<Piece>* part = &parts.mandatory;
  for (const Piece& piece : PiecesOf(grammar)) {
    switch (piece.kind) {
      case Piece::Kind::kOpen:
        part = &parts.optional.emplace_back();
        break;
      case Piece::Kind::kClose:
        break;
      case Piece::Kind::kStar:
        parts.star = true;
        break;
      default:
        part->push_back(piece);
    }
  }
  return parts;
}

}  // namespace

std::vector<std::string> GrammarValueNames(std::string_view grammar) {
  std::vector<std::string> names;
  for (const Piece& piece : PiecesOf(grammar)) {
    if (piece.kind == Piece::Kind::kValue) names.emplace_back(piece.name);
  }
  return names;
}

std::string CanonicalGrammar(std::string_view grammar) {
  std::string text;
  for (const Piece& piece : PiecesOf(grammar)) {
    switch (piece.kind) {
      case Piece::Kind::kLiteral:
        text += Escaped(
            absl::ascii_tolower(static_cast<unsigned char>(piece.literal)));
        break;
      case Piece::Kind::kValue:
        text += "{}";
        break;
      default:
        text += piece.source;
    }
  }
  return text;
}

std::vector<std::string> GrammarsWithValue(std::string_view grammar,
                                           std::string_view name,
                                           std::string_view value) {
  const Parts parts = PartsOf(grammar);
  const auto rest = [&parts](std::size_t without) {
    std::string text;
    for (std::size_t i = 0; i < parts.optional.size(); ++i) {
      if (i != without) text += fmt::format("[{}]", Text(parts.optional[i]));
    }
    return text + (parts.star ? "*" : "");
  };
  if (Names(parts.mandatory, name)) {
    return {Text(parts.mandatory, name, value) + rest(parts.optional.size())};
  }
  const std::string before = Text(parts.mandatory);
  const bool ends_in_value = !parts.mandatory.empty() &&
                             parts.mandatory.back().kind == Piece::Kind::kValue;
  std::vector<std::string> grammars;
  for (std::size_t i = 0; i < parts.optional.size(); ++i) {
    if (!Names(parts.optional[i], name)) continue;
    const std::string behind = Text(parts.optional[i], name, value) + rest(i);
    grammars.push_back(before + behind);
    if (!ends_in_value) {
      grammars.push_back(fmt::format("{}{}{}", before, kAnything, behind));
    }
  }
  return grammars;
}

}  // namespace proxymeter::collector
