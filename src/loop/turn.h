// The steps of a turn, in the order RunTurn takes them. Each step keeps what an interrupted turn had already done.
#pragma once

#include "loop/aligned_tier.h"
#include "loop/learn.h"
#include "loop/loop.h"
#include "loop/measure.h"
#include "loop/pairs.h"
#include "loop/plan.h"
#include "loop/progress.h"
#include "loop/strength.h"

namespace plumb::loop {

// Everything the steps of one turn share.
class Turn {
 public:
  // `base` is the target, opened and seen to answer.
  Turn(TurnOptions options, const World& world, policy::Policy policy, std::unique_ptr<eval::Target> base, Progress& progress);

  Result<Outcome> Run();

 private:
  bool Local() const { return options_.target.starts_with("local:"); }
  double Left() const { return plan_.seconds - (world_.seconds() - began_); }
  // What is left for learning once everything after it has its time.
  double LearningLeft() const { return Left() - 2.3 * measuring_ - 0.03 * plan_.seconds; }

  Status Record(std::string kind, json::object body);
  Status RecordRuns(const Stage& stage, const Runs& runs);
  Status MeasureBefore();
  // attack.cc
  Status Attack();
  // pairs_step.cc
  Status WritePairs();
  Result<std::vector<std::string>> Answers(eval::Target& target, const std::vector<std::string>& prompts, const std::string& system,
                                           int64_t tokens, double temperature, size_t done, size_t total);
  Status Distil(std::vector<Pair>& pairs);
  // self_asked.cc
  Result<std::vector<PairPrompt>> SelfAsked(size_t asked);
  Status ReadData();
  // learn_step.cc
  Status LearnWeights();
  Result<std::vector<json::object>> HardPairs(const fs::path& adapter);
  Status ChooseStrengths();
  // aligned_tier.cc
  std::vector<Leaning> SeenByGuard() const;
  Status AddAlignedTier(const fs::path& adapter);
  Status TunePrompt();
  // guard_step.cc
  Status BuildGuard();
  Status TrainGuardFor(const fs::path& folder);
  Status MeasureAfter();
  Status MeasurePreferences();
  // gate_step.cc
  void DecideGate();
  Status WriteReport();
  Status WriteSuite();

  const TurnOptions options_;
  const World& world_;
  const policy::Policy policy_;
  const Plan plan_;
  Progress& progress_;
  const double began_;
  double measuring_ = 0;  // seconds one measurement took: what the ones after learning will take

  std::vector<Question> questions_;
  std::unique_ptr<eval::Target> base_;
  Runs before_, after_, guarded_;
  std::vector<Pair> pairs_;
  std::vector<Pair> attacks_;              // wrapped requests the bare model answered
  int64_t attacks_tried_ = 0;
  std::vector<Pair> held_out_;             // a tenth of --data
  std::unique_ptr<guard::Classifier> classifier_, aligned_;
  std::optional<guard::Guard> guard_;
  std::string tuned_target_, guarded_target_, system_;  // what is measured afterwards
  std::vector<std::string> entries_;       // ledger ids of this turn
  Outcome outcome_;
};

}  // namespace plumb::loop
