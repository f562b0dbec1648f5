// How a vendor's customers write parameters into proxy user names and
// passwords: "brd-customer-{customer}-zone-{zone}[-country-{country}]".
//
//   {name}  a value, not empty. It ends where what follows it in the grammar
//           may begin, at the first such place: it may hold hyphens, but no key
//           that the grammar knows.
//   [...]   an optional part, which begins with literal text and holds no
//           other one. All of them stand at the end of a grammar; each comes at
//           most once, in any order.
//   *       at the end: whatever follows, if anything.
//   \c      the character c, for those above.
//   other   literal text, which compares without regard to case.
//
// Reads untrusted text inside crawlers: no allocation, no exceptions, time at
// most the product of both lengths.
#ifndef PROXYMETER_USER_GRAMMAR_H_
#define PROXYMETER_USER_GRAMMAR_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace proxymeter {

inline constexpr std::size_t kMaxGrammarLength = 512;
inline constexpr std::size_t kMaxGrammarParts = 24;   ///< optional ones
inline constexpr std::size_t kMaxGrammarValues = 16;  ///< kept of one text

/// What the values of a text are. The views point into grammar and text.
class GrammarValues {
 public:
  /// Empty when there is no such value.
  constexpr std::string_view Find(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (names_[i] == name) return values_[i];
    }
    return {};
  }
  constexpr void Clear() noexcept { count_ = 0; }
  /// What finds no room is not kept.
  constexpr void Add(std::string_view name, std::string_view value) noexcept {
    if (count_ == kMaxGrammarValues) return;
    names_[count_] = name;
    values_[count_++] = value;
  }

 private:
  std::string_view names_[kMaxGrammarValues];
  std::string_view values_[kMaxGrammarValues];
  std::size_t count_ = 0;
};

/// A grammar's text, read as it is used. Copies refer to the same text.
class UserGrammar {
 public:
  enum class Error : std::uint8_t {
    kOk,
    kTooLong,
    kTooManyParts,
    kUnclosed,       ///< "{" or "[" without its end, "\" at the end
    kUnopened,       ///< "}" or "]"
    kBadName,        ///< other than [a-z][a-z0-9_]*
    kNested,         ///< an optional part in another one
    kNoLiteral,      ///< an optional part that begins with a value, or empty
    kAdjacent,       ///< two values that nothing keeps apart
    kAfterOptional,  ///< something mandatory behind an optional part
    kStarNotAtTheEnd,
  };

  constexpr explicit UserGrammar(std::string_view text) noexcept
      : text_(text) {}

  /// Whether the text is a grammar. One that is not matches something or
  /// nothing, but harms nobody.
  constexpr Error Check() const noexcept;

  /// Whether all of `text` is as the grammar has it. `values` may be null.
  constexpr bool Match(std::string_view text,
                       GrammarValues* values) const noexcept;

  /// How many characters are literal: of two that match, the one with more says
  /// more.
  constexpr std::size_t literals() const noexcept;

 private:
  enum class Kind : std::uint8_t {
    kEnd,
    kLiteral,
    kValue,
    kOpen,
    kClose,
    kStar,
  };
  struct Token {
    Kind kind;
    char literal;            // of kLiteral
    std::string_view value;  // name, of kValue
    std::size_t next;        // where the next one begins
  };

  // Malformed text ends early.
  constexpr Token At(std::size_t at) const noexcept;
  constexpr std::size_t LiteralAt(std::size_t at,
                                  std::string_view text) const noexcept;
  constexpr std::size_t EndOfPart(std::size_t at) const noexcept;
  constexpr std::size_t StartOfOptional() const noexcept;
  constexpr std::size_t MatchPart(std::size_t at, std::size_t end,
                                  std::string_view text, std::size_t optional,
                                  std::uint32_t used,
                                  GrammarValues* values) const noexcept;
  constexpr std::size_t ChooseOptional(std::size_t optional, std::uint32_t used,
                                       std::string_view text,
                                       std::uint32_t* number) const noexcept;
  constexpr bool EndsHere(std::size_t optional, std::uint32_t used,
                          std::string_view rest) const noexcept;

  static constexpr char Lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  static constexpr std::size_t kNone = ~std::size_t{0};

  std::string_view text_;
};

constexpr UserGrammar::Token UserGrammar::At(std::size_t at) const noexcept {
  const Token end{Kind::kEnd, 0, {}, text_.size()};
  if (at >= text_.size() || at >= kMaxGrammarLength) return end;
  switch (const char c = text_[at]) {
    case '[':
      return {Kind::kOpen, 0, {}, at + 1};
    case ']':
      return {Kind::kClose, 0, {}, at + 1};
    case '*':
      return {Kind::kStar, 0, {}, at + 1};
    case '{': {
      for (std::size_t i = at + 1; i < text_.size(); ++i) {
        if (text_[i] == '}') {
          return {Kind::kValue, 0,
                  std::string_view(text_.data() + at + 1, i - at - 1), i + 1};
        }
      }
      return end;
    }
    case '\\':
      if (at + 1 == text_.size()) return end;
      return {Kind::kLiteral, text_[at + 1], {}, at + 2};
    default:
      return {Kind::kLiteral, c, {}, at + 1};
  }
}

constexpr UserGrammar::Error UserGrammar::Check() const noexcept {
  if (text_.size() > kMaxGrammarLength) return Error::kTooLong;
  std::size_t parts = 0;
  bool inside = false;
  Token before{Kind::kEnd, 0, {}, 0};
  for (std::size_t at = 0; at < text_.size(); at = before.next) {
    const char c = text_[at];
    if (c == '}') return Error::kUnopened;
    const Token token = At(at);
    if (before.kind == Kind::kStar) return Error::kStarNotAtTheEnd;
    if (before.kind == Kind::kOpen && token.kind != Kind::kLiteral) {
      return token.kind == Kind::kOpen ? Error::kNested : Error::kNoLiteral;
    }
    if (!inside && before.kind == Kind::kClose && token.kind != Kind::kOpen &&
        token.kind != Kind::kStar && token.kind != Kind::kClose) {
      return token.kind == Kind::kEnd ? Error::kUnclosed
                                      : Error::kAfterOptional;
    }
    switch (token.kind) {
      case Kind::kEnd:
        return Error::kUnclosed;
      case Kind::kOpen:
        if (inside) return Error::kNested;
        inside = true;
        if (++parts > kMaxGrammarParts) return Error::kTooManyParts;
        break;
      case Kind::kClose:
        if (!inside) return Error::kUnopened;
        inside = false;
        break;
      case Kind::kValue: {
        if (before.kind == Kind::kValue) return Error::kAdjacent;
        const std::string_view name = token.value;
        if (name.empty() || name.front() < 'a' || name.front() > 'z') {
          return Error::kBadName;
        }
        for (const char n : name) {
          const bool good =
              (n >= 'a' && n <= 'z') || (n >= '0' && n <= '9') || n == '_';
          if (!good) return Error::kBadName;
        }
        break;
      }
      case Kind::kStar:
        if (inside) return Error::kStarNotAtTheEnd;
        break;
      case Kind::kLiteral:
        break;
    }
    before = token;
  }
  return inside ? Error::kUnclosed : Error::kOk;
}

constexpr std::size_t UserGrammar::literals() const noexcept {
  std::size_t count = 0;
  for (Token token = At(0); token.kind != Kind::kEnd; token = At(token.next)) {
    count += token.kind == Kind::kLiteral;
  }
  return count;
}

// The length of the literal text at `at`, if `text` begins with all of it;
// kNone otherwise.
constexpr std::size_t UserGrammar::LiteralAt(
    std::size_t at, std::string_view text) const noexcept {
  std::size_t length = 0;
  for (Token token = At(at); token.kind == Kind::kLiteral;
       token = At(token.next)) {
    if (length == text.size() || Lower(text[length]) != Lower(token.literal)) {
      return kNone;
    }
    ++length;
  }
  return length;
}

// Where the "]" of the optional part stands that `at` is in.
constexpr std::size_t UserGrammar::EndOfPart(std::size_t at) const noexcept {
  for (Token token = At(at);; token = At(at)) {
    if (token.kind == Kind::kClose || token.kind == Kind::kEnd) return at;
    at = token.next;
  }
}

// Where the first optional part, the star or the end stands.
constexpr std::size_t UserGrammar::StartOfOptional() const noexcept {
  std::size_t at = 0;
  for (Token token = At(at);
       token.kind == Kind::kLiteral || token.kind == Kind::kValue;
       token = At(at)) {
    at = token.next;
  }
  return at;
}

// Of the optional parts not used yet that `text` may begin with, the one with
// the longest literal: where it starts, behind its "["; kNone without any.
constexpr std::size_t UserGrammar::ChooseOptional(
    std::size_t optional, std::uint32_t used, std::string_view text,
    std::uint32_t* number) const noexcept {
  std::size_t chosen = kNone;
  std::size_t longest = 0;
  std::uint32_t index = 0;
  for (std::size_t at = optional; At(at).kind == Kind::kOpen; ++index) {
    const std::size_t inside = At(at).next;
    const std::size_t length = LiteralAt(inside, text);
    if (index < kMaxGrammarParts && (used >> index & 1) == 0 &&
        length != kNone && length > longest) {
      chosen = inside;
      longest = length;
      *number = index;
    }
    at = At(EndOfPart(inside)).next;
  }
  return chosen;
}

// Whether a value may end before `rest`, where its part ends.
constexpr bool UserGrammar::EndsHere(std::size_t optional, std::uint32_t used,
                                     std::string_view rest) const noexcept {
  if (rest.empty()) return true;
  std::uint32_t number = 0;
  return ChooseOptional(optional, used, rest, &number) != kNone;
}

// How much of `text` the part from `at` to `end` takes; kNone when it does not
// fit.
constexpr std::size_t UserGrammar::MatchPart(
    std::size_t at, std::size_t end, std::string_view text,
    std::size_t optional, std::uint32_t used,
    GrammarValues* values) const noexcept {
  std::size_t position = 0;
  while (at < end) {
    const Token token = At(at);
    if (token.kind == Kind::kLiteral) {
      if (position == text.size() ||
          Lower(text[position]) != Lower(token.literal)) {
        return kNone;
      }
      ++position;
      at = token.next;
      continue;
    }
    if (token.kind != Kind::kValue) return kNone;
    const bool last = token.next >= end;
    std::size_t stop = position + 1;
    for (;; ++stop) {
      if (stop > text.size()) return kNone;
      const std::string_view rest(text.data() + stop, text.size() - stop);
      if (last ? EndsHere(optional, used, rest)
               : LiteralAt(token.next, rest) != kNone) {
        break;
      }
    }
    if (values != nullptr) {
      values->Add(token.value, {text.data() + position, stop - position});
    }
    position = stop;
    at = token.next;
  }
  return position;
}

constexpr bool UserGrammar::Match(std::string_view text,
                                  GrammarValues* values) const noexcept {
  const std::size_t optional = StartOfOptional();
  const std::size_t taken = MatchPart(0, optional, text, optional, 0, values);
  if (taken == kNone) return false;
  std::size_t position = taken;
  std::uint32_t used = 0;
  for (;;) {
    const std::string_view rest(text.data() + position, text.size() - position);
    if (rest.empty()) return true;
    std::uint32_t number = 0;
    const std::size_t inside = ChooseOptional(optional, used, rest, &number);
    if (inside == kNone) break;
    used |= std::uint32_t{1} << number;
    const std::size_t more =
        MatchPart(inside, EndOfPart(inside), rest, optional, used, values);
    if (more == kNone || more == 0) return false;
    position += more;
  }
  std::size_t at = optional;
  while (At(at).kind == Kind::kOpen) at = At(EndOfPart(At(at).next)).next;
  return At(at).kind == Kind::kStar;
}

constexpr std::string_view Describe(UserGrammar::Error error) noexcept {
  using Error = UserGrammar::Error;
  switch (error) {
    case Error::kOk:
      return "ok";
    case Error::kTooLong:
      return "longer than 512 characters";
    case Error::kTooManyParts:
      return "more than 24 optional parts";
    case Error::kUnclosed:
      return "'{', '[' or '\\' without what ends it";
    case Error::kUnopened:
      return "'}' or ']' without its beginning";
    case Error::kBadName:
      return "a value's name is a letter a-z, then a-z, 0-9 and '_'";
    case Error::kNested:
      return "an optional part inside another one";
    case Error::kNoLiteral:
      return "an optional part must begin with literal text";
    case Error::kAdjacent:
      return "two values that no literal text keeps apart";
    case Error::kAfterOptional:
      return "only optional parts and '*' may follow an optional part";
    case Error::kStarNotAtTheEnd:
      return "'*' may stand at the end only";
  }
  return "unknown error";
}

}  // namespace proxymeter

#endif  // PROXYMETER_USER_GRAMMAR_H_
