#include "cli/explanation.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "proxymeter/user_grammar.h"

namespace proxymeter::cli {
namespace {

using collector::Cidr;
using collector::ConditionState;
using collector::FormatCidr;
using collector::FormatPorts;
using collector::HostPattern;
using collector::Judgement;
using collector::MatchRule;
using collector::Rank;
using collector::RankKind;
using collector::RankPart;
using collector::Shown;

constexpr std::size_t kMostNamed = 5;

std::string Text(const HostPattern& pattern) {
  return absl::StrCat(pattern.suffix ? "*." : "", pattern.name);
}

/// "a, b and 7 more"
std::string Some(std::vector<std::string> texts) {
  const std::size_t more =
      texts.size() > kMostNamed ? texts.size() - kMostNamed : 0;
  if (more > 0) texts.resize(kMostNamed);
  std::string some = absl::StrJoin(texts, ", ");
  if (more > 0) absl::StrAppend(&some, " and ", more, " more");
  return some;
}

std::string Hosts(const MatchRule& rule) {
  std::vector<std::string> texts;
  for (const HostPattern& pattern : rule.hosts) texts.push_back(Text(pattern));
  for (const Cidr& address : rule.host_addresses) {
    texts.push_back(FormatCidr(address));
  }
  return Some(std::move(texts));
}

std::string Networks(const MatchRule& rule) {
  std::vector<std::string> texts;
  for (const Cidr& cidr : rule.cidrs) texts.push_back(FormatCidr(cidr));
  for (const auto& list : rule.address_lists) texts.push_back(list->path);
  return Some(std::move(texts));
}

bool AddressKnown(const Shown& shown) {
  return shown.endpoint.address != Address{};
}

std::string AddressText(const Shown& shown) {
  std::string text = FormatCidr({shown.endpoint.address, 128});
  return text.substr(0, text.find('/'));
}

// Of a rule that matches.
std::string WhatHolds(const MatchRule& rule, const Judgement& judgement,
                      const Shown& shown) {
  std::vector<std::string> parts;
  if (judgement.name != nullptr) {
    parts.push_back(absl::StrCat("host ", Text(*judgement.name)));
  } else if (judgement.address != nullptr) {
    parts.push_back(absl::StrCat("address ", AddressText(shown)));
  }
  if (judgement.network) {
    parts.push_back(absl::StrCat("network ", FormatCidr(*judgement.network)));
  }
  if (!rule.ports.empty()) {
    parts.push_back(absl::StrCat("port ", shown.endpoint.port));
  }
  if (!rule.user.empty()) parts.push_back(absl::StrCat("user ", rule.user));
  return absl::StrJoin(parts, ", ");
}

std::string WhatFails(const MatchRule& rule, const Judgement& judgement,
                      const Shown& shown) {
  std::vector<std::string> parts;
  if (judgement.host == ConditionState::kFails) {
    std::string known = Some({shown.hosts.begin(), shown.hosts.end()});
    if (known.empty() && AddressKnown(shown)) known = AddressText(shown);
    parts.push_back(absl::StrCat("its host condition does not hold: ",
                                 known.empty() ? "no host is known" : known,
                                 known.empty() ? ", wanted is " : " is not ",
                                 Hosts(rule)));
  }
  if (judgement.cidr == ConditionState::kFails) {
    parts.push_back(absl::StrCat(
        "its cidr condition does not hold: ",
        AddressKnown(shown) ? absl::StrCat(AddressText(shown), " is not in ")
                            : "no address is known, wanted is one in ",
        Networks(rule)));
  }
  if (judgement.port == ConditionState::kFails) {
    parts.push_back(absl::StrCat(
        "its port condition does not hold: ",
        shown.endpoint.port != 0 ? absl::StrCat(shown.endpoint.port, " is not ")
                                 : "no port is known, wanted is ",
        FormatPorts(rule.ports)));
  }
  if (judgement.user == ConditionState::kFails) {
    parts.push_back(absl::StrCat("its user condition does not hold: ",
                                 shown.user.empty()
                                     ? "no user name is known, wanted is "
                                     : "the user name is not ",
                                 rule.user));
  }
  return absl::StrJoin(parts, "; ");
}

std::string KindName(const Rank& rank) {
  switch (rank.kind) {
    case RankKind::kExact:
      return "an exact host";
    case RankKind::kSuffix:
      return "a host suffix";
    case RankKind::kNetwork:
      return "a network";
    case RankKind::kPortOrUser:
      break;
  }
  return rank.port ? "a port alone" : "a user name alone";
}

std::string Prefix(const Judgement& judgement) {
  const Cidr& cidr = judgement.name == nullptr && judgement.address != nullptr
                         ? *judgement.address
                         : *judgement.network;
  const std::string text = FormatCidr(cidr);
  const std::size_t slash = text.find('/');
  return slash == std::string::npos ? "one address" : text.substr(slash);
}

std::string WhyFirst(const Judgement& winner, const Judgement& loser) {
  switch (Decides(*winner.rank, *loser.rank)) {
    case RankPart::kUser:
      return "a rule with a user condition goes before those without";
    case RankPart::kKind:
      return absl::StrCat(KindName(*winner.rank), " goes before ",
                          KindName(*loser.rank));
    case RankPart::kLength:
      if (winner.rank->kind == RankKind::kSuffix) {
        return absl::StrCat("a longer suffix wins: ", Text(*winner.name),
                            " over ", Text(*loser.name));
      }
      return absl::StrCat("a longer prefix wins: ", Prefix(winner), " over ",
                          Prefix(loser));
    case RankPart::kPort:
      return "a rule with a port condition goes before one without";
    case RankPart::kHostAndNetwork:
      return "a rule with host and cidr goes before one with host alone";
    case RankPart::kLiterals:
      return absl::StrCat("more literal characters of the user name win: ",
                          winner.rank->literals, " over ",
                          loser.rank->literals);
    case RankPart::kPosition:
      break;
  }
  return "the winner stands earlier in the file";
}

// As the shim decides where no rule does (shim/attribution).
std::string Otherwise(const PolicyView& view, const Shown& shown) {
  if (!AddressKnown(shown)) {
    return "'direct' (or the process's --vendor) when its address is outside "
           "the cluster, else not metered";
  }
  if (view.Inside(shown.endpoint.address)) {
    return "not metered: the address is inside the cluster";
  }
  if (view.LeavesPort(shown.endpoint.port)) {
    return "not metered: the filters leave its port out";
  }
  return "'direct', or the process's --vendor: the address is outside the "
         "cluster";
}

void AddLabels(const PolicyView& view, const PolicyView::Match& match,
               const Shown& shown, Explanation& explanation) {
  GrammarValues values;
  view.Read(match.vendor_index, shown.user, {}, &values);
  const std::string names(view.LabelNames(match.vendor_index));
  const std::vector<std::string> labels =
      absl::StrSplit(names, ',', absl::SkipEmpty());
  for (const std::string& name : labels) {
    explanation.labels.emplace_back(name, std::string(values.Find(name)));
  }
}

}  // namespace

Explanation ExplainDecision(const PolicyView& view, const Shown& shown) {
  Explanation explanation;
  const PolicyView::Match match =
      view.Find({shown.endpoint, shown.hosts, shown.user});
  explanation.found = match.found;
  if (!match.found) {
    explanation.otherwise = Otherwise(view, shown);
    return explanation;
  }
  explanation.winner = {std::string(match.vendor),
                        std::string(view.RuleText(match.rule)), ""};
  AddLabels(view, match, shown, explanation);
  return explanation;
}

Explanation Explain(const collector::VendorConfig& config,
                    const PolicyView& view, const Shown& shown) {
  struct Judged {
    const collector::Vendor* vendor;
    const MatchRule* rule;
    std::uint32_t position;
    Judgement judgement;
  };
  Explanation explanation = ExplainDecision(view, shown);
  std::vector<Judged> matching;
  std::uint32_t position = 0;
  const auto told = [&view](const Judged& judged, std::string why) {
    return Explanation::Rule{judged.vendor->name,
                             std::string(view.RuleText(judged.position)),
                             std::move(why)};
  };
  for (const collector::Vendor& vendor : config.vendors) {
    for (const MatchRule& rule : vendor.match) {
      const Judged judged = {&vendor, &rule, position,
                             Judge(rule, position, shown)};
      ++position;
      if (judged.judgement.rank.has_value()) {
        matching.push_back(judged);
      } else if (judged.judgement.any()) {
        explanation.unmet.push_back(
            told(judged, WhatFails(rule, judged.judgement, shown)));
      } else {
        ++explanation.unrelated;
      }
    }
  }
  // The best first.
  std::ranges::sort(matching, [](const Judged& a, const Judged& b) {
    return *b.judgement.rank < *a.judgement.rank;
  });
  for (const Judged& judged : matching) {
    if (&judged == &matching.front()) continue;
    explanation.lost.push_back(
        told(judged, WhyFirst(matching.front().judgement, judged.judgement)));
  }
  std::optional<std::uint32_t> best;
  if (!matching.empty()) best = matching.front().position;
  const PolicyView::Match match =
      view.Find({shown.endpoint, shown.hosts, shown.user});
  if (match.found != best.has_value() ||
      (match.found && match.rule != best.value_or(0))) {
    explanation.mismatch = absl::StrCat(
        "the rules say ",
        best.has_value() ? std::string(view.RuleText(*best)) : "none",
        ", the compiled policy says ",
        match.found ? std::string(view.RuleText(match.rule)) : "none");
  } else if (match.found) {
    const Judged& winner = matching.front();
    explanation.winner.why = WhatHolds(*winner.rule, winner.judgement, shown);
  }
  return explanation;
}

}  // namespace proxymeter::cli
