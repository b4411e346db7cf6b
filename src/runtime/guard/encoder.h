// The encoder tier through plumb-lm: a Classifier over its /v1/classify, and the job that trains it.
//
//   PLUMB_TRY(std::unique_ptr<Encoder> encoder, OpenEncoder("bge-small", "guard/encoder", {}));
//
// The process is started on first use, restarted when it falls over, and ends with the object. Everything here blocks.
#pragma once

#include <functional>
#include <memory>

#include "runtime/guard/guard.h"
#include "runtime/guard/train.h"
#include "runtime/provider/lm_process.h"

namespace plumb::net {
class IoThread;
}
namespace plumb::provider {
class LocalEncoder;
}

namespace plumb::guard {

struct EncoderOptions {
  provider::LmOptions lm;  // the model is OpenEncoder's to say
  // Where the process is kept up: its thread outlives the encoder and never calls Classify. None: a thread of its own.
  provider::asio::any_io_executor executor;
};

class Encoder final : public Classifier {
 public:
  Encoder(std::string model, std::vector<std::string> heads, EncoderOptions options);
  ~Encoder() override;
  const std::vector<std::string>& heads() const override { return heads_; }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override;
  // One vector per text, of length 1: the base model's, without the adapter.
  Result<std::vector<std::vector<float>>> Embed(const std::vector<std::string>& texts);
  const std::string& model() const { return model_; }  // "bge-small+FOLDER"
  provider::LmProcess& process();                      // to be asked on its executor's thread

 private:
  std::string model_;
  std::vector<std::string> heads_;
  std::unique_ptr<net::IoThread> own_thread_;  // outlives the encoder: the child dies with the thread that started it
  std::unique_ptr<provider::LocalEncoder> encoder_;
};

// The model that the adapter in `folder` was trained on, by its own configuration. Errors: kNotFound, kCorrupt.
Result<std::string> EncoderBase(const fs::path& folder);

// `base` with the heads and the LoRA difference in `folder`. The heads' names are read from the folder; whether the
// process answers shows at the first call. Errors: kNotFound, kCorrupt.
Result<std::unique_ptr<Encoder>> OpenEncoder(const std::string& base, const fs::path& folder, EncoderOptions options);

struct EncoderTraining {
  std::string base = "bge-small";
  double epochs = 3;
  double learning_rate = 6e-4;  // 2.5 times that is sure of itself about everyday texts it has not seen (docs/guard.md)
  double dropout = 0.1;
  int64_t lora_rank = 16;
  int64_t batch = 32;
  double max_seconds = 0;  // 0: no limit
  uint64_t seed = 1;
  fs::path plumb_lm;
  std::function<void(const json::object&)> on_event;  // the job's events
  std::function<bool()> stop;
};

// Trains on the set's rows and leaves adapter_config.json and adapter_model.safetensors in `folder` (what was there is
// replaced only once the job is done). Errors: the job's (provider/lm_job.h).
Status TrainEncoder(const TrainingSet& set, const fs::path& folder, const EncoderTraining& training);

}  // namespace plumb::guard
