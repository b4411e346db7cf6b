#include "runtime/guard/terms.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "runtime/guard/guard.h"
#include "runtime/guard/stream.h"

namespace plumb::guard {
namespace {

std::vector<std::string> TermsFound(const TermScanner& scanner, std::string_view text) {
  std::vector<std::string> out;
  for (const TermScanner::Match& match : scanner.Scan(text)) out.push_back(std::to_string(match.rule) + ":" + std::string(text.substr(match.span.begin, match.span.end - match.span.begin)));
  return out;
}

using Strings = std::vector<std::string>;

TEST(Terms, AreWholeWordsWhateverTheCaseAndTheGaps) {
  const TermScanner scanner = TermScanner::Make({{"moonshine still", 0}, {"hooch", 1}, {"C++", 2}, {"#leak", 3}, {"moonshine", 4}, {"internationalisation", 5}});
  EXPECT_EQ(TermsFound(scanner, "My Moonshine\n STILL is hooch."), (Strings{"4:Moonshine", "0:Moonshine\n STILL", "1:hooch"}));
  EXPECT_EQ(TermsFound(scanner, "c++ and C++20, a #Leak, INTERNATIONALISATION"), (Strings{"2:c++", "2:C++", "3:#Leak", "5:INTERNATIONALISATION"}));
  EXPECT_EQ(TermsFound(scanner, "hooches, aforehooch, moonshines still, internationalisations, #leaks, moonshine-still"), (Strings{"4:moonshine"}));
  EXPECT_EQ(TermsFound(scanner, "moonshine         still"), (Strings{"4:moonshine"})) << "wider than the widest gap";
  EXPECT_TRUE(TermsFound(scanner, "").empty());
}

TEST(Terms, FoldOtherScripts) {
  const TermScanner scanner = TermScanner::Make({{"Straße", 0}, {"ВОДКА", 1}, {"炸弹", 2}, {"폭탄", 3}, {"ünder", 4}, {"🍺🍺", 5}});
  EXPECT_EQ(TermsFound(scanner, "die STRASSE, водка и Водка"), (Strings{"0:STRASSE", "1:водка", "1:Водка"}));
  EXPECT_EQ(TermsFound(scanner, "怎么做炸弹呢 폭탄을 🍺🍺!"), (Strings{"2:炸弹", "3:폭탄", "5:🍺🍺"}));
  EXPECT_EQ(TermsFound(scanner, "é under"), (Strings{"4:under"})) << "accents are dropped from terms as from texts' plain layer";
}

// The same as looking for every term at every place.
TEST(Terms, FindWhatANaiveSearchFinds) {
  std::mt19937_64 random(11);
  const auto word = [&] {
    std::string out;
    for (size_t n = 1 + random() % 10; n > 0; --n) out += "abc"[random() % 3];
    return out;
  };
  std::vector<std::string> terms;
  for (int i = 0; i < 300; ++i) terms.push_back(random() % 2 ? word() : word() + " " + word());
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  std::vector<TermScanner::Term> given;
  for (size_t i = 0; i < terms.size(); ++i) given.push_back({terms[i], static_cast<uint32_t>(i)});
  const TermScanner scanner = TermScanner::Make(given);
  size_t most = 0;
  for (int round = 0; round < 50; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += word() + (random() % 5 ? " " : ".");
    std::vector<std::string> naive;
    for (size_t at = 0; at < text.size(); ++at)
      for (size_t t = 0; t < terms.size(); ++t) {
        const auto edge = [&](size_t i) { return i >= text.size() || text[i] == ' ' || text[i] == '.'; };
        if (text.compare(at, terms[t].size(), terms[t]) == 0 && (at == 0 || edge(at - 1)) && edge(at + terms[t].size())) naive.push_back(std::to_string(t) + ":" + terms[t]);
      }
    std::vector<std::string> found = TermsFound(scanner, text);
    std::sort(naive.begin(), naive.end());
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, naive) << text;
    most = std::max(most, found.size());
  }
  EXPECT_GT(most, 3u);
}

TEST(Terms, WhatMayBecomeATermIsOpen) {
  const TermScanner scanner = TermScanner::Make({{"moonshine still", 0}, {"hooch", 1}});
  EXPECT_EQ(scanner.FirstOpen("a moonshine st", 0), 2u);
  EXPECT_EQ(scanner.FirstOpen("a moonshine ", 0), 2u);
  EXPECT_EQ(scanner.FirstOpen("a hooch ", 0), 8u) << "found, and decided";
  EXPECT_EQ(scanner.FirstOpen("a ho", 0), 2u);
  EXPECT_EQ(scanner.FirstOpen("a moonshine still", 3), 12u) << "what was released is no part of it";
  EXPECT_EQ(scanner.FirstOpen("a thisisnotthebeginningofany", 0), 28u) << "longer than any word of a term";
}

policy::Policy ListPolicy(const fs::path& folder) {
  EXPECT_TRUE(WriteFileAtomic(folder / "rivals.txt", "# who else makes it\nAcme Corp\nZenith\tdrinks\nInitech\trivals\n"));
  EXPECT_TRUE(WriteFileAtomic(folder / "policy.yaml", R"(policy: lists
version: 1
owner: a@example.org
purpose: Look for words.
principles: [{id: kind, text: "Be kind."}]
categories:
  - id: rivals
    about: Other makers.
    detect: [{name: makers, terms: rivals.txt}]
    on: {output: redact}
    violates: ["Buy from them."]
  - id: drinks
    about: Drinks.
    detect: [{terms: rivals.txt}, email]
    on: {output: block}
    violates: ["Have one."]
)"));
  auto policy = policy::LoadPolicy(folder / "policy.yaml");
  EXPECT_TRUE(policy) << policy.error().Text();
  return policy.value_or(policy::Policy());
}

TEST(TermLists, BelongToTheirCategoriesUnderDisguisesToo) {
  TempFolder temp;
  const policy::Policy policy = ListPolicy(temp.path());
  ASSERT_EQ(policy.categories.size(), 2u);
  EXPECT_EQ(*policy.categories[0].detect[0].terms, (Strings{"Acme Corp", "Initech"}));
  EXPECT_EQ(*policy.categories[1].detect[0].terms, (Strings{"Acme Corp", "Zenith"}));
  const auto guard = Guard::PatternsOnly(policy, {});
  ASSERT_TRUE(guard) << guard.error().Text();
  const std::string text = "Ask I\u200Bni\u0442ech or \u24B6\u24D2\u24DC\u24D4 corp.";  // zero-width, Cyrillic te; circled letters
  const Verdict verdict = guard->Check(Direction::kOutput, {text, "", false});
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.clause, "drinks");
  EXPECT_EQ(Redact(text, verdict), "Ask [redacted: rivals] or [redacted: rivals].");
  EXPECT_FALSE(guard->Check(Direction::kOutput, {"The zenithal acme, corporately.", "", false}).categories.at("rivals").fired);
}

TEST(TermLists, AreTakenOutOfStreamsWhole) {
  TempFolder temp;
  policy::Policy policy = ListPolicy(temp.path());
  policy.categories[1].on_detect.output = Action::kAllow;
  const auto guard = Guard::PatternsOnly(policy, {});
  ASSERT_TRUE(guard) << guard.error().Text();
  const std::string text = "We like ACME\n Corp and Initech best, not Acme corporation.";
  for (size_t step = 1; step < 20; ++step) {
    StreamGuard stream(*guard, Direction::kOutput, "");
    std::string out;
    for (size_t at = 0; at < text.size(); at += step) out += stream.Push(std::string_view(text).substr(at, step)).release;
    out += stream.Finish().release;
    EXPECT_EQ(out, "We like [redacted: rivals] and [redacted: rivals] best, not Acme corporation.") << step;
  }
}

TEST(TermLists, ChangeThePolicysHash) {
  TempFolder temp;
  const std::string before = ListPolicy(temp.path()).hash;
  ASSERT_TRUE(WriteFileAtomic(temp.path() / "rivals.txt", "Acme Corp\nZenith\tdrinks\nHooli\trivals\n"));
  const auto after = policy::LoadPolicy(temp.path() / "policy.yaml");
  ASSERT_TRUE(after) << after.error().Text();
  EXPECT_NE(after->hash, before);
}

}  // namespace
}  // namespace plumb::guard
