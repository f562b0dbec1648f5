// What a vendor's product is, as its customer wrote it into the user name.
#ifndef PROXYMETER_SHIM_ATTRIBUTION_LABELS_H_
#define PROXYMETER_SHIM_ATTRIBUTION_LABELS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxymeter/limits.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::shim {

/// "zone=dc,country=us": the labels that a vendor declares and a connection
/// shows, in the vendor's order. Values are of a-z, 0-9, '_', '.', '-', in
/// lower case; what is longer or other, or may be a session, is `_other`.
class Labels {
 public:
  constexpr Labels() = default;

  /// `names` are separated by commas.
  Labels(std::string_view names, const GrammarValues& values);

  std::string_view view() const { return {text_, length_}; }

  /// The same labels, each with the value `_other`.
  Labels Folded() const;

  friend bool operator==(const Labels& a, const Labels& b) {
    return a.view() == b.view();
  }

 private:
  void Append(std::string_view name, std::string_view value);

  char text_[kMaxLabelsLength] = {};
  std::uint8_t length_ = 0;
};

/// Which combinations a process has used: beyond so many the rest are folded,
/// or a crawler that draws its countries by lot would fill the journal.
class LabelSets {
 public:
  static constexpr std::size_t kMost = 256;

  constexpr LabelSets() = default;

  /// `labels` as long as there is room for them, else folded. Lock-free.
  Labels Admit(const Labels& labels);

 private:
  std::array<std::atomic<std::uint64_t>, kMost> known_{};  // hashes, or 0
};

}  // namespace proxymeter::shim

#endif  // PROXYMETER_SHIM_ATTRIBUTION_LABELS_H_
