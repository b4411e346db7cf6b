#include "model/train/train.h"

#include <ATen/Parallel.h>
#include <malloc.h>

#include <algorithm>
#include <set>

#include "model/train/classifier_objective.h"
#include "model/train/decoder_parts.h"
#include "model/train/dpo.h"
#include "model/train/kto.h"
#include "model/train/memory.h"
#include "model/train/online_job.h"
#include "model/train/preserve.h"
#include "model/train/reward.h"
#include "model/train/rows.h"

namespace plumb::train {
namespace {

// Large buffers come back every step: keep them rather than ask the system for zeroed pages each
// time.
void KeepFreedMemory() {
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, 2047 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
}

// Bytes at the peak; refused where there are not as many.
Result<int64_t> Foresee(Job job, const TrainSettings& s, size_t rows, bool paired,
                        const RowSequences& sequences, const Surroundings& world) {
  PLUMB_TRY(const lm::LmConfig config, lm::CausalLm::ReadConfig(s.model));
  int64_t longest = 0;
  auto forecast = [&](const TrainSettings& x) {
    MicroSizes micro = LargestMicro(
        x, rows, std::max<int64_t>(1, x.micro_batch_tokens / (paired ? 2 : 1)), sequences);
    longest = micro.longest;
    if (x.max_length < s.max_length) {  // rows would be cut off
      const int64_t most = std::max(x.max_length, x.micro_batch_tokens) * (paired ? 2 : 1);
      for (int64_t* size : {&micro.nodes, &micro.positions, &micro.targets})
        *size = std::min(*size, most);
    }
    return ForecastDecoder(job, x, config, micro);
  };
  const int64_t needed = forecast(s).Total();
  PLUMB_CHECK(CheckMemory(s, MemoryAllowed(s, world), longest, forecast));
  return needed;
}

Result<JobResult> RunDecoder(Job job, TrainSettings s, const Surroundings& world) {
  if (job == Job::kDpo || job == Job::kOrpo || job == Job::kCpo)
    PLUMB_CHECK(CheckDpoOptions({s.beta, s.label_smoothing, s.loss_type, s.loss_weights}));
  if (!s.adapter_in.empty()) PLUMB_CHECK(TakeOverAdapter(s));
  PLUMB_TRY(const std::vector<data::TrlRow> rows, ReadRows(job, s.data));
  PLUMB_TRY(const DecoderText text, DecoderText::Load(s.model));
  if (IsOnline(job)) return RunOnline(job, std::move(s), rows, text, world);
  const RowEncoder encoder = text.Encoder(s.max_length);
  TokenRows taught;
  TokenPairs pairs;
  TokenAnswers answers;
  if (job == Job::kSft) {
    PLUMB_TRY(taught, encoder.Rows(rows));
  } else if (job == Job::kKto) {
    PLUMB_TRY(answers, encoder.Unpaired(rows));
  } else if (job == Job::kReward) {
    PLUMB_TRY(pairs, encoder.ScoredPairs(rows));
  } else {
    PLUMB_TRY(pairs, encoder.Pairs(rows));
  }
  const bool paired = !pairs.pairs.empty();
  const RowSequences sequences = [&](uint32_t i) -> std::vector<const TokenRow*> {
    if (paired) return {&pairs.pairs[i].chosen, &pairs.pairs[i].rejected};
    return {job == Job::kKto ? &answers.answers[i].row : &taught.rows[i]};
  };
  const size_t count = paired ? pairs.pairs.size() : job == Job::kKto ? answers.answers.size() : taught.rows.size();
  PLUMB_TRY(const int64_t foreseen, Foresee(job, s, count, paired, sequences, world));
  PLUMB_TRY(const auto parts, DecoderParts::Load(s, job == Job::kReward ? kScoreName : ""));
  Parameters& parameters = parts->parameters;
  const json::object fixed = SettingsThatMatter(job, s);
  const auto& where = job == Job::kSft   ? taught.skipped_where
                      : job == Job::kKto ? answers.skipped_where
                                         : pairs.skipped_where;
  EmitStart(job, s, rows.size(), taught.skipped + pairs.skipped + answers.skipped, where,
            parameters, foreseen, world);
  const bool from_adapter = !s.adapter_in.empty();
  switch (job) {
    case Job::kSft: {
      SftObjective objective(s, std::move(taught.rows), *parts->model, *parts->trunk);
      return FinishPreserving(s, fixed, objective, *parts, text, world);
    }
    case Job::kKto: {
      KtoObjective objective(s, std::move(answers.answers), *parts->model, *parts->trunk,
                             from_adapter);
      return FinishPreserving(s, fixed, objective, *parts, text, world);
    }
    case Job::kReward: {
      RewardObjective objective(s, std::move(pairs.pairs), *parts->model, *parts->trunk,
                                *parts->head, parameters, text.Pad());
      return Finish(s, fixed, objective, parameters, world);
    }
    default: {
      DpoObjective objective(s, std::move(pairs.pairs), *parts->model, *parts->trunk, from_adapter);
      return FinishPreserving(s, fixed, objective, *parts, text, world);
    }
  }
}

Result<JobResult> RunClassifier(TrainSettings s, const Surroundings& world) {
  if (!s.adapter_in.empty()) PLUMB_CHECK(TakeOverAdapter(s));
  std::vector<ClassifierRow> rows;
  for (const std::string& file : s.data) {
    PLUMB_TRY(std::vector<ClassifierRow> more, ReadClassifierRows(file));
    std::move(more.begin(), more.end(), std::back_inserter(rows));
  }
  if (rows.empty()) return Fail(Code::kInvalid, "{} has no rows", Join(s.data, ", "));
  std::vector<std::string> heads = s.heads;
  if (heads.empty()) {
    std::set<std::string> named;
    for (const ClassifierRow& row : rows)
      for (const auto& [head, label] : row.labels) named.insert(head);
    heads.assign(named.begin(), named.end());
  }
  for (const auto& [head, weight] : s.pos_weight)
    if (std::find(heads.begin(), heads.end(), head) == heads.end())
      return Fail(Code::kInvalid, "\"pos_weight\": no head '{}'{}", head, DidYouMean(head, heads));
  PLUMB_TRY(const std::unique_ptr<lm::Encoder> encoder,
            lm::Encoder::Load(s.model, {.type = s.bf16 ? at::kBFloat16 : at::kFloat}));
  if (s.max_length > encoder->config().positions)
    return Fail(Code::kInvalid, "\"max_length\" is {}, the encoder takes {} tokens", s.max_length,
                encoder->config().positions);
  PLUMB_TRY(const auto tokenizer, lm::Tokenizer::Load(encoder->path()));
  std::vector<LabelledTokens> encoded;
  for (const ClassifierRow& row : rows) {
    PLUMB_TRY(LabelledTokens one, EncodeClassifierRow(row, *tokenizer, heads, s.max_length));
    encoded.push_back(std::move(one));
  }
  std::vector<int64_t> lengths;
  for (const LabelledTokens& row : encoded) lengths.push_back(static_cast<int64_t>(row.ids.size()));
  const auto forecast = [&](const TrainSettings& x) {
    return ForecastEncoder(x, encoder->config(), LargestMicro(x, lengths), static_cast<int64_t>(heads.size()));
  };
  const int64_t foreseen = forecast(s).Total();
  PLUMB_CHECK(CheckMemory(s, MemoryAllowed(s, world), LargestMicro(s, lengths).longest, forecast));
  Parameters parameters;
  PLUMB_TRY(const std::unique_ptr<EncoderTrunk> trunk,
            EncoderTrunk::Create(*encoder, s.lora, parameters));
  ClassifierObjective objective(s, heads, std::move(encoded), *encoder, *trunk, parameters);
  if (s.adapter_in.empty())
    InitialiseLora(parameters, static_cast<uint64_t>(s.seed));
  else
    PLUMB_CHECK(LoadValues(s.adapter_in, parameters));
  world.emit({{"event", "start"},
              {"job", "classifier"},
              {"model", s.model},
              {"rows", rows.size()},
              {"heads", json::array(heads.begin(), heads.end())},
              {"trainable_parameters", parameters.elements()},
              {"memory_foreseen", foreseen}});
  json::object fixed = SettingsThatMatter(Job::kClassifier, s);
  fixed["heads"] = Join(heads, ",");
  PLUMB_TRY(JobResult result, Finish(s, fixed, objective, parameters, world));
  return result;
}

}  // namespace

Result<JobResult> RunJob(Job job, const json::object& config, const Surroundings& world) {
  if (const json::value* asked = config.if_contains("explain"); asked && *asked == true) {
    world.emit({{"event", "explain"}, {"job", JobName(job)}, {"settings", ExplainSettings(job)}});
    return JobResult{};
  }
  KeepFreedMemory();
  PLUMB_TRY(TrainSettings settings, SettingsFromJson(job, config));
  if (settings.threads > 0) at::set_num_threads(static_cast<int>(settings.threads));
  try {
    if (job == Job::kClassifier) return RunClassifier(std::move(settings), world);
    return RunDecoder(job, std::move(settings), world);
  } catch (const std::bad_alloc&) {
    return Fail(Code::kExhausted,
                "out of memory: a smaller micro_batch_tokens or max_length needs less");
  } catch (const std::exception& e) {  // libtorch's
    const std::string text = e.what();
    return Fail(Code::kInternal, "{}", text.substr(0, text.find('\n')));
  }
}

}  // namespace plumb::train
