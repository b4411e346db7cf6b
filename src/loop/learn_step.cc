// The learning steps: weights for a local model, the system prompt for a vendor's.
#include <algorithm>

#include "loop/hard_pairs.h"
#include "loop/turn.h"
#include "runtime/guard/refusal.h"

namespace plumb::loop {
namespace {

// How calibration examples differ from what others ask, so that a strength chosen on them fits what it will meet: on the
// harmful suite and on requests by other authors 4 to 14 points fewer were refused, and of look-alikes 16 fewer
// (docs/align.md).
constexpr double kUnsafeGap = 0.09, kSafeGap = 0.16;

}  // namespace

Status Turn::LearnWeights() {
  std::vector<json::object> rows;
  for (const auto& pair : pairs_) rows.push_back(SftRow(pair));
  const double sft_seconds = std::max(15.0, LearningLeft() * plan_.sft_share);
  progress_.Phase("sft", fmt::format("LoRA on {} rows, at most {}", rows.size(), HumanDuration(sft_seconds)));
  PLUMB_TRY(const auto sft, Learn("sft", rows, SftSettings(options_.target), sft_seconds, options_, world_, progress_));
  outcome_.report.loss = sft.loss;
  outcome_.report.training["sft"] = sft.summary;
  PLUMB_CHECK(Record("train", {{"job", "sft"}, {"rows", rows.size()}, {"summary", sft.summary}}));

  progress_.Phase("dpo", "asking the new model what it was just taught");
  PLUMB_TRY(const auto hard, HardPairs(sft.adapter));
  fs::path adapter = sft.adapter;
  constexpr size_t kFewest = 16;
  if (hard.size() >= kFewest) {
    const double dpo_seconds = std::max(10.0, LearningLeft() * plan_.dpo_share);
    PLUMB_TRY(const auto dpo, Learn("dpo", hard, DpoSettings(options_.target, adapter), dpo_seconds, options_, world_, progress_));
    outcome_.report.training["dpo"] = dpo.summary;
    adapter = dpo.adapter;
    PLUMB_CHECK(Record("train", {{"job", "dpo"}, {"rows", hard.size()}, {"summary", dpo.summary}}));
  } else {
    progress_.Say(fmt::format("only {} pairs are still wrong; DPO needs {}", hard.size(), kFewest));
    outcome_.report.training["dpo"] = fmt::format("skipped: {} pairs still wrong, needs {}", hard.size(), kFewest);
  }
  return ScaleAdapter(adapter, options_.out / "adapter", 1.0);
}

Result<std::vector<json::object>> Turn::HardPairs(const fs::path& adapter) {
  std::vector<Pair> asked, data;
  for (const auto& pair : pairs_) {
    if (pair.source == "data") data.push_back(pair);
    else if (asked.size() < plan_.hard_prompts) asked.push_back(pair);
  }
  const auto prompts_of = [](const std::vector<Pair>& pairs) {
    std::vector<std::string> prompts;
    for (const auto& pair : pairs) prompts.push_back(pair.prompt.text);
    return prompts;
  };
  PLUMB_TRY(auto tuned, world_.open_target(fmt::format("{}+{}", options_.target, adapter.string())));
  PLUMB_TRY(const auto answers, Answers(*tuned, prompts_of(asked), "", 12, 0, 0, asked.size()));
  const size_t n = asked.size();
  AskedAgain again = SortAnswered(std::move(asked), answers);
  PLUMB_TRY(const auto own, Answers(*base_, prompts_of(again.unanswered), "", plan_.answer_tokens, 0, 0, again.unanswered.size()));
  progress_.Say(fmt::format("{} of {} prompts are still answered wrongly", again.wrong, n));
  return HardRows(std::move(again), own, data);
}

Status Turn::ChooseStrengths() {
  progress_.Phase("calibrate", "how strongly the adapter is applied");
  const auto trials = Trials(policy_, plan_.calibration_cases);
  const std::vector<double> factors = {0.8, 1.0, 1.2, 1.4};
  const fs::path trained = options_.out / "adapter";
  PLUMB_TRY(const auto strengths, TryStrengths(trials, factors, options_.target, trained, options_.out / "strengths", world_, options_.seed, progress_));
  std::vector<Rates> alone;
  json::array table;
  for (const auto& s : strengths) {
    alone.push_back(RatesOf(trials, s.refused));
    const auto& a = alone.back();
    table.push_back({{"factor", s.factor}, {"unsafe", a.unsafe.rate()}, {"safe", a.safe.rate()}, {"ordinary", a.ordinary.rate()}, {"n", trials.size()}});
    progress_.Say(fmt::format("strength {:.2f}: unsafe {:.0f} %, look-alikes {:.0f} %, everyday {:.1f} % refused", s.factor, 100 * a.unsafe.rate(), 100 * a.safe.rate(), 100 * a.ordinary.rate()));
  }
  if (guard_) PLUMB_CHECK(AddAlignedTier(trained));
  const auto& targets = policy_.model_targets;
  const size_t own = PickStrength(alone, targets.refuse + kUnsafeGap, targets.over_refusal + kSafeGap, 0.15);
  PLUMB_CHECK(ScaleAdapter(options_.out / "strengths" / fmt::format("{:.2f}", factors[own]), trained, 1.0));
  tuned_target_ = fmt::format("{}+{}", options_.target, trained.string());
  guarded_target_ = guard_ ? options_.target : tuned_target_;
  std::error_code ignored;
  fs::remove_all(options_.out / "strengths", ignored);
  outcome_.report.training["strengths"] = table;
  PLUMB_TRY(const auto digest, Sha256File((options_.out / "adapter" / "adapter_model.safetensors").string()));
  progress_.Say(fmt::format("alone: the adapter at strength {:.2f}", factors[own]));
  return Record("adapter", {{"sha256", digest}, {"factor", factors[own]}, {"trials", std::move(table)}});
}

// Without weights the prompt is what can be tuned: the policy rendered at several lengths and with several numbers of
// examples, the best of them on the calibration split.
Status Turn::TunePrompt() {
  progress_.Phase("calibrate", "which rendering of the policy the model follows best");
  const auto trials = Trials(policy_, plan_.calibration_cases / 2);
  std::vector<std::string> prompts;
  for (const auto& trial : trials) prompts.push_back(trial.text);
  const policy::RenderOptions candidates[] = {
      {.max_tokens = 300, .few_shots = 0}, {.max_tokens = 500, .few_shots = 0}, {.max_tokens = 800, .few_shots = 3}, {.max_tokens = 1200, .few_shots = 6}};
  std::vector<Rates> rates;
  std::vector<std::string> systems;
  json::array table;
  for (const auto& candidate : candidates) {
    systems.push_back(policy::RenderSystemPrompt(policy_, candidate));
    PLUMB_TRY(const auto answers, Answers(*base_, prompts, systems.back(), 48, 0, rates.size() * prompts.size(), std::size(candidates) * prompts.size()));
    std::vector<bool> refused;
    for (size_t i = 0; i < answers.size(); ++i) refused.push_back(guard::RefusalScore(answers[i], prompts[i]) >= 0.5);
    rates.push_back(RatesOf(trials, refused));
    const auto& r = rates.back();
    table.push_back({{"max_tokens", candidate.max_tokens}, {"few_shots", candidate.few_shots}, {"unsafe", r.unsafe.rate()}, {"safe", r.safe.rate()}, {"ordinary", r.ordinary.rate()}, {"n", trials.size()}});
    progress_.Say(fmt::format("{} tokens, {} examples: unsafe {:.0f} %, look-alikes {:.0f} % refused", candidate.max_tokens, candidate.few_shots, 100 * r.unsafe.rate(), 100 * r.safe.rate()));
  }
  const size_t best = PickStrength(rates, policy_.model_targets.refuse, policy_.model_targets.over_refusal, policy_.false_alarm);
  system_ = systems[best];
  PLUMB_CHECK(WriteFileAtomic(options_.out / "prompt.md", system_));
  tuned_target_ = guarded_target_ = options_.target;
  outcome_.report.training["prompts"] = table;
  return Record("prompt", {{"sha256", Sha256Hex(system_)}, {"trials", std::move(table)}});
}

}  // namespace plumb::loop
