#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "model/lm/tensors.h"
#include "model/train/classifier_objective.h"
#include "model/train/random.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

constexpr int64_t kHidden = 32, kInner = 48, kWords = 40;

Status WriteTinyBert(const fs::path& folder) {
  Random random(17);
  std::map<std::string, at::Tensor> t;
  auto add = [&](const std::string& name, std::vector<int64_t> shape, double scale,
                 double centre = 0) {
    t[name] = RandomTensor(std::move(shape), random, scale, centre);
  };
  auto norm = [&](const std::string& name) {
    add(name + ".weight", {kHidden}, 0.2, 1);
    add(name + ".bias", {kHidden}, 0.2);
  };
  auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in}, 0.3);
    add(name + ".bias", {out}, 0.2);
  };
  add("embeddings.word_embeddings.weight", {kWords, kHidden}, 1);
  add("embeddings.position_embeddings.weight", {64, kHidden}, 0.3);
  add("embeddings.token_type_embeddings.weight", {2, kHidden}, 0.3);
  norm("embeddings.LayerNorm");
  for (int i = 0; i < 2; ++i) {
    const std::string at = fmt::format("encoder.layer.{}.", i);
    for (const char* name : {"attention.self.query", "attention.self.key", "attention.self.value",
                             "attention.output.dense"})
      linear(at + name, kHidden, kHidden);
    norm(at + "attention.output.LayerNorm");
    linear(at + "intermediate.dense", kInner, kHidden);
    linear(at + "output.dense", kHidden, kInner);
    norm(at + "output.LayerNorm");
  }
  const json::object config = {{"model_type", "bert"},          {"vocab_size", kWords},
                               {"hidden_size", kHidden},        {"intermediate_size", kInner},
                               {"num_hidden_layers", 2},        {"num_attention_heads", 4},
                               {"max_position_embeddings", 64}, {"type_vocab_size", 2},
                               {"layer_norm_eps", 1e-12},       {"hidden_act", "gelu"}};
  PLUMB_CHECK(MakeFolder(folder));
  PLUMB_CHECK(WriteFileAtomic(folder / "config.json", ToJson(config)));
  return lm::WriteSafetensors(folder / "model.safetensors", t);
}

// Sixty texts of random words; head "a" is on where word 7 occurs, head "b" where word 9 does, and
// half the rows leave "b" unlabelled.
std::vector<LabelledTokens> ToyRows() {
  Random random(4);
  std::vector<LabelledTokens> rows(60);
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t n = 5 + random.Below(20);
    for (size_t t = 0; t < n; ++t)
      rows[i].ids.push_back(static_cast<int32_t>(10 + random.Below(30)));
    const bool a = random.Below(2), b = random.Below(2);
    if (a) rows[i].ids[random.Below(n / 2)] = 7;
    if (b) rows[i].ids[n / 2 + random.Below(n - n / 2)] = 9;
    rows[i].types.assign(n, 0);
    for (size_t t = n / 2; t < n; ++t) rows[i].types[t] = 1;
    rows[i].labels.emplace_back(0, a);
    if (i % 2) rows[i].labels.emplace_back(1, b);
  }
  return rows;
}

struct Toy {
  TempFolder folder, out;
  std::unique_ptr<lm::Encoder> encoder;
  TrainSettings settings;
  Parameters parameters;
  std::unique_ptr<EncoderTrunk> trunk;
  std::unique_ptr<ClassifierObjective> objective;

  Toy() {
    EXPECT_TRUE(WriteTinyBert(folder.path()));
    encoder = std::move(*lm::Encoder::Load(folder.path().string(), {.type = at::kFloat}));
    settings.model = folder.path().string();
    settings.out = out.path().string();
    settings.lora = {.r = 4, .alpha = 8};
    settings.max_length = 64;
    settings.micro_batch_tokens = 100;
    settings.per_device_train_batch_size = 12;
    settings.learning_rate = 2e-2;
    settings.save_steps = 0;
    trunk = std::move(*EncoderTrunk::Create(*encoder, settings.lora, parameters));
    settings.pos_weight["a"] = 1.5;
    objective = std::make_unique<ClassifierObjective>(settings, std::vector<std::string>{"a", "b"},
                                                      ToyRows(), *encoder, *trunk, parameters);
    InitialiseLora(parameters, 1);
    trunk->Refresh();
  }
};

TEST(BinaryCrossEntropy, HasTheValueAndSlopeOfItsFormula) {
  for (double z : {-30.0, -1.5, 0.0, 0.7, 40.0}) {
    const auto f = [&](double x) { return BinaryCrossEntropy(x, 0.8, 2.5).loss; };
    EXPECT_NEAR(BinaryCrossEntropy(z, 0.8, 2.5).slope, (f(z + 1e-6) - f(z - 1e-6)) / 2e-6, 1e-6);
  }
  EXPECT_NEAR(BinaryCrossEntropy(0.7, 1, 2.5).loss, 2.5 * std::log1p(std::exp(-0.7)), 1e-12);
}

TEST(EncoderTrunk, GradientsAgreeWithAutograd) {
  Toy toy;
  Random random(2);
  for (size_t i = 0; i < toy.parameters.count(); ++i)
    if (!toy.parameters.name(i).ends_with("lora_A.weight"))
      toy.parameters.value(i).copy_(
          RandomTensor(toy.parameters.value(i).sizes().vec(), random, 0.3));
  toy.trunk->Refresh();
  toy.parameters.ZeroGrad();
  const BatchReport report = *toy.objective->Accumulate({0, 1, 2, 3, 4, 5}, 1);

  std::map<std::string, at::Tensor> leaves;
  for (size_t i = 0; i < toy.parameters.count(); ++i)
    leaves[toy.parameters.name(i)] = toy.parameters.value(i).clone().requires_grad_(true);
  for (auto& [path, linear] : toy.encoder->Linears()) {
    linear->lora->a = leaves.at("base_model.model." + path + ".lora_A.weight");
    linear->lora->b = leaves.at("base_model.model." + path + ".lora_B.weight");
  }
  const auto rows = ToyRows();
  at::Tensor loss = at::zeros({}, at::kFloat);
  double labels = 0;
  for (size_t r = 0; r < 6; ++r) {
    std::vector<int64_t> ids(rows[r].ids.begin(), rows[r].ids.end()), types = rows[r].types;
    const int64_t n = static_cast<int64_t>(ids.size());
    const at::Tensor hidden = toy.encoder->Hidden(at::from_blob(ids.data(), {n}, at::kLong), {n},
                                                  at::from_blob(types.data(), {n}, at::kLong));
    const at::Tensor pooled = hidden.mean(0);
    for (const auto& [head, label] : rows[r].labels) {
      const std::string name = head == 0 ? "classifier.a" : "classifier.b";
      const at::Tensor z =
          (leaves.at(name + ".weight")[0] * pooled).sum() + leaves.at(name + ".bias")[0];
      loss = loss - (head == 0 ? 1.5 : 1.0) * label * at::log_sigmoid(z) -
             (1 - label) * at::log_sigmoid(-z);
      labels += 1;
    }
  }
  loss = loss / labels;
  loss.backward();
  EXPECT_NEAR(report.loss, loss.item<double>(), 1e-5);
  for (size_t i = 0; i < toy.parameters.count(); ++i) {
    const at::Tensor expected = leaves.at(toy.parameters.name(i)).grad();
    EXPECT_LE((toy.parameters.grad(i) - expected).abs().max().item<double>(),
              2e-4 * expected.abs().max().item<double>() + 1e-6)
        << toy.parameters.name(i);
  }
}

TEST(Classifier, HeadsStartAtTheirBaseRates) {
  const Toy toy;
  double all = 1, right = 0.5;  // half a row of each label besides
  for (const LabelledTokens& row : ToyRows())
    for (const auto& [head, label] : row.labels) {
      if (head != 0) continue;
      const double weight = label > 0 ? 1.5 : 1;
      all += weight;
      right += weight * label;
    }
  for (size_t i = 0; i < toy.parameters.count(); ++i)
    if (toy.parameters.name(i) == "classifier.a.bias") {
      EXPECT_NEAR(toy.parameters.value(i).item<float>(), std::log(right / (all - right)), 1e-5);
    }
}

TEST(Classifier, LearnsASeparableSetAndLoadsAsItWas) {
  Toy toy;
  toy.settings.max_steps = 120;
  Surroundings world{.emit = [](const json::object&) {}, .seconds = [] { return 0.0; }};
  auto result = RunLoop(toy.settings, {}, *toy.objective, toy.parameters, world);
  ASSERT_TRUE(result) << result.error().Text();
  const fs::path saved = toy.out.path() / "adapter";
  ASSERT_TRUE(toy.objective->SaveAdapter(saved));

  auto fresh = lm::Encoder::Load(toy.settings.model, {.type = at::kFloat});
  ASSERT_TRUE(fresh);
  auto heads = lm::LoadClassifier(saved, **fresh);
  ASSERT_TRUE(heads) << heads.error().Text();
  EXPECT_EQ(heads->names, (std::vector<std::string>{"a", "b"}));
  int right = 0, all = 0;
  for (const LabelledTokens& row : ToyRows()) {
    std::vector<int64_t> ids(row.ids.begin(), row.ids.end()), types = row.types;
    const int64_t n = static_cast<int64_t>(ids.size());
    const at::Tensor hidden = (*fresh)->Hidden(at::from_blob(ids.data(), {n}, at::kLong), {n},
                                               at::from_blob(types.data(), {n}, at::kLong));
    const at::Tensor z = lm::HeadLogits(*heads, (*fresh)->Pool(hidden, {n}, heads->pooling));
    for (const auto& [head, label] : row.labels) {
      right += (z[0][static_cast<int64_t>(head)].item<double>() > 0) == (label > 0.5);
      ++all;
    }
  }
  EXPECT_GE(right, all * 95 / 100) << right << " of " << all;
  ASSERT_TRUE(toy.objective->SaveProduct(toy.out.path() / "small"));
  EXPECT_LT(fs::file_size(toy.out.path() / "small/adapter_model.safetensors"),
            fs::file_size(saved / "adapter_model.safetensors") * 7 / 10);
}

TEST(ClassifierRows, AreReadAndMistakesNamed) {
  auto rows = ParseClassifierRows(
      R"({"text":"a","labels":{"hate":1,"violence":false},"text_pair":"b","weight":2})",
      "rows.jsonl");
  ASSERT_TRUE(rows) << rows.error().Text();
  EXPECT_EQ(rows->front().labels.at("hate"), 1);
  EXPECT_EQ(rows->front().labels.at("violence"), 0);
  EXPECT_EQ(*rows->front().text_pair, "b");
  auto error_of = [](const char* text) {
    return ParseClassifierRows(text, "rows.jsonl").error().Text();
  };
  EXPECT_EQ(error_of(R"({"text":"a","labels":{"hate":2}})"),
            "rows.jsonl:1: \"labels\".hate must be 0 or 1");
  EXPECT_EQ(error_of("\n{\"text\":\"a\"}"),
            "rows.jsonl:2: \"labels\" must be an object of heads, each 0 or 1");
}

}  // namespace
}  // namespace plumb::train
