#include "model/train/trunk.h"

#include <ATen/ATen.h>

#include "model/lm/adapter.h"
#include "model/train/head.h"
#include "model/train/sft.h"
#include "model/train/targets_test.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

double LossOf(TinyTrunk& tiny, const std::vector<std::vector<int32_t>>& sequences,
              uint64_t key = 0) {
  const TokenTrie batch(sequences);
  const Targets targets = AllTargets(batch, sequences);
  tiny.trunk->Refresh();
  return Loss(
      targets,
      Head(*tiny.model).Run(tiny.trunk->Forward(batch, {.drop_key = key}), targets, nullptr));
}

double Gradient(TinyTrunk& tiny, const std::vector<std::vector<int32_t>>& sequences,
                uint64_t key = 0) {
  const TokenTrie batch(sequences);
  const Targets targets = AllTargets(batch, sequences);
  tiny.parameters.ZeroGrad();
  const at::Tensor x = tiny.trunk->Forward(batch, {.keep = true, .drop_key = key});
  at::Tensor dx = at::zeros_like(x);
  const double loss = Loss(targets, Head(*tiny.model).Run(x, targets, &dx));
  tiny.trunk->Backward(batch, dx);
  return loss;
}

class TrunkOfFamily : public ::testing::TestWithParam<const char*> {};

// The reference: lm::CausalLm's differentiable pass under autograd, every sequence on its own.
TEST_P(TrunkOfFamily, LossAndGradientsAgreeWithAutograd) {
  TinyTrunk tiny(GetParam());
  const auto sequences = TinySequences();
  const double loss = Gradient(tiny, sequences);

  std::map<std::string, at::Tensor> leaves;
  for (auto& [path, linear] : tiny.model->Linears()) {
    if (!linear->lora) continue;
    for (auto [name, matrix] :
         {std::pair{"lora_A", &linear->lora->a}, {"lora_B", &linear->lora->b}}) {
      *matrix = matrix->clone().requires_grad_(true);
      leaves["base_model.model." + path + "." + name + ".weight"] = *matrix;
    }
  }
  at::Tensor reference = at::zeros({}, at::kDouble);
  for (size_t s = 0; s < sequences.size(); ++s) {
    std::vector<int64_t> ids(sequences[s].begin(), sequences[s].end());
    const int64_t n = static_cast<int64_t>(ids.size());
    const at::Tensor hidden = tiny.model->Hidden(at::from_blob(ids.data(), {n}, at::kLong), {n});
    const at::Tensor logp = at::log_softmax(tiny.model->Logits(hidden).to(at::kDouble), -1);
    for (int64_t i = 1; i < n; ++i)
      reference = reference - logp[i - 1][ids[i]] * (0.01f * static_cast<float>(1 + (s + i) % 5));
  }
  reference.backward();
  EXPECT_NEAR(loss, reference.item<double>(), 1e-4);
  for (size_t i = 0; i < tiny.parameters.count(); ++i) {
    const at::Tensor& expected = leaves.at(tiny.parameters.name(i)).grad();
    const double gap = (tiny.parameters.grad(i) - expected).abs().max().item<double>(),
                 size = expected.abs().max().item<double>();
    EXPECT_LE(gap, 1e-4 * size + 1e-6) << tiny.parameters.name(i);
  }
}
INSTANTIATE_TEST_SUITE_P(Families, TrunkOfFamily, ::testing::Values("llama", "qwen2", "qwen3"));

// Central differences of the loss itself, a few elements of every matrix.
void ExpectGradientByDifferences(TinyTrunk& tiny, uint64_t key) {
  const auto sequences = TinySequences();
  Gradient(tiny, sequences, key);
  Random random(5);
  for (size_t i = 0; i < tiny.parameters.count(); ++i) {
    at::Tensor value = tiny.parameters.value(i);
    const at::Tensor grad = tiny.parameters.grad(i);
    const int64_t at = static_cast<int64_t>(random.Below(static_cast<uint64_t>(value.numel())));
    float& x = value.data_ptr<float>()[at];
    const float before = x, step = 2e-2f;
    x = before + step;
    const double up = LossOf(tiny, sequences, key);
    x = before - step;
    const double down = LossOf(tiny, sequences, key);
    x = before;
    const double slope = (up - down) / (2 * static_cast<double>(step)),
                 mine = grad.data_ptr<float>()[at];
    EXPECT_NEAR(mine, slope, 2e-3 + 2e-2 * std::abs(slope)) << tiny.parameters.name(i);
  }
}

TEST(Trunk, GradientsAgreeWithFiniteDifferences) {
  TinyTrunk tiny;
  ExpectGradientByDifferences(tiny, 0);
}

TEST(Trunk, DropoutIsDifferentiatedThroughTheSameMask) {
  TinyTrunk tiny("llama", {.r = 4, .alpha = 8, .dropout = 0.3});
  ExpectGradientByDifferences(tiny, 99);
  EXPECT_NE(LossOf(tiny, TinySequences(), 99), LossOf(tiny, TinySequences(), 100));
  EXPECT_EQ(LossOf(tiny, TinySequences(), 99), LossOf(tiny, TinySequences(), 99));
}

TEST(Trunk, SharedBeginningsChangeNothing) {
  TinyTrunk tiny;
  const auto all = TinySequences();
  const TokenTrie together(all);
  EXPECT_EQ(together.Node(2, 36), 19 + 3 + 37 - 1);  // the second adds three tokens of its own
  const at::Tensor x = tiny.trunk->Forward(together, {});
  for (size_t s = 0; s < all.size(); ++s) {
    const TokenTrie alone({all[s]});
    const at::Tensor y = tiny.trunk->Forward(alone, {});
    for (size_t t = 0; t < all[s].size(); ++t)
      EXPECT_LT((x[together.Node(s, t)] - y[static_cast<int64_t>(t)]).abs().max().item<double>(),
                1e-5);
  }
}

TEST(Trunk, WithoutAdaptersItIsTheBase) {
  TinyTrunk tiny;
  const TokenTrie batch(TinySequences());
  const at::Tensor off = tiny.trunk->Forward(batch, {.adapters = false}),
                   on = tiny.trunk->Forward(batch, {});
  EXPECT_GT((off - on).abs().max().item<double>(), 1e-2);
  for (size_t i = 0; i < tiny.parameters.count(); ++i)
    if (tiny.parameters.name(i).ends_with("lora_B.weight")) tiny.parameters.value(i).zero_();
  tiny.trunk->Refresh();
  EXPECT_LT((off - tiny.trunk->Forward(batch, {})).abs().max().item<double>(), 1e-5);
}

// The second family's products are packed where the processor has AMX, the first's are not.
class TrunkInBfloat16 : public ::testing::TestWithParam<const char*> {};
TEST_P(TrunkInBfloat16, StaysNearFloat32) {
  TinyTrunk exact(GetParam()), half(GetParam(), {.r = 4, .alpha = 8}, at::kBFloat16);
  const double a = Gradient(exact, TinySequences()), b = Gradient(half, TinySequences());
  EXPECT_NEAR(a, b, 0.02 * a);
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < exact.parameters.count(); ++i) {
    const at::Tensor x = exact.parameters.grad(i), y = half.parameters.grad(i);
    dot += (x * y).sum().item<double>();
    aa += (x * x).sum().item<double>();
    bb += (y * y).sum().item<double>();
  }
  EXPECT_GT(dot / std::sqrt(aa * bb), 0.99);
}

INSTANTIATE_TEST_SUITE_P(Families, TrunkInBfloat16, ::testing::Values("llama", "tiled"));

TEST(Trunk, OnlyChosenLayersGetAdapters) {
  TinyTrunk tiny("llama", {.r = 4, .alpha = 8, .layers_to_transform = {1}});
  EXPECT_EQ(tiny.parameters.count(), 14u);  // A and B of seven projections
  for (size_t i = 0; i < tiny.parameters.count(); ++i)
    EXPECT_NE(tiny.parameters.name(i).find(".layers.1."), std::string::npos)
        << tiny.parameters.name(i);
  for (const auto& [path, linear] : tiny.model->Linears())
    EXPECT_EQ(linear->lora.has_value(), path.find(".layers.1.") != std::string::npos) << path;
  Parameters parameters;
  const auto beyond = Trunk::Create(*tiny.model, {.layers_to_transform = {2}}, parameters);
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().message.find("there is no layer 2"), std::string::npos)
      << beyond.error().message;
}

TEST(Trunk, ChosenLayersLearnAsIfTheOthersAdaptersWereZero) {
  for (const int64_t layer : {0, 1}) {
    TinyTrunk full, part("llama", {.r = 4, .alpha = 8, .layers_to_transform = {layer}});
    const auto chosen = part.parameters.Values();
    for (size_t i = 0; i < full.parameters.count(); ++i) {
      const auto same = chosen.find(full.parameters.name(i));
      if (same != chosen.end())
        full.parameters.value(i).copy_(same->second);
      else
        full.parameters.value(i).zero_();
    }
    full.trunk->Refresh();
    EXPECT_NEAR(Gradient(full, TinySequences()), Gradient(part, TinySequences()), 1e-5);
    std::map<std::string, at::Tensor> expected;
    for (size_t i = 0; i < full.parameters.count(); ++i)
      expected[full.parameters.name(i)] = full.parameters.grad(i);
    for (size_t i = 0; i < part.parameters.count(); ++i) {
      const at::Tensor& right = expected.at(part.parameters.name(i));
      EXPECT_GT(right.abs().max().item<double>(), 1e-4);
      EXPECT_LT((part.parameters.grad(i) - right).abs().max().item<double>(),
                1e-5 * right.abs().max().item<double>() + 1e-7)
          << part.parameters.name(i);
    }
  }
}

// What enters the lowest adapted layer is looked up from the second pass on: no bit changes, in
// whatever company a sequence comes.
TEST(Trunk, LayersBelowTheAdaptersAreSkippedExactly) {
  const LoraOptions upper{.r = 4, .alpha = 8, .layers_to_transform = {1}};
  TinyTrunk fresh("tiled", upper, at::kBFloat16), used("tiled", upper, at::kBFloat16);
  const auto all = TinySequences();
  const TokenTrie together(all);
  used.trunk->Forward(together, {.adapters = false});
  const at::Tensor first = fresh.trunk->Forward(together, {});
  EXPECT_TRUE(at::equal(first, used.trunk->Forward(together, {})));
  EXPECT_TRUE(at::equal(first, fresh.trunk->Forward(together, {})));
  for (const auto& sequence : all) {
    TinyTrunk alone("tiled", upper, at::kBFloat16);
    const TokenTrie batch({sequence});
    EXPECT_TRUE(at::equal(alone.trunk->Forward(batch, {}), used.trunk->Forward(batch, {})));
  }
  EXPECT_EQ(Gradient(fresh, all), Gradient(used, all));
  TinyTrunk computed("tiled", upper, at::kBFloat16);
  Gradient(computed, all);
  for (size_t i = 0; i < used.parameters.count(); ++i)
    EXPECT_TRUE(at::equal(used.parameters.grad(i), computed.parameters.grad(i)))
        << used.parameters.name(i);
}

// PEFT's meaning: tensors outside layers_to_transform are not expected, those inside are.
TEST(Trunk, TheAdapterFileSaysWhichLayersItHas) {
  TinyTrunk tiny("llama", {.r = 4, .alpha = 8, .layers_to_transform = {1}});
  TempFolder out;
  TrainSettings settings;
  settings.lora = {.r = 4, .alpha = 8, .layers_to_transform = {1}};
  ASSERT_TRUE(SaveLora(out.path(), settings, *tiny.model));
  auto config = ReadJson(out.path() / "adapter_config.json");
  ASSERT_TRUE(config);
  EXPECT_EQ(ToJson(config->at("layers_to_transform")), "[1]");
  EXPECT_EQ(lm::ReadAdapterConfig(out.path())->layers_to_transform, std::vector<int64_t>{1});

  auto base = lm::CausalLm::Load(tiny.folder.path().string(), {.type = at::kFloat});
  ASSERT_TRUE(base);
  const auto attached = lm::AttachAdapter(out.path(), (*base)->Linears());
  ASSERT_TRUE(attached) << attached.error().Text();
  std::vector<int64_t> ids = {3, 14, 15, 9, 2, 6};
  const at::Tensor input = at::from_blob(ids.data(), {6}, at::kLong);
  EXPECT_TRUE(at::allclose((*base)->Hidden(input, {6}), tiny.model->Hidden(input, {6})));

  config->as_object()["layers_to_transform"] = json::array{0, 1};
  ASSERT_TRUE(WriteFileAtomic(out.path() / "adapter_config.json", ToJson(*config)));
  const auto missing = lm::AttachAdapter(out.path(), (*base)->Linears());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("model.layers.0."), std::string::npos)
      << missing.error().message;
}

TEST(Trunk, AnUnknownTargetModuleIsNamedWithItsNeighbour) {
  TempFolder folder;
  ASSERT_TRUE(WriteTinyModel(folder.path(), "llama"));
  auto model = lm::CausalLm::Load(folder.path().string());
  ASSERT_TRUE(model);
  Parameters parameters;
  auto trunk = Trunk::Create(**model, {.target_modules = {"q_porj"}}, parameters);
  ASSERT_FALSE(trunk);
  EXPECT_NE(trunk.error().message.find("did you mean 'q_proj'?"), std::string::npos)
      << trunk.error().message;
}

TEST(Head, TheAnchorsGradientIsThatOfTheDivergence) {
  TinyTrunk tiny;
  const auto sequences = TinySequences();
  const TokenTrie batch(sequences);
  Targets t = AllTargets(batch, sequences);
  const Head head(*tiny.model);
  t.base = head.Normed(tiny.trunk->Forward(batch, {.adapters = false}), t.node);
  t.anchor_coef.assign(t.size(), 0.02f);
  auto loss = [&] {
    tiny.trunk->Refresh();
    Targets statistics = t;
    const auto stats = head.Run(tiny.trunk->Forward(batch, {}), statistics, nullptr);
    double sum = 0;
    for (size_t i = 0; i < stats.size(); ++i)
      sum += static_cast<double>(t.anchor_coef[i]) * stats[i].kl -
             static_cast<double>(t.coef[i]) * stats[i].logp;
    return sum;
  };
  tiny.parameters.ZeroGrad();
  const at::Tensor x = tiny.trunk->Forward(batch, {.keep = true});
  at::Tensor dx = at::zeros_like(x);
  for (const auto& s : head.Run(x, t, &dx)) EXPECT_GT(s.kl, -1e-6);
  tiny.trunk->Backward(batch, dx);
  for (size_t i : {size_t{0}, size_t{1}, tiny.parameters.count() - 1}) {
    float& v = tiny.parameters.value(i).data_ptr<float>()[3];
    const float before = v;
    v = before + 0.02f;
    const double up = loss();
    v = before - 0.02f;
    const double down = loss();
    v = before;
    EXPECT_NEAR(tiny.parameters.grad(i).data_ptr<float>()[3], (up - down) / 0.04,
                2e-3 + 0.02 * std::abs(up - down) / 0.04);
  }
}

}  // namespace
}  // namespace plumb::train
