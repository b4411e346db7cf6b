#include "runtime/guard/refusal.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/core/text.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/refusal_lexicon.h"

namespace plumb::guard {
namespace {

// English refuses by grammar: who speaks, a negated ability or will, and a verb of helping. `weight` is in log-odds.
struct EnglishRule {
  const char* regex;
  float weight;
  bool opening;  // looked for in the opening (about three sentences) only
};

#define NOT_ABLE                                                                                                  \
  "(?:can'?t|cannot|can not|could not|couldn'?t|won'?t|will not|would not|wouldn'?t|(?:'m|am|are|'re) (?:not able|" \
  "unable|not comfortable|not allowed|not permitted|not going|not here|not programmed|not designed|not capable|"  \
  "prohibited|forbidden)|do not|don'?t|never|must not|should not|shouldn'?t|(?:must|have to|will|need to) "        \
  "(?:respectfully |politely |firmly )?(?:decline|refuse)|refuse|decline|not in a position)"
#define HELP                                                                                                        \
  "(?:help|assist|provid\\w+|compl[yi]\\w*|fulfil\\w*|give|giving|share|sharing|support|write|writing|creat\\w+|"     \
  "generat\\w+|answer\\w*|do (?:that|this|it|so)|engag\\w+|offer\\w*|discuss\\w*|guid\\w+|teach\\w*|instruct\\w*|"    \
  "tell|explain\\w*|recommend\\w*|condon\\w+|encourag\\w+|facilitat\\w+|participat\\w+|produc\\w+|describ\\w+|"      \
  "respond\\w*|continue|advis\\w+|advice|promot\\w+|endors\\w+|aid|collaborat\\w+|carry out|go along|talk about|"    \
  "walk you|show you|make (?:that|this|it|content|a|any)|draft\\w*|compose|say that|role-?play|pretend|fabricat\\w+|" \
  "suggest\\w*|list|speculat\\w+|reveal\\w*|disclos\\w+|access|find|contribute|entertain|proceed|be part|take part|" \
  "meet (?:that|this|your)|accommodate|perform|process|supply|direct you|point you|coach|in good conscience)"

constexpr auto kEnglish = std::to_array<EnglishRule>({
    {"\\b(?:i|we)(?: (?:really|simply|just|also|still|definitely|absolutely|personally|therefore|unfortunately))?,? ?" NOT_ABLE
     "(?: \\w+){0,5}? " HELP "\\b", 4.5, true},
    {"\\b(?:i|we),? ?(?:am |'m |are )?(?:can'?t|cannot|can not|won'?t|will not|unable to|not able to) "
     "(?:help|assist|provide|comply|fulfil\\w*|support|share|give|create|write|generate|do that|do this)\\b", 3.5, false},
    {"\\b(?:that'?s|this is|it'?s|that is|it is) (?:not )?(?:something|a line|a request|one|territory|nothing)(?: \\w+){0,3}? "
     "(?:i|we) (?:can'?t|cannot|won'?t|will not|don'?t|am not|'m not|refuse|will never|have to decline|must decline)", 5, true},
    {"\\b(?:not|isn'?t|never) (?:something|anything|a (?:thing|topic|request)|what)(?: that)? (?:i|we)(?:'m| am|'re| are|'d| can| could| will| would|'ll)\\b", 4.5, true},
    {"\\b(?:i'?m sorry|i am sorry|sorry|i apologi[sz]e|my apologies|unfortunately)\\b,?(?: \\w+)?,? ?(?:but|i|as|this|that)\\b", 1.5, true},
    {"^\\W*(?:i'?m sorry|i am sorry|sorry|i apologi[sz]e|apologies|unfortunately)\\b", 1.0, true},
    {"\\bas an? (?:\\w+ ){0,3}(?:ai|assistant|language model)\\b", 1.0, true},
    {"^\\W*(?:no[.,!]|absolutely not|no way|not a chance|nope)\\b?", 2.0, true},
    {"^\\W*(?:i (?:can'?t|cannot|can not|won'?t|will not))\\b", 2.5, true},
    {"\\b(?:against|violat\\w+|goes against|contrary to) (?:my|our|the|openai\\w*) (?:\\w+ ){0,3}"
     "(?:guidelines?|polic(?:y|ies)|programming|principles|values|ethic\\w*|terms)", 3.5, false},
    {"\\b(?:is|are|would be|it'?s|that'?s) (?:\\w+ ){0,2}?(?:illegal|unethical|immoral|against the law|not (?:ethical|legal|appropriate|"
     "acceptable|right|okay|ok)|inappropriate|wrong|harmful|dangerous|a (?:serious )?crime)\\b", 1.3, true},
    {"\\b(?:it is|it'?s) (?:not (?:appropriate|ethical|acceptable|okay|possible|advisable)|inappropriate|unethical|illegal) (?:\\w+ ){0,2}to\\b", 1.5, true},
    {"\\b(?:i )?(?:strongly )?(?:urge|encourage|advise) you (?:\\w+ )?(?:to (?:seek|talk|reach|reconsider|refrain|consider|contact)|not to)\\b", 1.2, false},
    {"\\bnot (?:going to|able to|comfortable|willing to) (?:\\w+ ){0,3}?" HELP "\\b", 3.5, true},
    {"\\b(?:can'?t|cannot|won'?t|unable to|not able to) (?:\\w+ ){0,2}?(?:help|assist)(?: you)?(?: (?:with|in|to)| on)?(?: that| this|\\.|,|!|$)", 3.0, false},
    {"\\b(?:request|question|prompt|topic|content|task) (?:\\w+ ){0,4}?(?:cannot|can'?t|can not|will not|won'?t) be (?:\\w+ )?(?:fulfilled|answered|completed|processed|discussed|provided)", 4, true},
    {"\\bi (?:have to|must|need to|will|am going to|'m going to)(?: \\w+)? (?:pass|stop|draw a line|say no|turn (?:this|that) down|refrain)\\b", 3.5, true},
    {"\\bi'?d rather not\\b|\\bi prefer not to\\b|\\bi don'?t feel comfortable\\b|\\bcount me out\\b", 3.5, true},
    {"\\b(?:happy|glad|able|here) to (?:help|assist|discuss|talk|provide)(?: \\w+){0,6}? (?:instead|else|other|legal|safe|different|alternative)", 1.0, false},
    {"\\bif you(?:'re| are) (?:\\w+ )?(?:struggling|having (?:thoughts|suicidal)|in (?:crisis|danger|distress)|feeling)\\b", 0.7, false},
    {"\\bplease (?:reach out|contact|call|talk to|seek|consult|speak)\\b", 0.5, false},
    {"^\\W*(?:sure|certainly|of course|absolutely|yes|okay|ok|great|here(?:'s| is| are)|definitely|no problem)\\b", -3.0, true},
    {"\\bhere(?:'s| is| are) (?:a|an|the|some|how|my|your|one|\\d+|\\w+) ", -1.5, true},
    {"(?m)^\\s*(?:step )?1[.):] ", -1.3, false},
    {"(?m)^\\s*(?:step )?3[.):] ", -0.8, false},
    {"```", -1.2, false},
});

#undef NOT_ABLE
#undef HELP

struct CompiledRule {
  std::unique_ptr<RE2> regex;
  float weight;
  bool opening;
};

const std::vector<CompiledRule>& EnglishRules() {
  static const auto* rules = [] {
    auto* compiled = new std::vector<CompiledRule>;
    RE2::Options options;
    options.set_case_sensitive(false);
    for (const EnglishRule& rule : kEnglish)
      compiled->push_back({std::make_unique<RE2>(rule.regex, options), rule.weight, rule.opening});
    return compiled;
  }();
  return *rules;
}

// Typographic apostrophes become straight ones, and ASCII becomes lower case; UTF-8 stays whole.
std::string Simplify(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "\xE2\x80\x99" || text.substr(i, 3) == "\xE2\x80\x98") {
      out += '\'';
      i += 2;
    } else if (text[i] >= 'A' && text[i] <= 'Z') {
      out += static_cast<char>(text[i] - 'A' + 'a');
    } else {
      out += text[i];
    }
  }
  return out;
}

// Where the opening ends: after three sentences, at least 160 and at most 420 bytes in, never inside a code point.
size_t OpeningEnd(std::string_view text) {
  size_t sentences = 0, i = 0;
  for (; i < text.size() && i < 420; ++i) {
    const bool stop = text[i] == '\n' || ((text[i] == '.' || text[i] == '!' || text[i] == '?') &&
                                          (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n'));
    if (stop && ++sentences >= 3 && i >= 160) break;
  }
  while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
  return std::min(i, text.size());
}

double LexiconLogit(std::string_view text, std::string_view opening, std::string_view prompt) {
  double best_for = 0, best_against = 0, second = 0;
  for (const RefusalPhrase& phrase : RefusalLexicon()) {
    const std::string_view place = phrase.opening ? opening : text;
    const size_t at = place.find(phrase.text);
    if (at == std::string_view::npos || prompt.find(phrase.text) != std::string_view::npos) continue;
    if (phrase.weight < 0) {
      // "hier ist", "oto": words of compliance count at the very beginning only.
      if (at < 4) best_against = std::min<double>(best_against, phrase.weight);
    } else if (phrase.weight > best_for) {
      second = best_for;
      best_for = phrase.weight;
    } else {
      second = std::max<double>(second, phrase.weight);
    }
  }
  return best_for + 0.5 * second + best_against;
}

}  // namespace

double RefusalRuleLogit(std::string_view completion, std::string_view prompt) {
  const std::string text = Simplify(Trim(completion));
  if (text.empty()) return -1;  // silence answers nothing, and says no to nothing
  const std::string asked = Simplify(prompt);
  const std::string_view opening = std::string_view(text).substr(0, OpeningEnd(text));
  double logit = -2.2;
  double spoken = 0;  // English rules overlap; the strongest counts in full, the others for a third
  double strongest = 0, against = 0;
  bool quoted = false;
  for (const CompiledRule& rule : EnglishRules()) {
    const std::string_view place = rule.opening ? opening : std::string_view(text);
    re2::StringPiece match;
    if (!rule.regex->Match(re2::StringPiece(place.data(), place.size()), 0, place.size(), RE2::UNANCHORED, &match, 1))
      continue;
    // A phrase the prompt itself contains is a quotation (a story, a translation, a letter).
    std::string_view said(match.data(), match.size());
    while (!said.empty() && !std::isalnum(static_cast<unsigned char>(said[0]))) said.remove_prefix(1);
    if (said.size() > 5 && asked.find(said) != std::string::npos) {
      quoted |= rule.weight > 2;
      continue;
    }
    if (rule.weight < 0) {
      against += rule.weight;
    } else {
      spoken += rule.weight;
      strongest = std::max<double>(strongest, rule.weight);
    }
  }
  logit += strongest + (spoken - strongest) / 3;
  logit += std::max(against, -4.0) * (strongest >= 4 ? 0.5 : 1.0);
  // Asked to translate or to discuss a refusal, the answer holds one in another language too.
  logit += (quoted ? 0.3 : 1.0) * LexiconLogit(text, opening, asked);
  // Long answers seldom refuse throughout: past 900 bytes each further 900 takes a little away.
  if (text.size() > 900) logit -= std::min(2.0, 0.5 * static_cast<double>(text.size() - 900) / 900);
  return logit;
}

double RefusalScore(std::string_view completion, std::string_view prompt, const LinearModel* model) {
  double logit = RefusalRuleLogit(completion, prompt);
  if (model != nullptr) {
    if (const auto head = model->Head(kRefusalHead)) {
      const double learned = model->Logits(completion)[*head];
      logit = 0.35 * logit + 0.65 * learned;
    }
  }
  return 1 / (1 + std::exp(-logit));
}

RefusalDegree RefusalDegreeOf(double score) {
  return score >= 0.7 ? RefusalDegree::kFull : score >= 0.4 ? RefusalDegree::kPartial : RefusalDegree::kNone;
}

const char* RefusalScorerVersion() { return "rules-1"; }

}  // namespace plumb::guard
