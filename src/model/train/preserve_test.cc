#include "model/train/preserve.h"

#include <gtest/gtest.h>

#include "model/lm/tokenizer.h"
#include "model/train/dpo.h"
#include "model/train/recorded_test.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

std::vector<TokenRow> MadeRows(uint64_t seed, size_t n, int32_t from, int32_t to) {
  Random random(seed);
  std::vector<TokenRow> rows(n);
  for (TokenRow& row : rows) {
    row.ids = {1, 2, 3, 4};
    for (uint64_t m = 8 + random.Below(6); m > 0; --m)
      row.ids.push_back(from + static_cast<int32_t>(random.Below(static_cast<uint64_t>(to - from))));
    row.learn.assign(row.ids.size(), 0);
    std::fill(row.learn.end() - 6, row.learn.end(), 1);
  }
  return rows;
}

// Forty rows to hold. What they begin with tells the harmful ones, every third, from the others.
Preserved RowsToHold() {
  Preserved kept{.rows = MadeRows(9, 40, 25, 50), .harmful = {}};
  for (size_t i = 0; i < kept.rows.size(); ++i) {
    kept.harmful.push_back(i % 3 == 0);
    kept.rows[i].ids[3] = i % 3 == 0 ? 6 : 7;
  }
  return kept;
}

struct Held : Recorded {
  TinyTrunk tiny;
  TrainSettings settings;
  TempFolder out;

  explicit Held(double weight) : tiny("llama", {.r = 4, .alpha = 8}, at::kFloat, false) {
    settings.model = "tiny";
    settings.out = out.path().string();
    settings.learning_rate = 1e-2;
    settings.lora = {.r = 4, .alpha = 8};
    settings.bf16 = false;
    settings.per_device_train_batch_size = 4;
    settings.max_steps = 24;
    settings.logging_steps = 1;
    settings.save_steps = 0;
    settings.preserve = {"given by the test"};
    settings.preserve_weight = weight;
  }
  Result<LoopResult> Run(Objective& inner, int64_t stop_at = -1) {
    const Surroundings world = World(stop_at);
    PreserveObjective held(settings, inner, RowsToHold(), *tiny.model, *tiny.trunk, tiny.parameters,
                           world.emit);
    return RunLoop(settings, SettingsThatMatter(Job::kSft, settings), held, tiny.parameters, world);
  }
  Result<LoopResult> Sft(int64_t stop_at = -1) {
    SftObjective inner(settings, MadeRows(5, 12, 5, 25), *tiny.model, *tiny.trunk);
    return Run(inner, stop_at);
  }
  double Kl() const { return events.back().at("kl").to_number<double>(); }
  double LastLoss() const {
    const auto log = *ReadJsonl(out.path() / "metrics.jsonl");
    return log.back().at("loss").to_number<double>();
  }
};

TEST(Preserve, WhatIsHeldMovesLessAndTheTaskIsLearned) {
  Held free(0), held(3);
  ASSERT_TRUE(free.Sft() && held.Sft());
  ASSERT_EQ(held.events.back().at("event"), "preserve");
  EXPECT_EQ(held.events.back().at("rows"), 32u);
  EXPECT_EQ(held.events.back().at("held_out"), 8u);
  EXPECT_LT(held.Kl(), free.Kl() / 3);  // on rows that were never held
  EXPECT_LT(held.events.back().at("kl_low").to_number<double>(), held.Kl());
  const auto log = *ReadJsonl(held.out.path() / "metrics.jsonl");
  EXPECT_NEAR(log.front().at("preserve/kl").to_number<double>(), 0, 1e-6);
  EXPECT_LT(log.back().at("loss").to_number<double>(), log.front().at("loss").to_number<double>());
}

TEST(Preserve, MeasuringAloneChangesNothing) {
  Held measured(0), plain(0);
  ASSERT_TRUE(measured.Sft());
  SftObjective inner(plain.settings, MadeRows(5, 12, 5, 25), *plain.tiny.model, *plain.tiny.trunk);
  ASSERT_TRUE(RunLoop(plain.settings, SettingsThatMatter(Job::kSft, plain.settings), inner,
                      plain.tiny.parameters, plain.World()));
  EXPECT_TRUE(measured.tiny.parameters.flat().equal(plain.tiny.parameters.flat()));
}

// A step's gradient is that of loss + weight · KL, or of loss − weight · log p: by differences.
class HowItIsHeld : public ::testing::TestWithParam<const char*> {};
TEST_P(HowItIsHeld, TheGradientIsThatOfTheLoss) {
  Held run(2);
  run.settings.preserve_how = GetParam();
  run.settings.preserve_batch_size = 100;
  run.settings.preserve_weight = 2;
  const Surroundings world = run.World();
  SftObjective inner(run.settings, MadeRows(5, 12, 5, 25), *run.tiny.model, *run.tiny.trunk);
  PreserveObjective held(run.settings, inner, RowsToHold(), *run.tiny.model, *run.tiny.trunk,
                         run.tiny.parameters, world.emit);
  ASSERT_TRUE(held.Prepare({}));
  Parameters& p = run.tiny.parameters;
  Random random(3);
  for (size_t i = 0; i < p.count(); ++i)
    p.value(i).copy_(RandomTensor(p.value(i).sizes().vec(), random, 0.1));
  const auto loss = [&] {
    held.Refresh();
    p.ZeroGrad();
    return held.Accumulate({0, 1, 2}, 1)->loss;
  };
  loss();
  const at::Tensor gradient = p.grad(3).clone();
  float* value = p.value(3).data_ptr<float>();
  for (int64_t at : {0, 5, 17}) {
    const float kept = value[at], step = 2e-3f;
    value[at] = kept + step;
    const double above = loss();
    value[at] = kept - step;
    const double below = loss();
    value[at] = kept;
    const double slope = (above - below) / (2 * step);
    EXPECT_NEAR(gradient.data_ptr<float>()[at], slope, 2e-3 * std::max(1.0, std::abs(slope))) << at;
  }
}

INSTANTIATE_TEST_SUITE_P(Preserve, HowItIsHeld, ::testing::Values("kl", "replay"));

TEST(Preserve, ReplayedRowsAreLearned) {
  Held run(3);
  run.settings.preserve_how = "replay";
  ASSERT_TRUE(run.Sft());
  const auto log = *ReadJsonl(run.out.path() / "metrics.jsonl");
  EXPECT_LT(log.back().at("preserve/nll").to_number<double>(), 0.8 * log.front().at("preserve/nll").to_number<double>());
  EXPECT_FALSE(log.back().contains("preserve/kl"));
  EXPECT_EQ(run.events.back().at("how"), "replay");
}

TEST(Preserve, PreferencesAreHeldToo) {
  const auto trained = [](double weight) {
    auto run = std::make_unique<Held>(weight);
    run->settings.learning_rate = 5e-3;
    std::vector<TokenPair> pairs;
    const auto a = MadeRows(5, 12, 5, 25), b = MadeRows(6, 12, 5, 25);
    for (size_t i = 0; i < a.size(); ++i) pairs.push_back({a[i], b[i]});
    DpoObjective inner(run->settings, pairs, *run->tiny.model, *run->tiny.trunk, false);
    EXPECT_TRUE(run->Run(inner));
    return run;
  };
  EXPECT_LT(trained(3)->Kl(), trained(0)->Kl() / 2);
}

class Interrupted : public ::testing::TestWithParam<const char*> {};
TEST_P(Interrupted, RunsHoldToTheSameModel) {
  Held whole(3), first(3), second(3);
  for (Held* run : {&whole, &first, &second}) run->settings.preserve_how = GetParam();
  ASSERT_TRUE(whole.Sft());
  ASSERT_TRUE(first.Sft(10));
  second.settings.out = first.settings.out;
  second.settings.resume_from_checkpoint = "latest";
  ASSERT_TRUE(second.Sft());
  EXPECT_TRUE(second.tiny.parameters.flat().equal(whole.tiny.parameters.flat()));
  EXPECT_EQ(second.events.back(), whole.events.back());
}
INSTANTIATE_TEST_SUITE_P(Preserve, Interrupted, ::testing::Values("kl", "projection"));

TEST(Preserve, RowsToProjectByMustSayWhetherTheyAreHarmful) {
  TempFolder folder;
  const fs::path file = folder.path() / "keep.jsonl";
  std::string rows;
  for (int i = 0; i < 12; ++i) rows += fmt::format(R"({{"text": "ab", "harmful": {}}})", i == 7 ? "1" : i % 2 ? "true" : "false") + "\n";
  ASSERT_TRUE(WriteFileAtomic(file, rows));
  const auto model = lm::FindModel("smollm2");
  if (!model) GTEST_SKIP() << model.error().Text();
  const auto tokenizer = lm::Tokenizer::Load(*model);
  ASSERT_TRUE(tokenizer) << tokenizer.error().Text();
  TrainSettings settings;
  settings.preserve = {file.string()};
  settings.preserve_how = "projection";
  class Nobody : public Roller {
    Result<std::vector<Completion>> Roll(const std::vector<std::vector<int32_t>>&, const std::vector<uint64_t>&) override { return std::vector<Completion>(); }
  } nobody;
  const auto read = PreservedRows(settings, RowEncoder(**tokenizer, nullptr, 64), nobody);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("keep.jsonl:8"), std::string::npos) << read.error().message;
  EXPECT_EQ(read.error().message.find("keep.jsonl:7"), std::string::npos);
  settings.preserve_how = "kl";
  EXPECT_TRUE(PreservedRows(settings, RowEncoder(**tokenizer, nullptr, 64), nobody));
}

TEST(Packing, BlocksAreFilledBestFitDecreasing) {
  // As TRL packs: 9 | 7 3 | 6 4 | 5 … of at most 10.
  const auto blocks = PackRows({3, 7, 9, 4, 6, 5, 12}, 10);
  EXPECT_EQ(blocks, (std::vector<std::vector<uint32_t>>{{6}, {2}, {1, 0}, {4, 3}, {5}}));
}

// Packed rows do not see one another: the same rows give the same loss and the same step.
TEST(Packing, LossAndGradientAreThoseOfTheRowsAlone) {
  Held packed(0), alone(0);
  packed.settings.packing = true;
  packed.settings.max_length = 40;
  for (Held* run : {&packed, &alone}) {
    run->settings.per_device_train_batch_size = 100;
    run->settings.max_steps = 3;
    ASSERT_TRUE(run->Sft());
  }
  EXPECT_TRUE(packed.tiny.parameters.flat().equal(alone.tiny.parameters.flat()));
  EXPECT_EQ(packed.LastLoss(), alone.LastLoss());
  SftObjective objective(packed.settings, MadeRows(5, 12, 5, 25), *packed.tiny.model,
                         *packed.tiny.trunk);
  EXPECT_LT(objective.rows(), 6u);  // blocks
}

}  // namespace
}  // namespace plumb::train
