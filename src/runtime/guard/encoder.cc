#include "runtime/guard/encoder.h"

#include "base/net/io_thread.h"
#include "runtime/provider/lm_job.h"
#include "runtime/provider/local.h"

namespace plumb::guard {
Encoder::Encoder(std::string model, std::vector<std::string> heads, EncoderOptions options)
    : model_(std::move(model)), heads_(std::move(heads)) {
  if (!options.executor) {
    own_thread_ = std::make_unique<net::IoThread>();
    options.executor = own_thread_->executor();
  }
  encoder_ = std::make_unique<provider::LocalEncoder>(options.executor, model_, std::move(options.lm));
}
Encoder::~Encoder() = default;

Result<std::vector<std::vector<float>>> Encoder::Classify(const std::vector<std::string>& texts) { return encoder_->Classify(texts); }
Result<std::vector<std::vector<float>>> Encoder::Embed(const std::vector<std::string>& texts) { return encoder_->Embed(texts); }
provider::LmProcess& Encoder::process() { return encoder_->process(); }

Result<std::string> EncoderBase(const fs::path& folder) {
  const fs::path config = folder / "adapter_config.json";
  PLUMB_TRY(const json::value value, ReadJson(config));
  const json::object* object = value.if_object();
  if (!object) return FailAt(config.string(), Code::kCorrupt, "is not an object");
  return GetString(*object, "base_model_name_or_path");
}

Result<std::unique_ptr<Encoder>> OpenEncoder(const std::string& base, const fs::path& folder, EncoderOptions options) {
  const fs::path config = folder / "adapter_config.json";
  PLUMB_TRY(const json::value value, ReadJson(config));
  const json::object* object = value.if_object();
  const json::array* names = object ? FindArray(*object, "heads") : nullptr;
  std::vector<std::string> heads;
  for (const json::value& name : names ? *names : json::array())
    if (const json::string* text = name.if_string()) heads.emplace_back(*text);
  if (heads.empty()) return FailAt(config.string(), Code::kCorrupt, "names no heads: this is not a classifier's adapter");
  std::error_code error;
  std::string model = base + "+" + fs::absolute(folder, error).string();
  options.lm.models = {model};
  return std::make_unique<Encoder>(std::move(model), std::move(heads), std::move(options));
}

Status TrainEncoder(const TrainingSet& set, const fs::path& folder, const EncoderTraining& training) {
  TempFolder work;
  PLUMB_CHECK(WriteEncoderRows(set, work.path() / "rows.jsonl"));
  json::array heads(set.heads.begin(), set.heads.end());
  provider::LmJobOptions job;
  job.program = training.plumb_lm;
  job.on_event = training.on_event ? training.on_event : [](const json::object&) {};
  job.stop = training.stop ? training.stop : [] { return false; };
  const json::object config = {{"model", training.base},
                               {"data", (work.path() / "rows.jsonl").string()},
                               {"out", (work.path() / "out").string()},
                               {"heads", std::move(heads)},
                               {"num_train_epochs", training.epochs},
                               {"learning_rate", training.learning_rate},
                               {"head_rate", 6},
                               {"lora_r", training.lora_rank},
                               {"lora_alpha", 2 * training.lora_rank},
                               {"lora_dropout", training.dropout},
                               {"per_device_train_batch_size", training.batch},
                               {"warmup_ratio", 0.06},
                               {"max_seconds", training.max_seconds},
                               {"seed", static_cast<int64_t>(training.seed)}};
  PLUMB_TRY(const json::object last, provider::RunLmJob("classifier", config, job));
  const fs::path trained = work.path() / "out" / "adapter";
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
    PLUMB_TRY(const std::string bytes, ReadFile(trained / name));
    PLUMB_CHECK(WriteFileAtomic(folder / name, bytes));
  }
  return {};
}

}  // namespace plumb::guard
