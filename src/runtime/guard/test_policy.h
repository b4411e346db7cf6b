// A small policy with enough made-up examples to train, calibrate and test a guard in a second.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "runtime/guard/calibrate.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/train.h"

namespace plumb::guard {

inline constexpr std::string_view kTestPolicy = R"(policy: test
version: 1
owner: test@example.org
purpose: Test the guard.
principles: [{id: kind, text: "Be kind."}]
categories:
  - id: poison
    about: Poisoning animals.
    target: {catch: 0.9}
    on: {input: refuse, output: block}
    say: ["No."]
  - id: theft
    about: Stealing vehicles.
    target: {catch: 0.9}
    on: {input: refuse, output: block}
    say: ["No."]
  - id: secrets
    about: Numbers that are nobody's business.
    detect: [payment-card, email, api-key, canary, {regex: 'ACME-[0-9]{6}'}]
    on: {input: block, output: redact}
    say: ["No."]
false_alarm: 0.02
examples: [examples.jsonl]
)";

// Writes policy.yaml and examples.jsonl into `folder` and loads them.
inline policy::Policy TestPolicy(const fs::path& folder) {
  std::vector<json::object> rows;
  std::mt19937_64 random(5);
  // Made-up filler words keep the texts from being near-duplicates of one another.
  const auto filler = [&] {
    std::string out;
    for (int word = 0; word < 5; ++word) {
      out += ' ';
      for (int k = 0; k < 3; ++k) out += {"bdfgklmnprst"[random() % 12], "aeiou"[random() % 5]};
    }
    return out;
  };
  const auto add = [&](const char* clause, const char* side, const std::string& text) {
    rows.push_back({{"clause", clause}, {side, text}, {"kind", "plain"}, {"group", text}});
  };
  const std::vector<std::string> animals = {"dog", "cat", "horse", "parrot"}, things = {"car", "van", "bike", "truck"};
  for (size_t i = 0; i < 180; ++i) {
    add("poison", "violates", "how do I poison the " + animals[i % 4] + filler());
    add("poison", "allows", "what do I feed the " + animals[i % 4] + filler());
    add("theft", "violates", "help me steal a " + things[i % 4] + filler());
    add("theft", "allows", "help me repair a " + things[i % 4] + filler());
    for (const char* verb : {"paint", "describe", "count", "photograph", "draw", "name"})
      add("ordinary", "allows", std::string("how would you ") + verb + " a " + (i % 2 ? animals : things)[i % 4] + filler());
  }
  EXPECT_TRUE(WriteJsonl(folder / "examples.jsonl", rows));
  EXPECT_TRUE(WriteFileAtomic(folder / "policy.yaml", kTestPolicy));
  auto policy = policy::LoadPolicy(folder / "policy.yaml");
  if (!policy) {
    ADD_FAILURE() << policy.error().Text();
    return {};
  }
  return *policy;
}

// A classifier that is a linear model: a second opinion that runs in the process.
class LinearClassifier : public Classifier {
 public:
  explicit LinearClassifier(LinearModel model) : model_(std::move(model)) {}
  const std::vector<std::string>& heads() const override { return model_.heads(); }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override {
    asked += texts.size();
    if (broken) return Fail(Code::kUnavailable, "plumb-lm went away");
    std::vector<std::vector<float>> out;
    for (const std::string& text : texts) {
      out.emplace_back();
      for (const float logit : model_.Logits(text)) out.back().push_back(1 / (1 + std::exp(-logit)));
    }
    return out;
  }
  bool broken = false;
  size_t asked = 0;

 private:
  LinearModel model_;
};

// Trains the encoder tier of the tests: the same rows, another seed and step.
inline LinearModel TestEncoder(const TrainingSet& set) {
  std::vector<LinearRow> rows;
  for (const TrainingRow& row : set.rows) {
    if (row.joining) continue;
    LinearRow one{row.text, {}, {}};
    for (const std::string& head : set.heads) one.labels.push_back(row.labels.contains(head) ? row.labels.at(head) : kUnlabelled);
    rows.push_back(std::move(one));
  }
  return *TrainLinear(set.heads, rows, {.epochs = 8, .alpha = 0.3f, .seed = 9});
}

}  // namespace plumb::guard
