// A decoder small enough to differentiate numerically, written as a Hugging Face folder and loaded
// like any other.
#pragma once

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <optional>

#include "model/lm/causal_lm.h"
#include "model/lm/tensors.h"
#include "model/train/random.h"
#include "model/train/score_head.h"
#include "model/train/token_trie.h"
#include "model/train/trunk.h"

namespace plumb::train {

constexpr int64_t kTinyVocab = 50;  // not a multiple of 16

inline at::Tensor RandomTensor(std::vector<int64_t> shape, Random& random, double scale,
                               double centre = 0) {
  at::Tensor t = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < t.numel(); ++i)
    t.data_ptr<float>()[i] = static_cast<float>(centre + (2 * random.Uniform() - 1) * scale);
  return t;
}

// family: "llama", "qwen2" (biases on q, k, v), "qwen3" (norms on the heads of q and k; untied),
// "tiled" (llama, every width a multiple of 32, as packed products need) or "engine" (llama, heads of
// 16, as the sampler's engine needs).
inline Status WriteTinyModel(const fs::path& folder, const std::string& family) {
  const bool tiled = family == "tiled";
  const bool engine = family == "engine";
  const int64_t hidden = 32, inner = tiled ? 64 : 48, heads = engine ? 2 : 4,
                kv = engine ? 1 : tiled ? 4 : 2, d = engine ? 16 : 8;
  const bool tied = family != "qwen3";
  Random random(7);
  std::map<std::string, at::Tensor> t;
  auto add = [&](const std::string& name, std::vector<int64_t> shape, double scale,
                 double centre = 0) {
    t[name] = RandomTensor(std::move(shape), random, scale, centre);
  };
  add("model.embed_tokens.weight", {kTinyVocab, hidden}, 0.8);
  add("model.norm.weight", {hidden}, 0.3, 1);
  if (!tied) add("lm_head.weight", {kTinyVocab, hidden}, 0.5);
  for (int layer = 0; layer < 2; ++layer) {
    const std::string at = fmt::format("model.layers.{}.", layer);
    add(at + "input_layernorm.weight", {hidden}, 0.3, 1);
    add(at + "post_attention_layernorm.weight", {hidden}, 0.3, 1);
    for (auto [name, out, in] : {std::tuple{"self_attn.q_proj", heads * d, hidden},
                                 {"self_attn.k_proj", kv * d, hidden},
                                 {"self_attn.v_proj", kv * d, hidden},
                                 {"self_attn.o_proj", hidden, heads * d},
                                 {"mlp.gate_proj", inner, hidden},
                                 {"mlp.up_proj", inner, hidden},
                                 {"mlp.down_proj", hidden, inner}}) {
      add(at + name + ".weight", {out, in}, 0.3);
      if (family == "qwen2" && std::string_view(name).starts_with("self_attn") &&
          std::string_view(name) != "self_attn.o_proj")
        add(at + name + ".bias", {out}, 0.2);
    }
    if (family == "qwen3")
      for (const char* name : {"self_attn.q_norm", "self_attn.k_norm"})
        add(at + name + ".weight", {d}, 0.3, 1);
  }
  const std::string architecture = family == "llama" || tiled || engine ? "LlamaForCausalLM"
                                   : family == "qwen2" ? "Qwen2ForCausalLM"
                                                       : "Qwen3ForCausalLM";
  const json::object config = {{"architectures", json::array{architecture}},
                               {"model_type", tiled || engine ? "llama" : family},
                               {"vocab_size", kTinyVocab},
                               {"hidden_size", hidden},
                               {"intermediate_size", inner},
                               {"num_hidden_layers", 2},
                               {"num_attention_heads", heads},
                               {"num_key_value_heads", kv},
                               {"head_dim", d},
                               {"max_position_embeddings", 128},
                               {"rms_norm_eps", 1e-5},
                               {"rope_theta", 10000.0},
                               {"hidden_act", "silu"},
                               {"tie_word_embeddings", tied},
                               {"bos_token_id", 0},
                               {"eos_token_id", 1}};
  PLUMB_CHECK(MakeFolder(folder));
  PLUMB_CHECK(WriteFileAtomic(folder / "config.json", ToJson(config)));
  return lm::WriteSafetensors(folder / "model.safetensors", t);
}

// A tiny model with its trunk and adapters, the adapters' B random too, so that every gradient is
// alive.
struct TinyTrunk {
  TempFolder folder;
  std::unique_ptr<lm::CausalLm> model;
  Parameters parameters;
  std::optional<ScoreHead> head;
  std::optional<FullWeights> full;
  std::unique_ptr<Trunk> trunk;

  struct Full {};
  // Every weight is trained.
  TinyTrunk(const std::string& family, Full, at::ScalarType type = at::kFloat) {
    EXPECT_TRUE(WriteTinyModel(folder.path(), family));
    model = std::move(*lm::CausalLm::Load(folder.path().string(), {.type = at::kFloat}));
    full.emplace(*model, parameters, type);
    trunk = std::move(*Trunk::CreateFull(*model, *full));
    trunk->Refresh();
  }
  // `head_name`: of a score or value head; empty: none.
  explicit TinyTrunk(const std::string& family = "llama", LoraOptions lora = {.r = 4, .alpha = 8},
                     at::ScalarType type = at::kFloat, bool random_b = true,
                     const std::string& head_name = "", bool head_bias = false) {
    auto written = WriteTinyModel(folder.path(), family);
    EXPECT_TRUE(written) << (written ? "" : written.error().Text());
    auto loaded = lm::CausalLm::Load(folder.path().string(), {.type = type});
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().Text());
    model = std::move(*loaded);
    if (!head_name.empty())
      head = ScoreHead::Add(*model, parameters, head_name, 1, head_bias);
    auto made = Trunk::Create(*model, lora, parameters);
    EXPECT_TRUE(made) << (made ? "" : made.error().Text());
    trunk = std::move(*made);
    InitialiseLora(parameters, 3);
    Random random(11);
    if (random_b)
      for (size_t i = 0; i < parameters.count(); ++i)
        if (parameters.name(i).ends_with("lora_B.weight"))
          parameters.value(i).copy_(RandomTensor(parameters.value(i).sizes().vec(), random, 0.2));
    trunk->Refresh();
  }
};

// Three sequences, two of which begin alike.
inline std::vector<std::vector<int32_t>> TinySequences() {
  return {{3, 14, 15, 9, 2, 6, 5, 35, 8, 9, 7, 9, 32, 38, 46, 26, 43, 3, 8},
          {3, 14, 15, 9, 2, 6, 11, 12, 41},
          {27, 18, 28, 18, 28, 45, 9, 4, 5, 2, 35, 36, 2, 8, 7, 47, 13, 5, 26,
           6,  24, 9,  7,  7,  5,  7, 2, 4, 7, 0,  9,  3, 6, 9, 9,  9,  5}};
}

}  // namespace plumb::train
