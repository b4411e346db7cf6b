#include "model/train/projection.h"

#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include "model/train/preserve.h"
#include "model/train/recorded_test.h"
#include "model/train/sft.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

// Prompts that end with 6 where they are harmful and with 7 where they are not, each with two tokens to learn.
struct Told {
  std::vector<TokenRow> rows = std::vector<TokenRow>(20);
  std::vector<uint8_t> harmful;
  Told() {
    Random random(4);
    for (size_t i = 0; i < rows.size(); ++i) {
      harmful.push_back(i % 2);
      for (int n = 0; n < 4; ++n) rows[i].ids.push_back(10 + static_cast<int32_t>(random.Below(30)));
      rows[i].ids.insert(rows[i].ids.end(), {harmful[i] ? 6 : 7, 40, static_cast<int32_t>(20 + i)});
      rows[i].learn = {0, 0, 0, 0, 0, 1, 1};
    }
  }
  Result<RefusalDirections> Directions(Trunk& trunk, bool adapters = true) const {
    std::vector<const TokenRow*> list;
    for (const TokenRow& row : rows) list.push_back(&row);
    return FindRefusalDirections(trunk, list, harmful, adapters, 30);
  }
};

TEST(RefusalDirections, AreTheDifferenceOfTheMeans) {
  TinyTrunk tiny;
  const auto found = Told().Directions(*tiny.trunk);
  ASSERT_TRUE(found) << found.error().Text();
  ASSERT_EQ(found->layers.size(), 2u);
  // What the first layer reads at the prompt's last token is that token's embedding after the norm, whatever came before.
  const auto normed = [&](int64_t token) {
    const at::Tensor x = tiny.model->embedding()[token];
    return x * (x * x).mean().add(tiny.model->config().rms_eps).rsqrt() * tiny.model->layers()[0].input_norm;
  };
  const at::Tensor d = normed(6) - normed(7);
  EXPECT_LT((found->layers[0].attention_in - d / d.norm()).abs().max().item<float>(), 1e-5);
  for (const auto& layer : found->layers)
    for (const at::Tensor& each : {layer.attention_in, layer.attention_out, layer.mlp_in, layer.mlp_out})
      EXPECT_NEAR(each.norm().item<float>(), 1, 1e-5);
}

TEST(RefusalDirections, NeedBothKinds) {
  TinyTrunk tiny;
  Told told;
  told.harmful.assign(told.rows.size(), 1);
  const auto found = told.Directions(*tiny.trunk);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("there are 20 and 0"), std::string::npos) << found.error().message;
}

// How much of what an adapter learned lies on its direction, the largest over all projections, beside how much was learned.
struct Moved {
  double along = 0, all = 0;
};
Moved Between(const RefusalDirections& directions, const at::Tensor& before, const Parameters& after, TinyTrunk& start) {
  at::Tensor(start.parameters.flat()).copy_(before);
  Moved moved;
  for (size_t i = 0; i < after.count(); i += 2) {
    const std::string& name = after.name(i);
    const auto& layer = directions.layers[name.contains("layers.0.") ? 0 : 1];
    const at::Tensor change = at::matmul(after.value(i + 1), after.value(i)) - at::matmul(start.parameters.value(i + 1), start.parameters.value(i));
    const at::Tensor along = name.contains("o_proj") ? at::matmul(layer.attention_out, change)
                             : name.contains("down_proj") ? at::matmul(layer.mlp_out, change)
                             : at::matmul(change, name.contains("self_attn") ? layer.attention_in : layer.mlp_in);
    moved.along = std::max(moved.along, along.norm().item<double>());
    moved.all = std::max(moved.all, change.norm().item<double>());
  }
  return moved;
}

// From an adapter that has learned something already, as `--adapter_in` gives, and from a new one.
TEST(Projection, WhatIsLearnedLeavesTheDirectionAlone) {
  for (const bool adapted : {true, false}) {
    Moved moved[2];
    for (const bool projects : {false, true}) {
      TinyTrunk tiny("llama", {.r = 4, .alpha = 8}, at::kFloat, adapted), start;
      const Told told;
      const auto directions = told.Directions(*tiny.trunk, adapted);
      ASSERT_TRUE(directions);
      const at::Tensor before = tiny.parameters.flat().clone();
      TempFolder out;
      Recorded recorded;
      const Surroundings world = recorded.World();
      TrainSettings s;
      s.model = "tiny", s.out = out.path().string(), s.lora = {.r = 4, .alpha = 8}, s.bf16 = false;
      s.adapter_in = adapted ? "given by the test" : "";
      s.learning_rate = 1e-2, s.per_device_train_batch_size = 5, s.max_steps = 12, s.save_steps = 0;
      s.preserve = {"given by the test"}, s.preserve_how = "projection", s.preserve_weight = projects ? 1 : 0;
      SftObjective inner(s, told.rows, *tiny.model, *tiny.trunk);
      // Every fifth row is only measured: with those between them the directions are of all twenty.
      Preserved kept;
      for (size_t i = 0; i < 25; ++i) {
        const size_t row = i % 5 == 4 ? 0 : i - i / 5;
        kept.rows.push_back(told.rows[row]);
        kept.harmful.push_back(told.harmful[row]);
      }
      PreserveObjective held(s, inner, std::move(kept), *tiny.model, *tiny.trunk, tiny.parameters, world.emit);
      ASSERT_TRUE(RunLoop(s, SettingsThatMatter(Job::kSft, s), held, tiny.parameters, world));
      moved[projects] = Between(*directions, before, tiny.parameters, start);
      EXPECT_GT(recorded.events.back().at("kl").to_number<double>(), 1e-3);
    }
    EXPECT_GT(moved[false].along, 0.02);
    EXPECT_LT(moved[true].along, 1e-4);
    EXPECT_GT(moved[true].all, 0.5 * moved[false].all) << "all else is learned as before";
  }
}

}  // namespace
}  // namespace plumb::train
