#include "model/train/divergence.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "base/stats/bootstrap.h"
#include "model/train/answers.h"
#include "model/train/decoder_parts.h"
#include "model/train/rows.h"
#include "model/train/sft.h"

namespace plumb::train {
namespace {

// By row: the mean over its tokens. The parameters hold what is measured; `was`, where defined, those of
// what it is measured against.
std::vector<double> RowMeans(const std::vector<TokenRow>& rows, DecoderParts& parts,
                             const at::Tensor& was, int64_t at_once) {
  const at::Tensor values = parts.parameters.flat(), now = values.clone();
  const auto become = [&](const at::Tensor& wanted) {
    if (!was.defined()) return;
    values.copy_(wanted);
    parts.trunk->Refresh();
  };
  const Head head(*parts.model);
  std::vector<double> means(rows.size(), 0);
  std::vector<uint32_t> all(rows.size());
  for (uint32_t i = 0; i < all.size(); ++i) all[i] = i;
  for (const auto& part : CutByTokens(
           all, [&](uint32_t i) -> const auto& { return rows[i].ids; }, at_once)) {
    std::vector<const TokenRow*> list;
    for (uint32_t i : part) list.push_back(&rows[i]);
    Answers answers(list);
    become(was);
    answers.targets.base = head.Normed(
        parts.trunk->Forward(*answers.batch, {.adapters = was.defined()}), answers.targets.node);
    become(now);
    answers.targets.anchor_coef.assign(answers.targets.size(), 1);
    const auto stats = head.Run(parts.trunk->Forward(*answers.batch, {}), answers.targets, nullptr);
    for (size_t i = 0; i < stats.size(); ++i) {
      const uint32_t row = part[answers.owner[i]];
      means[row] += stats[i].kl / static_cast<double>(rows[row].Learned());
    }
  }
  return means;
}

Result<json::object> Measure(const json::object& config) {
  for (const auto& item : config) {
    static const std::vector<std::string> known = {"model", "adapter", "baseline", "data",
                                                   "max_length", "bf16", "threads"};
    if (const std::string key(item.key()); std::ranges::find(known, key) == known.end())
      return Fail(Code::kInvalid, "unknown key \"{}\"{}", key, DidYouMean(key, known));
  }
  TrainSettings s;
  PLUMB_TRY(s.model, GetString(config, "model"));
  PLUMB_TRY(s.adapter_in, GetString(config, "adapter"));
  PLUMB_TRY(const std::string baseline, GetStringOr(config, "baseline", ""));
  PLUMB_TRY(const std::string data, GetString(config, "data"));
  PLUMB_TRY(s.max_length, GetIntOr(config, "max_length", 1024));
  PLUMB_TRY(s.bf16, GetBoolOr(config, "bf16", true));
  PLUMB_TRY(s.threads, GetIntOr(config, "threads", 0));
  if (s.threads > 0) at::set_num_threads(static_cast<int>(s.threads));
  PLUMB_CHECK(TakeOverAdapter(s));
  PLUMB_TRY(const std::vector<data::TrlRow> rows, ReadRows(Job::kSft, {data}));
  PLUMB_TRY(const DecoderText text, DecoderText::Load(s.model));
  PLUMB_TRY(const TokenRows encoded, text.Encoder(s.max_length).Rows(rows));
  if (encoded.rows.size() < 2)
    return Fail(Code::kInvalid, "{}: fewer than two rows have tokens to compare", data);
  PLUMB_TRY(const auto parts, DecoderParts::Load(s));
  at::Tensor was;
  if (!baseline.empty()) {
    const at::Tensor adapter = parts->parameters.flat().clone();
    PLUMB_CHECK(LoadValues(baseline, parts->parameters));
    was = parts->parameters.flat().clone();
    at::Tensor(parts->parameters.flat()).copy_(adapter);
  }
  parts->trunk->Refresh();
  const std::vector<double> means = RowMeans(encoded.rows, *parts, was, s.micro_batch_tokens);
  int64_t tokens = 0;
  for (const TokenRow& row : encoded.rows) tokens += row.Learned();
  const double mean = stats::Mean(means), half = 1.959964 * stats::StandardError(means);
  return json::object{{"event", "done"},
                      {"rows", encoded.rows.size()},
                      {"tokens", tokens},
                      {"kl", mean},
                      {"kl_low", std::max(0.0, mean - half)},
                      {"kl_high", mean + half}};
}

}  // namespace

Status RunDivergence(const json::object& config, const Surroundings& world) {
  try {
    PLUMB_TRY(const json::object done, Measure(config));
    world.emit(done);
    return {};
  } catch (const std::exception& e) {  // libtorch's
    const std::string text = e.what();
    return Fail(Code::kInternal, "{}", text.substr(0, text.find('\n')));
  }
}

}  // namespace plumb::train
