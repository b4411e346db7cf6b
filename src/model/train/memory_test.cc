#include "model/train/memory.h"

#include <gtest/gtest.h>

#include "model/train/settings_keys.h"

namespace plumb::train {
namespace {

// A model of 7 billion weights.
lm::LmConfig Large() {
  return {.family = "llama", .vocab = 32000, .hidden = 4096, .intermediate = 11008, .layers = 32,
          .heads = 32, .kv_heads = 32, .head_dim = 128, .context = 4096};
}

TokenRow RowOfTokens(int32_t first, size_t tokens) {
  TokenRow row;
  row.ids.assign(tokens, first);
  row.learn.assign(tokens, 0);
  std::fill(row.learn.begin() + static_cast<long>(tokens / 2), row.learn.end(), 1);
  return row;
}

// What `rows` need, however the settings are changed.
auto Asker(const std::vector<TokenRow>& rows) {
  return [&rows](const TrainSettings& s) {
    MicroSizes micro = LargestMicro(s, rows.size(), s.micro_batch_tokens, [&](uint32_t i) {
      return std::vector<const TokenRow*>{&rows[i]};
    });
    micro.nodes = std::min(micro.nodes, std::max(s.max_length, s.micro_batch_tokens));
    micro.targets = std::min(micro.targets, micro.nodes);
    return ForecastDecoder(Job::kSft, s, Large(), micro);
  };
}

std::vector<TokenRow> EightRows(size_t tokens) {
  std::vector<TokenRow> rows;
  for (int32_t i = 0; i < 8; ++i) rows.push_back(RowOfTokens(i + 2, tokens));
  return rows;
}

TEST(Memory, PartsAreCutAsTheObjectivesCutThem) {
  TrainSettings s = DefaultsOf(Job::kSft);
  const std::vector<TokenRow> rows = EightRows(100);
  auto sizes = [&](int64_t tokens) {
    return LargestMicro(s, rows.size(), tokens, [&](uint32_t i) { return std::vector<const TokenRow*>{&rows[i]}; });
  };
  EXPECT_EQ(sizes(1000).positions, 800);  // one batch of eight
  EXPECT_EQ(sizes(1000).nodes, 832);      // up to a multiple of 64
  EXPECT_EQ(sizes(250).positions, 200);
  EXPECT_EQ(sizes(250).targets, 100);
  EXPECT_EQ(sizes(10).positions, 100);  // a row is never cut
  EXPECT_EQ(sizes(10).longest, 100);
  s.per_device_train_batch_size = 2;
  EXPECT_EQ(sizes(1000).positions, 200);
}

TEST(Memory, TheClassifiersPartsAreCutByLength) {
  TrainSettings s = DefaultsOf(Job::kClassifier);
  s.per_device_train_batch_size = 4;
  s.shuffle = false;
  s.micro_batch_tokens = 100;
  EXPECT_EQ(LargestMicro(s, {10, 20, 30, 30, 90, 50, 60, 5}).positions, 90);  // 10 20 30 30 | 5 50 | 60 | 90
  s.micro_batch_tokens = 120;
  EXPECT_EQ(LargestMicro(s, {10, 20, 30, 30, 90, 50, 60, 5}).positions, 115);  // 5 50 60 | 90
  s.max_length = 40;
  EXPECT_EQ(LargestMicro(s, {10, 20, 30, 30, 90, 50, 60, 5}).longest, 40);
}

TEST(Memory, EveryWeightTakes28BytesAndAnAdapterLittle) {
  TrainSettings s = DefaultsOf(Job::kSft);
  const MicroSizes micro{.nodes = 1024, .positions = 1024, .targets = 512, .longest = 128};
  const MemoryForecast adapter = ForecastDecoder(Job::kSft, s, Large(), micro);
  s.use_peft = false;
  const MemoryForecast full = ForecastDecoder(Job::kSft, s, Large(), micro);
  EXPECT_NEAR(static_cast<double>(full.optimiser), 28 * 6.74e9, 28 * 0.02e9);
  EXPECT_LT(adapter.optimiser, full.optimiser / 100);
  EXPECT_GT(adapter.weights, 2 * 6'700'000'000);
  EXPECT_GT(adapter.activations, 1'000'000'000);
}

TEST(Memory, ABaseInBlocksTakesATenthOfThePackedOne) {
  TrainSettings s = DefaultsOf(Job::kSft);
  const MicroSizes micro{.nodes = 1024, .positions = 1024, .targets = 512, .longest = 128};
  const MemoryForecast whole = ForecastDecoder(Job::kSft, s, Large(), micro);
  s.load_in_4bit = true;
  const MemoryForecast blocks = ForecastDecoder(Job::kSft, s, Large(), micro);
  EXPECT_LT(blocks.weights, whole.weights * 2 / 5);  // of a machine without AMX: 4 bytes a weight
  EXPECT_GT(blocks.weights, 6'500'000'000 * 5 / 8);
  EXPECT_EQ(blocks.optimiser, whole.optimiser);
}

TEST(Memory, WhatDoesNotFitIsRefusedWithWhatWould) {
  TrainSettings s = DefaultsOf(Job::kSft);
  s.micro_batch_tokens = 8192;
  const auto rows = EightRows(1000);
  const auto ask = Asker(rows);
  const int64_t needed = ask(s).Total();
  EXPECT_TRUE(CheckMemory(s, needed, 1000, ask));
  EXPECT_TRUE(CheckMemory(s, 0, 1000, ask));  // unknown
  const auto refused = CheckMemory(s, needed * 9 / 10, 1000, ask);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  const std::string said = refused.error().message;
  EXPECT_TRUE(said.starts_with("training needs about ")) << said;
  EXPECT_NE(said.find(" are free: use --micro_batch_tokens "), std::string::npos) << said;
  TrainSettings followed = s;
  followed.micro_batch_tokens = std::stoll(said.substr(said.find("tokens ") + 7));
  EXPECT_LE(ask(followed).Total(), needed * 9 / 10) << said;

  s.micro_batch_tokens = 1000;  // rows as they are are the least
  const auto shorter = CheckMemory(s, ask(s).Total() - 1'000'000'000, 1000, ask);
  ASSERT_FALSE(shorter);
  EXPECT_NE(shorter.error().message.find("use --max_length "), std::string::npos) << shorter.error().message;

  s.max_length = s.micro_batch_tokens = 64;
  const int64_t least = ask(s).Total();
  const auto blocks = CheckMemory(s, least / 2, 64, ask);
  ASSERT_FALSE(blocks);
  EXPECT_NE(blocks.error().message.find("use --load_in_4bit true"), std::string::npos) << blocks.error().message;

  const auto never = CheckMemory(s, 1'000'000'000, 1000, ask);
  ASSERT_FALSE(never);
  EXPECT_NE(never.error().message.find("1.0 GB are free"), std::string::npos) << never.error().message;
  EXPECT_NE(never.error().message.find("a smaller model, or more memory"), std::string::npos) << never.error().message;
  s.use_peft = false;
  const auto full = CheckMemory(s, 60'000'000'000, 1000, ask);
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().message.find("an adapter (without --use_peft false) needs about"), std::string::npos) << full.error().message;
}

TEST(Memory, ThisMachineSaysWhatIsFree) {
  EXPECT_GT(FreeMemory(), 1 << 20);
  EXPECT_GT(PeakMemory(), 1 << 20);
}

}  // namespace
}  // namespace plumb::train
