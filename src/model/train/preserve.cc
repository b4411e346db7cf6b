#include "model/train/preserve.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "base/stats/bootstrap.h"
#include "model/train/answers.h"
#include "model/train/random.h"

namespace plumb::train {
namespace {

constexpr int64_t kAnswerTokens = 64;  // of the model's own answers

}  // namespace

PreserveObjective::PreserveObjective(const TrainSettings& s, Objective& inner,
                                     Preserved preserved, lm::CausalLm& model, Trunk& trunk,
                                     Parameters& parameters,
                                     std::function<void(const json::object&)> emit)
    : settings_(s),
      inner_(inner),
      rows_(std::move(preserved.rows)),
      harmful_(std::move(preserved.harmful)),
      was_(rows_.size()),
      trunk_(trunk),
      parameters_(parameters),
      head_(model),
      emit_(std::move(emit)) {
  for (uint32_t i = 0; i < rows_.size(); ++i) (i % 5 == 4 ? held_out_ : held_).push_back(i);
}

Status PreserveObjective::Prepare(const std::vector<uint32_t>& visited) {
  PLUMB_CHECK(inner_.Prepare(visited));
  std::vector<uint32_t> all(rows_.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const auto& part : CutByTokens(
           all, [&](uint32_t i) -> const auto& { return rows_[i].ids; },
           settings_.micro_batch_tokens)) {
    std::vector<const TokenRow*> list;
    for (uint32_t i : part) list.push_back(&rows_[i]);
    const Answers answers(list);
    const at::Tensor normed = head_.Normed(
        trunk_.Forward(*answers.batch, {.adapters = !settings_.adapter_in.empty()}),
        answers.targets.node);
    int64_t begin = 0;
    for (uint32_t i : part) {
      was_[i] = normed.narrow(0, begin, rows_[i].Learned()).clone();
      begin += rows_[i].Learned();
    }
  }
  if (!Projects()) return {};
  std::vector<const TokenRow*> held;
  std::vector<uint8_t> harmful;
  for (uint32_t i : held_) {
    held.push_back(&rows_[i]);
    harmful.push_back(harmful_[i]);
  }
  PLUMB_TRY(const RefusalDirections directions,
            FindRefusalDirections(trunk_, held, harmful, !settings_.adapter_in.empty(),
                                  settings_.micro_batch_tokens));
  projection_.emplace(directions, parameters_);
  return {};
}

void PreserveObjective::Refresh() {
  // Only after a step: what a checkpoint holds was projected before it was written, and once more would round it.
  if (projection_ && moved_) projection_->Apply(parameters_);
  moved_ = false;
  inner_.Refresh();
}

std::vector<double> PreserveObjective::Divergence(const std::vector<uint32_t>& some,
                                                  double coefficient) {
  std::vector<double> sums(some.size(), 0);
  std::vector<uint32_t> places(some.size());
  for (uint32_t i = 0; i < places.size(); ++i) places[i] = i;
  for (const auto& part : CutByTokens(
           places, [&](uint32_t p) -> const auto& { return rows_[some[p]].ids; },
           settings_.micro_batch_tokens)) {
    std::vector<const TokenRow*> list;
    std::vector<at::Tensor> was;
    for (uint32_t p : part) {
      list.push_back(&rows_[some[p]]);
      was.push_back(was_[some[p]]);
    }
    Answers answers(list);
    answers.targets.base = at::cat(was);
    const bool learns = coefficient > 0, replay = learns && settings_.preserve_how == "replay";
    const float each = learns ? static_cast<float>(coefficient) : 1.0f;
    answers.targets.coef.assign(answers.targets.size(), replay ? each : 0);
    answers.targets.anchor_coef.assign(answers.targets.size(), replay ? 0 : each);
    const at::Tensor x = trunk_.Forward(*answers.batch, {.keep = learns});
    at::Tensor dx;
    if (learns) dx = at::zeros_like(x);
    const auto stats = head_.Run(x, answers.targets, learns ? &dx : nullptr);
    if (learns) trunk_.Backward(*answers.batch, dx);
    for (size_t i = 0; i < stats.size(); ++i)
      sums[part[answers.owner[i]]] += replay ? -stats[i].logp : stats[i].kl;
  }
  return sums;
}

Result<BatchReport> PreserveObjective::Accumulate(const std::vector<uint32_t>& rows, uint64_t key) {
  PLUMB_TRY(BatchReport report, inner_.Accumulate(rows, key));
  moved_ = true;
  if (!report.stop.empty() || settings_.preserve_weight == 0 || Projects()) return report;
  const auto order = Permutation(static_cast<uint32_t>(held_.size()), key, 0x70726573);
  std::vector<uint32_t> some;
  double tokens = 0;
  for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(settings_.preserve_batch_size));
       ++i) {
    some.push_back(held_[order[i]]);
    tokens += static_cast<double>(rows_[some.back()].Learned());
    report.tokens += static_cast<int64_t>(rows_[some.back()].ids.size());
  }
  double held = 0;
  for (double sum : Divergence(some, settings_.preserve_weight / tokens)) held += sum / tokens;
  report.loss += settings_.preserve_weight * held;
  report.metrics.emplace_back(settings_.preserve_how == "replay" ? "preserve/nll" : "preserve/kl", held);
  return report;
}

Result<std::string> PreserveObjective::End() {
  PLUMB_TRY(std::string why, inner_.End());
  std::vector<double> means;
  const std::vector<double> sums = Divergence(held_out_, 0);
  for (size_t i = 0; i < sums.size(); ++i)
    means.push_back(sums[i] / static_cast<double>(rows_[held_out_[i]].Learned()));
  const double mean = stats::Mean(means), half = 1.959964 * stats::StandardError(means);
  json::object seen = {{"rows", held_.size()},
                       {"held_out", held_out_.size()},
                       {"weight", settings_.preserve_weight},
                       {"how", settings_.preserve_how},
                       {"kl", mean},
                       {"kl_low", std::max(0.0, mean - half)},
                       {"kl_high", mean + half}};
  PLUMB_CHECK(WriteFileAtomic(fs::path(settings_.out) / "preserve.json", ToPrettyJson(seen) + "\n"));
  seen["event"] = "preserve";
  emit_(seen);
  return why;
}

Result<Preserved> PreservedRows(const TrainSettings& s, const RowEncoder& encoder,
                                Roller& roller) {
  Preserved preserved;
  std::vector<TokenRow>& out = preserved.rows;
  std::vector<std::string> bad, unmarked;
  std::vector<size_t> asked;  // of the rows: those without an answer
  std::vector<std::vector<int32_t>> prompts;
  std::vector<uint64_t> seeds;
  for (const std::string& file : s.preserve) {
    PLUMB_TRY(const std::vector<data::TrlRow> rows, data::ReadTrl(file));
    for (const data::TrlRow& row : rows) {
      const size_t before = out.size();
      if (row.shape == data::TrlShape::kPrompt) {
        PLUMB_TRY(auto ids, encoder.Prompt(row));
        asked.push_back(out.size());
        prompts.push_back(std::move(ids));
        seeds.push_back(MixBits(static_cast<uint64_t>(s.seed)) ^ MixBits(seeds.size() + 0x7072));
        out.emplace_back().where = row.where;
      } else if (row.shape == data::TrlShape::kText || row.shape == data::TrlShape::kMessages ||
                 row.shape == data::TrlShape::kPromptCompletion) {
        PLUMB_TRY(TokenRow one, encoder.Row(row));
        if (one.Learned() > 0) out.push_back(std::move(one));
      } else {
        bad.push_back(row.where);
      }
      if (s.preserve_how != "projection" || out.size() == before) continue;
      const json::value* harmful = row.extra.if_contains("harmful");
      if (!harmful || !harmful->is_bool()) unmarked.push_back(row.where);
      preserved.harmful.push_back(harmful && *harmful == true);
    }
  }
  if (!unmarked.empty())
    return Fail(Code::kInvalid, "preserve_how projection needs \"harmful\": true or false in every row: {}",
                Join(unmarked, ", "));
  if (!bad.empty())
    return Fail(Code::kInvalid,
                "a row to preserve is a prompt, with or without its completion, text or messages: {}",
                Join(bad, ", "));
  if (out.size() < 10)
    return Fail(Code::kInvalid, "{}: {} rows to preserve, needed are 10 (a fifth is only measured)",
                Join(s.preserve, ", "), out.size());
  PLUMB_TRY(const std::vector<Completion> said, roller.Roll(prompts, seeds));
  for (size_t i = 0; i < asked.size(); ++i) {
    TokenRow& row = out[asked[i]];
    row.ids = prompts[i];
    row.learn.assign(row.ids.size(), 0);
    row.ids.insert(row.ids.end(), said[i].ids.begin(), said[i].ids.end());
    row.learn.resize(row.ids.size(), 1);
  }
  return preserved;
}

Result<JobResult> FinishPreserving(const TrainSettings& s, const json::object& fixed,
                                   Objective& objective, DecoderParts& parts,
                                   const DecoderText& text, const Surroundings& world) {
  if (!s.use_peft) return FinishFull(s, fixed, objective, parts, text, world);
  if (s.preserve.empty()) return Finish(s, fixed, objective, parts.parameters, world);
  parts.trunk->Refresh();
  EngineRoller roller(*parts.model, {.temperature = 1, .max_tokens = kAnswerTokens});
  PLUMB_TRY(auto preserved, PreservedRows(s, text.Encoder(s.max_length), roller));
  PreserveObjective held(s, objective, std::move(preserved), *parts.model, *parts.trunk,
                         parts.parameters, world.emit);
  return Finish(s, fixed, held, parts.parameters, world);
}

}  // namespace plumb::train
