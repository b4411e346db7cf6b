// The fast encoder: packed weights, texts sorted by length and packed without padding.
//
//   PLUMB_TRY(auto engine, EncoderEngine::Make(*encoder, Precision::kBFloat16));   // adapters are merged in
//   std::vector<float> rows = engine->Pool(sequences, {}, "mean");                  // [sequences, hidden]
//
// One thread drives an engine. A row depends on its own sequence only, in float32 to the last bit.
#pragma once

#include "model/lm/classifier.h"
#include "model/lm/packed.h"
#include "model/lm/tokenizer.h"

namespace plumb::lm {

class EncoderEngine {
 public:
  // Error: kUnsupported (a width the kernels cannot do), kExhausted.
  static Result<std::unique_ptr<EncoderEngine>> Make(const Encoder& encoder, Precision precision);

  // One row a sequence, in the order given. `types` is empty, or says for each token which text of a pair it is of.
  // Sequences are not empty and not longer than config().positions.
  std::vector<float> Pool(const std::vector<std::vector<int32_t>>& sequences,
                          const std::vector<std::vector<int32_t>>& types, std::string_view pooling);

  const EncoderConfig& config() const { return config_; }

 private:
  struct Layer {
    PackedLinear qkv, attention_output, intermediate, output;
    Buffer<float> qkv_bias, attention_bias, intermediate_bias, output_bias;
    Buffer<float> attention_norm, attention_norm_bias, output_norm, output_norm_bias;
  };

  template <class T>
  const float* Hidden(const std::vector<const std::vector<int32_t>*>& sequences,
                      const std::vector<const std::vector<int32_t>*>& types);
  void Attend(const std::vector<int64_t>& lengths);

  EncoderConfig config_;
  Precision precision_ = Precision::kFloat32;
  Buffer<float> words_, positions_, types_, norm_, norm_bias_;
  std::vector<Layer> layers_;
  Buffer<float> x_, wide_, mixed_, normal_;
  Buffer<bf16> normal16_;
};

struct ClassifyResult {
  std::vector<std::vector<float>> scores;  // [texts][heads], probabilities
  int64_t tokens = 0, windows = 0;
};

// A tokenizer, an encoder with an adapter, and its heads, ready to classify.
class Classifier {
 public:
  // `name`: "minilm+ADAPTER_FOLDER". Errors: kInvalid where there is no adapter, and those of loading.
  static Result<std::unique_ptr<Classifier>> Load(const std::string& name, Precision precision);

  const std::vector<std::string>& heads() const { return heads_.names; }
  ClassifyResult Classify(const std::vector<std::string>& texts);
  // Both texts of a pair together; the second is cut where they are too long.
  ClassifyResult ClassifyPairs(const std::vector<std::pair<std::string, std::string>>& pairs);

 private:
  ClassifyResult Score(const std::vector<std::vector<int32_t>>& windows, const std::vector<std::vector<int32_t>>& types,
                       const std::vector<size_t>& owner, size_t texts);
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<EncoderEngine> engine_;
  ClassifierHeads heads_;
};

struct EmbedResult {
  std::vector<std::vector<float>> embeddings;
  std::vector<bool> truncated;  // longer than the encoder's positions
  int64_t tokens = 0;
};

// Sentence embeddings of length 1.
class Embedder {
 public:
  static Result<std::unique_ptr<Embedder>> Load(const std::string& name, Precision precision);
  EmbedResult Embed(const std::vector<std::string>& texts);
  const EncoderConfig& config() const { return engine_->config(); }

 private:
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<EncoderEngine> engine_;
};

}  // namespace plumb::lm
