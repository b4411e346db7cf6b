// The inside of a Guard: the tiers in a row, and how their answers become scores.
#pragma once

#include <optional>
#include <vector>

#include "runtime/guard/guard.h"
#include "runtime/guard/linear.h"
#include "runtime/guard/patterns.h"
#include "runtime/guard/record.h"
#include "runtime/guard/silence.h"

namespace plumb::guard {

// Texts the encoder is given at a time: few enough that an answer comes in time where other work has the cores.
inline constexpr size_t kEncoderBatch = 32;

// Where each category and "unsafe" sit among the heads of one detector: the plain heads, and those of a group of
// directions.
struct HeadIndex {
  std::optional<size_t> unsafe, group_unsafe;
  std::vector<std::optional<size_t>> categories, group_categories;
};
HeadIndex IndexHeads(const policy::Policy& policy, const std::vector<std::string>& heads, std::string_view group);

struct Guard::Parts {
  policy::Policy policy;
  GuardRecord record;
  GuardOptions options;                          // its classifier is `deadline` where there is one
  std::unique_ptr<DeadlineClassifier> deadline;  // around the classifier that was given
  std::unique_ptr<DeadlineClassifier> aligned_deadline;  // the same around the aligned model
  std::optional<PatternScanner> patterns;  // nothing where the policy names no detector
  std::vector<size_t> rule_category;       // per pattern rule the index of its category
  std::optional<LinearModel> linear;
  std::map<std::string, HeadIndex, std::less<>> linear_heads;  // by HeadGroup
};

// What the tiers say of one subject, in log-odds; indexes are the policy's categories.
struct Scores {
  double unsafe = 0;
  std::vector<double> categories;          // -infinity where no head knows the category
  std::vector<Span> evidence;              // per category, the window with the largest score
  std::vector<std::vector<Span>> matches;  // per category, what patterns found
  std::optional<double> refusal;           // of answers: RefusalScore, where it was asked for the scores
  std::optional<double> refuses;           // of requests: ln p(opening) of the aligned model, where it was asked
  std::string stack;                       // kLinearStack, kEncoderStack, or empty: no classifier answered
  std::map<std::string, DetectorReport> detectors;
  bool failed = false;
};

// One score set per subject, in order. `ask_encoder` false leaves tier 2 out without failing (calibration of the
// linear stack).
std::vector<Scores> Score(const Guard::Parts& parts, Direction direction, std::span<const Subject> subjects, bool ask_encoder = true);

// The log-odds of one head under a stack.
double Stacked(const StackWeights& weights, double linear_own, double linear_any, double encoder_own, double encoder_any, double refusal = 0);

// A refusal score as the stacks take it: log-odds, at most 4 either way, so that the most devout opening does not outweigh
// what an answer goes on to say.
double RefusalLogit(double score);

double Sigmoid(double logit);
double Logit(double probability);  // clamped to ±20

// Tier 3 for what `verdicts` let through (aligned.h): asks about the requests with doubts, and judges them again.
void AskAligned(const Guard::Parts& parts, std::span<const Subject> subjects, std::vector<Scores>& scores, std::vector<Verdict>& verdicts);

// The last tier for what is undecided (llm_judge.h).
void AskJudge(const Guard::Parts& parts, Direction direction, std::span<const Subject> subjects, const std::vector<Scores>& scores, std::vector<Verdict>& verdicts);

// Scores → verdict under the thresholds in force for `direction`.
Verdict Judge(const Guard::Parts& parts, Direction direction, const Subject& subject, const Scores& scores);

}  // namespace plumb::guard
