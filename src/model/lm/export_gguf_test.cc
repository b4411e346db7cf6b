#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "model/lm/blocks.h"
#include "model/lm/export.h"
#include "model/lm/goldens_test.h"
#include "model/lm/gguf_tokenizer.h"
#include "model/lm/presplit.h"

namespace plumb::lm {
namespace {

// A tokenizer.json of Qwen2's kind over single bytes and one merge, with a control token.
std::string ByteTokenizer() {
  json::object vocab;
  int64_t id = 0;
  for (char c = '!'; c <= '~'; ++c) vocab[std::string(1, c)] = id++;
  vocab["\u0120"] = id++;  // a space
  vocab["ab"] = id++;
  const json::object root = {
      {"added_tokens", json::array{json::object{{"id", id}, {"content", "<|im_end|>"}, {"special", true}}}},
      {"normalizer", {{"type", "NFC"}}},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers",
         json::array{json::object{{"type", "Split"}, {"pattern", {{"Regex", LlamaPattern(true)}}}, {"behavior", "Isolated"}, {"invert", false}},
                     json::object{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}}}}}},
      {"post_processor", nullptr},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", json::array{json::array{"a", "b"}}}}}};
  return ToJson(root);
}

// A model of random weights in a Hugging Face folder, with two tokens more than its tokenizer has.
void WriteRandomModel(const fs::path& folder, const std::string& family) {
  const int64_t vocab = 99, hidden = 64, kv = 32;
  std::map<std::string, at::Tensor> t;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) { t[name] = at::randn(shape).mul_(0.3); };
  add("model.embed_tokens.weight", {vocab, hidden}), add("model.norm.weight", {hidden});
  if (family == "mistral") add("lm_head.weight", {vocab, hidden});
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    const std::string at = layer;
    add(at + "input_layernorm.weight", {hidden}), add(at + "post_attention_layernorm.weight", {hidden});
    for (const auto& [name, rows] : {std::pair{"q", hidden}, {"k", kv}, {"v", kv}}) {
      add(at + "self_attn." + name + "_proj.weight", {rows, hidden});
      if (family == "qwen2") add(at + "self_attn." + name + "_proj.bias", {rows});
    }
    if (family == "qwen3") add(at + "self_attn.q_norm.weight", {16}), add(at + "self_attn.k_norm.weight", {16});
    add(at + "self_attn.o_proj.weight", {hidden, hidden});
    add(at + "mlp.gate_proj.weight", {96, hidden}), add(at + "mlp.up_proj.weight", {96, hidden}), add(at + "mlp.down_proj.weight", {hidden, 96});
  }
  json::object config = {{"model_type", family}, {"vocab_size", vocab}, {"hidden_size", hidden}, {"intermediate_size", 96}, {"num_hidden_layers", 2},
                         {"num_attention_heads", 4}, {"num_key_value_heads", 2}, {"head_dim", 16}, {"max_position_embeddings", 64},
                         {"rms_norm_eps", 1e-5}, {"rope_theta", 5000.0}, {"tie_word_embeddings", family != "mistral"}, {"eos_token_id", 96}};
  if (family == "llama")
    config["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 8.0}, {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 32}};
  EXPECT_TRUE(WriteSafetensors(folder / "model.safetensors", t));
  EXPECT_TRUE(WriteFileAtomic(folder / "config.json", ToJson(config)));
  EXPECT_TRUE(WriteFileAtomic(folder / "tokenizer.json", ByteTokenizer()));
  EXPECT_TRUE(WriteFileAtomic(folder / "tokenizer_config.json", R"({"eos_token": "<|im_end|>", "chat_template": "{{ messages[0].content }}"})"));
}

at::Tensor LogitsOf(const CausalLm& model) { return model.Logits(model.Hidden(at::tensor({3, 14, 15, 9, 2, 6}, at::kLong), {6})); }

class ExportGgufOf : public testing::TestWithParam<const char*> {};

TEST_P(ExportGgufOf, IsTheSameModelInFloat32AndANearOneInEightBits) {
  TempFolder folder;
  const fs::path source = folder.path() / "hf";
  WriteRandomModel(source, GetParam());
  auto model = CausalLm::Load(source.string());
  PLUMB_ASSERT_OK(model);
  // An adapter is merged in.
  Linear* q = (*model)->FindLinear("model.layers.0.self_attn.q_proj");
  q->lora = Lora{at::randn({2, 64}), at::randn({64, 2}).mul_(0.2), 0.5};
  const at::Tensor ours = LogitsOf(**model);
  for (const auto& [type, most] : {std::pair{DType::kF32, 1e-4}, {DType::kF16, 0.05}, {DType::kQ8_0, 0.5}}) {
    const fs::path file = folder.path() / fmt::format("{}.gguf", DTypeName(type));
    auto written = ExportGguf(**model, type, file);
    ASSERT_TRUE(written) << written.error().Text();
    auto back = CausalLm::Load(file.string());
    PLUMB_ASSERT_OK(back);
    EXPECT_LE((LogitsOf(**back) - ours).abs().max().item<double>(), most) << DTypeName(type);
    EXPECT_EQ(ExportGguf(**model, type, file).error().code, Code::kConflict);
  }
  EXPECT_EQ(ExportGguf(**model, DType::kQ6_K, folder.path() / "k.gguf").error().code, Code::kUnsupported);
  EXPECT_FALSE(fs::exists(folder.path() / "k.gguf"));
}

INSTANTIATE_TEST_SUITE_P(Families, ExportGgufOf, testing::Values("llama", "mistral", "qwen2", "qwen3"));

// A base that stays in its blocks is the model that the file holds, whatever a projection's rows are stored like.
TEST(LoadInBlocks, IsTheSameModelInLessMemory) {
  for (const char* family : {"llama", "qwen3"})
    for (const DType type : {DType::kQ4_0, DType::kF16}) {
      TempFolder folder;
      WriteRandomModel(folder.path() / "hf", family);
      auto model = CausalLm::Load((folder.path() / "hf").string());
      PLUMB_ASSERT_OK(model);
      const std::string file = (folder.path() / "m.gguf").string();
      ASSERT_TRUE(ExportGguf(**model, type, file));
      auto whole = CausalLm::Load(file), blocks = CausalLm::Load(file, {.blocks = true});
      PLUMB_ASSERT_OK(whole);
      PLUMB_ASSERT_OK(blocks);
      const double gap = (LogitsOf(**blocks) - LogitsOf(**whole)).abs().max().item<double>();
      if (type == DType::kQ4_0) EXPECT_EQ(gap, 0) << family;
      else EXPECT_GT(gap, 1e-3) << "what is stored in 16 bits is cut to 4";
      for (const auto& [path, linear] : (*blocks)->Linears()) {
        if (path == "lm_head") continue;
        EXPECT_FALSE(linear->weight.defined());
        EXPECT_LT(linear->quantised->bytes() * 7, static_cast<size_t>(linear->in() * linear->out()) * sizeof(float)) << path;
      }
    }
  EXPECT_EQ(QuantisedMatrix::Make(at::randn({4, 48})).error().code, Code::kUnsupported);
}

TEST(ExportGguf, CarriesTheTokenizerOfAFolderAndBack) {
  TempFolder folder;
  WriteRandomModel(folder.path() / "hf", "qwen2");
  auto model = CausalLm::Load((folder.path() / "hf").string());
  PLUMB_ASSERT_OK(model);
  ASSERT_TRUE(ExportGguf(**model, DType::kQ4_0, folder.path() / "m.gguf"));
  auto there = Tokenizer::Load(folder.path() / "hf"), here = Tokenizer::Load(folder.path() / "m.gguf");
  PLUMB_ASSERT_OK(there);
  PLUMB_ASSERT_OK(here);
  for (const char* text : {"abba cab 123", "a  b\n", "x<|im_end|>y"})
    EXPECT_EQ((*here)->Encode(text, {.special = true}), (*there)->Encode(text, {.special = true})) << text;
  EXPECT_EQ((*here)->eos_token, "<|im_end|>");
  EXPECT_EQ((*here)->chat_template, (*there)->chat_template);
  auto gguf = OpenGguf(folder.path() / "m.gguf");
  PLUMB_ASSERT_OK(gguf);
  EXPECT_EQ(gguf->weights.tensors().at("token_embd.weight").type, DType::kQ8_0);
  EXPECT_EQ(gguf->weights.tensors().at("blk.0.ffn_up.weight").type, DType::kQ4_0);
  EXPECT_EQ(gguf->weights.tensors().at("output_norm.weight").type, DType::kF32);
  EXPECT_EQ((*gguf->Find<std::vector<std::string>>("tokenizer.ggml.tokens"))[98], "[PAD98]");
  auto json = TokenizerJson(*gguf);
  PLUMB_ASSERT_OK(json);
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "hf/tokenizer.json", ToJson(*json)));
  auto again = Tokenizer::Load(folder.path() / "hf");
  PLUMB_ASSERT_OK(again);
  EXPECT_EQ((*again)->Encode("abba cab 123"), (*there)->Encode("abba cab 123"));
}

TEST(ExportGguf, RefusesATokenizerThatReadersHaveNoNameFor) {
  TempFolder folder;
  WriteRandomModel(folder.path(), "qwen2");
  auto model = CausalLm::Load(folder.path().string());
  PLUMB_ASSERT_OK(model);
  std::string text = ByteTokenizer();
  text.replace(text.find("NFC"), 3, "NFD");
  ASSERT_TRUE(WriteFileAtomic(folder.path() / "tokenizer.json", text));
  EXPECT_EQ(ExportGguf(**model, DType::kQ8_0, folder.path() / "m.gguf").error().code, Code::kUnsupported);
}

TEST(ExportGguf, TheEmbeddedModelKeepsItsTokenizerAndItsWeightsToHalfAStep) {
  PLUMB_NEEDS_MODEL(path, "smollm2");
  TempFolder folder;
  auto model = CausalLm::Load(path.string());
  PLUMB_ASSERT_OK(model);
  ASSERT_TRUE(ExportGguf(**model, DType::kQ8_0, folder.path() / "m.gguf"));
  auto gguf = OpenGguf(folder.path() / "m.gguf");
  PLUMB_ASSERT_OK(gguf);
  const at::Tensor down = (*model)->layers()[7].down.weight, stored = *gguf->weights.Read("blk.7.ffn_down.weight", at::kFloat);
  const at::Tensor step = std::get<0>(down.abs().reshape({-1, 32}).max(1, true)) / 127;  // of each block
  EXPECT_LE(((stored - down).reshape({-1, 32}).abs() / step).max().item<double>(), 0.57);  // half a step, and what the half of a scale rounds
  auto there = Tokenizer::Load(path), here = Tokenizer::Load(folder.path() / "m.gguf");
  PLUMB_ASSERT_OK(here);
  EXPECT_EQ((*here)->Encode("Grüße, 123 abc"), (*there)->Encode("Grüße, 123 abc"));
  EXPECT_EQ((*here)->chat_template, (*there)->chat_template);
}

}  // namespace
}  // namespace plumb::lm
