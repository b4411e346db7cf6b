#include "model/train/decoder_parts.h"

#include <cmath>

#include "model/lm/adapter.h"
#include "model/lm/export.h"
#include "model/lm/tensors.h"

namespace plumb::train {

Status TakeOverAdapter(TrainSettings& s) {
  PLUMB_TRY(const lm::AdapterConfig config, lm::ReadAdapterConfig(s.adapter_in));
  s.lora.r = config.r;
  s.lora.layers_to_transform = config.layers_to_transform;
  s.lora.alpha = config.alpha;
  s.lora.rslora = config.rslora;
  s.lora.target_modules = config.target_modules;
  return {};
}

Status LoadValues(const fs::path& folder, Parameters& parameters) {
  PLUMB_TRY(const lm::Weights weights, lm::Weights::Open(folder / "adapter_model.safetensors"));
  std::map<std::string, at::Tensor> values;
  for (const auto& [name, stored] : weights.tensors()) {
    PLUMB_TRY(values[name], weights.Read(name, at::kFloat));
  }
  for (size_t i = 0; i < parameters.count(); ++i)
    if (const std::string& name = parameters.name(i);
        !name.contains(".lora_") && !values.contains(name))
      values[name] = parameters.value(i).clone();
  if (Status status = parameters.SetValues(values); !status)
    return std::unexpected(Context(status.error(), "loading adapter " + folder.string()));
  return {};
}

Result<DecoderText> DecoderText::Load(const std::string& model) {
  DecoderText text;
  PLUMB_TRY(text.path, lm::FindModel(model));
  PLUMB_TRY(text.tokenizer, lm::Tokenizer::Load(text.path));
  if (!text.tokenizer->chat_template.empty()) {
    PLUMB_TRY(text.chat, lm::ChatTemplate::Of(*text.tokenizer));
  }
  return text;
}

RowEncoder DecoderText::Encoder(int64_t max_length) const {
  return RowEncoder(*tokenizer, chat ? &*chat : nullptr, max_length);
}

int32_t DecoderText::Pad() const { return tokenizer->FindToken(tokenizer->eos_token).value_or(-1); }

Result<std::unique_ptr<DecoderParts>> DecoderParts::Load(TrainSettings& s, const std::string& head,
                                                         bool head_bias) {
  auto parts = std::make_unique<DecoderParts>();
  if (!s.use_peft) {
    PLUMB_TRY(parts->model, lm::CausalLm::Load(s.model, {.type = at::kFloat}));
    parts->full.emplace(*parts->model, parts->parameters, s.bf16 ? at::kBFloat16 : at::kFloat);
    PLUMB_TRY(parts->trunk, Trunk::CreateFull(*parts->model, *parts->full));
    return parts;
  }
  PLUMB_TRY(parts->model,
            lm::CausalLm::Load(s.model, {.type = s.bf16 ? at::kBFloat16 : at::kFloat, .blocks = s.load_in_4bit}));
  if (!head.empty())
    parts->head = ScoreHead::Add(*parts->model, parts->parameters, head, s.head_rate, head_bias);
  PLUMB_TRY(parts->trunk, Trunk::Create(*parts->model, s.lora, parts->parameters));
  // transformers' initializer_range for the score layer; a value head begins at 0 everywhere.
  if (parts->head && head == kScoreName)
    parts->head->Initialise(parts->parameters, static_cast<uint64_t>(s.seed), 0.02);
  if (s.adapter_in.empty())
    InitialiseLora(parts->parameters, static_cast<uint64_t>(s.seed));
  else
    PLUMB_CHECK(LoadValues(s.adapter_in, parts->parameters));
  return parts;
}

namespace {

void EmitDone(const TrainSettings& s, const JobResult& result, const Surroundings& world) {
  json::object done = {{"event", "done"}};
  if (!result.adapter.empty()) done["adapter"] = result.adapter.string();
  if (!result.model.empty()) done["model"] = result.model.string();
  done["steps"] = result.loop.steps;
  done["loss"] = result.loop.loss;
  done["seconds"] = result.loop.seconds;
  done["num_tokens"] = result.loop.tokens;
  done["tokens_per_second"] = result.loop.tokens_per_second;
  done["out_of_time"] = result.loop.out_of_time;
  if (world.peak_memory) done["peak_memory"] = world.peak_memory();
  if (!result.loop.stopped.empty()) {
    done["stopped"] = result.loop.stopped;
    done["failed"] = s.on_goodhart == "fail";
  }
  world.emit(done);
}

}  // namespace

Result<JobResult> Finish(const TrainSettings& s, const json::object& fixed, Objective& objective,
                         Parameters& parameters, const Surroundings& world) {
  JobResult result;
  PLUMB_TRY(result.loop, RunLoop(s, fixed, objective, parameters, world));
  if (result.loop.interrupted) return result;
  result.adapter = fs::path(s.out) / "adapter";
  PLUMB_CHECK(objective.SaveProduct(result.adapter));
  EmitDone(s, result, world);
  return result;
}

Result<JobResult> FinishFull(const TrainSettings& s, const json::object& fixed,
                             Objective& objective, DecoderParts& parts, const DecoderText& text,
                             const Surroundings& world) {
  JobResult result;
  PLUMB_TRY(result.loop, RunLoop(s, fixed, objective, parts.parameters, world));
  if (result.loop.interrupted) return result;
  result.model = fs::path(s.out) / "model";
  std::error_code ignored;
  fs::remove_all(result.model, ignored);  // of an earlier run
  PLUMB_CHECK(lm::ExportHuggingFace(*parts.model, parts.parameters.Values(), *text.tokenizer,
                                    result.model));
  EmitDone(s, result, world);
  return result;
}

void EmitStart(Job job, const TrainSettings& s, size_t rows, int64_t skipped,
               const std::vector<std::string>& skipped_where, const Parameters& parameters,
               int64_t foreseen, const Surroundings& world) {
  json::object start = {{"event", "start"},   {"job", JobName(job)},
                        {"model", s.model},   {"rows", rows},
                        {"skipped", skipped}, {"trainable_parameters", parameters.elements()}};
  if (!skipped_where.empty())
    start["skipped_where"] = json::array(skipped_where.begin(), skipped_where.end());
  if (foreseen > 0) start["memory_foreseen"] = foreseen;
  world.emit(start);
}

int64_t MemoryAllowed(const TrainSettings& s, const Surroundings& world) {
  if (s.max_memory_gb > 0) return static_cast<int64_t>(s.max_memory_gb * 1e9);
  return world.free_memory ? world.free_memory() : 0;
}

}  // namespace plumb::train
