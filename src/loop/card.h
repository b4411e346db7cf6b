// The card of an adapter: what it changed against its base, whatever it was trained for. The same questions as a turn
// asks (measure.h), before and after, paired case by case; what was lost, with examples.
//
//   PLUMB_TRY(Card card, MakeCard(before, after, policy, …));
//   card.verdict   // "kept": nothing is worse beyond doubt; "lost": something is; "could_not_tell": too little was asked
//
// Beyond doubt: by Tango's interval, one-sided, at 5 % over all rates together (Bonferroni), so that an adapter that changed
// nothing is called "lost" once in twenty times at most.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/stats/interval.h"
#include "loop/measure.h"

namespace plumb::loop {

// One of the card's rows: a rate, or a mean, of the base and of the adapter on the same cases.
struct CardRow {
  std::string id, label, suite;
  double before = 0, after = 0;
  int64_t n = 0;                    // cases that ran with both
  stats::Interval difference;       // after − before, 95 %
  bool share = true;                // a share, else a number in `unit`
  std::string unit;
  std::optional<bool> higher_is_better;  // absent: a change is no loss by itself
  bool lost = false;                // worse beyond doubt
};

// A case the base had right and the adapter has not.
struct CardLoss {
  std::string row, prompt, before, after;
};

struct Card {
  std::string base, adapter, adapter_sha256, created, policy_hash;
  std::string verdict, sentence;
  std::vector<CardRow> rows;
  std::vector<CardLoss> losses;
  json::object divergence;  // of plumb-lm's job "divergence": kl, kl_low, kl_high, tokens; may be empty
  json::object preserve;    // the training run's event, where it held rows; may be empty
};

// Rows, losses (at most `most_losses` a row) and verdict. Answer lengths are of the questions that expect answers.
Card MakeCard(const std::vector<Question>& questions, const policy::Policy& policy, const Runs& before, const Runs& after,
              size_t most_losses = 5);

json::object ToJson(const Card& card);
std::string ToMarkdown(const Card& card);

}  // namespace plumb::loop
