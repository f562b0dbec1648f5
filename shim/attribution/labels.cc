#include "shim/attribution/labels.h"

namespace proxymeter::shim {
namespace {

constexpr std::string_view kOther = kOtherDestination;

constexpr char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }

constexpr bool IsLabelCharacter(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '-';
}

// A key that the grammar does not know is part of the value before it. Those of
// sessions are known to begin like this, behind a hyphen or its like.
bool MayHoldSession(std::string_view value) {
  for (std::size_t at = 1; at < value.size(); ++at) {
    if (IsLetter(Lower(value[at - 1]))) continue;
    for (const std::string_view key : {"sess", "sid", "ssn"}) {
      if (value.size() - at < key.size()) continue;
      bool same = true;
      for (std::size_t i = 0; i < key.size(); ++i) {
        same = same && Lower(value[at + i]) == key[i];
      }
      if (same) return true;
    }
  }
  return false;
}

bool MayBeShown(std::string_view value) {
  if (value.size() > kMaxLabelValue || MayHoldSession(value)) return false;
  for (const char c : value) {
    if (!IsLabelCharacter(Lower(c))) return false;
  }
  return true;
}

// Calls visit(part) for each part of `text` between commas.
template <typename Visit>
void ForEachPart(std::string_view text, Visit visit) {
  while (!text.empty()) {
    std::size_t end = 0;
    while (end < text.size() && text[end] != ',') ++end;
    visit(std::string_view(text.data(), end));
    text.remove_prefix(end < text.size() ? end + 1 : end);
  }
}

}  // namespace

Labels::Labels(std::string_view names, const GrammarValues& values) {
  ForEachPart(names, [&](std::string_view name) {
    const std::string_view value = values.Find(name);
    if (!value.empty()) Append(name, MayBeShown(value) ? value : kOther);
  });
}

// Name and value, or neither.
void Labels::Append(std::string_view name, std::string_view value) {
  const std::size_t size = (length_ > 0) + name.size() + 1 + value.size();
  if (name.size() > kMaxLabelName || size > kMaxLabelsLength - length_) return;
  const auto put = [this](char c) { text_[length_++] = c; };
  if (length_ > 0) put(',');
  for (const char c : name) put(c);
  put('=');
  for (const char c : value) put(Lower(c));
}

Labels Labels::Folded() const {
  Labels folded;
  ForEachPart(view(), [&](std::string_view part) {
    std::size_t end = 0;
    while (end < part.size() && part[end] != '=') ++end;
    folded.Append({part.data(), end}, kOther);
  });
  return folded;
}

Labels LabelSets::Admit(const Labels& labels) {
  if (labels.view().empty()) return labels;
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : labels.view()) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
  }
  if (hash == 0) hash = 1;
  for (std::size_t probe = 0; probe < kMost; ++probe) {
    std::uint64_t known = 0;
    auto& slot = known_[(hash + probe) % kMost];
    if (slot.compare_exchange_strong(known, hash, std::memory_order_relaxed) ||
        known == hash) {
      return labels;
    }
  }
  return labels.Folded();
}

}  // namespace proxymeter::shim
