#include "model/train/loop.h"

#include <ATen/ATen.h>

#include "model/train/checkpoint.h"
#include "model/train/dpo.h"
#include "model/train/recorded_test.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

// Twelve rows of random tokens, the first four tokens alike, the last ones to be learned.
std::vector<TokenRow> TinyRows() {
  Random random(21);
  std::vector<TokenRow> rows(12);
  for (TokenRow& row : rows) {
    row.ids = {1, 2, 3, 4};
    for (uint64_t n = 6 + random.Below(14); n > 0; --n)
      row.ids.push_back(static_cast<int32_t>(random.Below(kTinyVocab)));
    row.learn.assign(row.ids.size(), 0);
    std::fill(row.learn.end() - 5, row.learn.end(), 1);
  }
  return rows;
}

std::vector<TokenPair> TinyPairs() {
  std::vector<TokenRow> rows = TinyRows();
  std::vector<TokenPair> pairs;
  for (size_t i = 0; i + 1 < rows.size(); i += 2) pairs.push_back({rows[i], rows[i + 1]});
  return pairs;
}

struct TinyRun : Recorded {
  TinyTrunk tiny;
  TrainSettings settings;
  TempFolder out;

  explicit TinyRun(LoraOptions lora = {.r = 4, .alpha = 8})
      : tiny("llama", lora, at::kFloat, false) {
    settings.model = "tiny";
    settings.out = out.path().string();
    settings.learning_rate = 5e-3;
    settings.lora = lora;
    settings.bf16 = false;
    settings.per_device_train_batch_size = 4;
    settings.max_steps = 8;
    settings.logging_steps = 1;
    settings.save_steps = 0;
  }
  Result<LoopResult> Sft(std::vector<TokenRow> rows = TinyRows(), int64_t stop_at = -1) {
    SftObjective objective(settings, std::move(rows), *tiny.model, *tiny.trunk);
    return RunLoop(settings, SettingsThatMatter(Job::kSft, settings), objective, tiny.parameters,
                   World(stop_at));
  }
  std::vector<float> Values() const {
    std::vector<float> all;
    for (size_t i = 0; i < tiny.parameters.count(); ++i) {
      const at::Tensor v = tiny.parameters.value(i).contiguous();
      all.insert(all.end(), v.data_ptr<float>(), v.data_ptr<float>() + v.numel());
    }
    return all;
  }
};

double LargestGap(const std::vector<float>& a, const std::vector<float>& b) {
  double gap = 0;
  for (size_t i = 0; i < a.size(); ++i)
    gap = std::max(gap, std::abs(static_cast<double>(a[i]) - b[i]));
  return gap;
}

TEST(Loop, TheLossFalls) {
  TinyRun run;
  run.settings.max_steps = 30;
  auto result = run.Sft();
  ASSERT_TRUE(result) << result.error().Text();
  const double first = run.events.front().at("loss").as_double(),
               last = run.events.back().at("loss").as_double();
  EXPECT_LT(last, 0.6 * first);
}

// What a batch is cut into does not change what is learned (beyond rounding).
TEST(Loop, GradientAccumulationChangesNothing) {
  TinyRun whole, accumulated, cut;
  accumulated.settings.per_device_train_batch_size = 1;
  accumulated.settings.gradient_accumulation_steps = 4;
  cut.settings.micro_batch_tokens = 9;
  ASSERT_TRUE(whole.Sft() && accumulated.Sft() && cut.Sft());
  EXPECT_EQ(whole.Values(), accumulated.Values());
  EXPECT_LT(LargestGap(whole.Values(), cut.Values()), 1e-4);
  EXPECT_GT(LargestGap(whole.Values(), TinyRun().Values()), 1e-2);
}

TEST(Loop, AWeightOfTwoIsTheRowTwice) {
  TinyRun weighted, doubled;
  std::vector<TokenRow> rows = TinyRows(), twice = rows;
  rows.resize(4);
  twice.resize(4);
  rows[1].weight = 2;
  twice.push_back(twice[1]);
  weighted.settings.per_device_train_batch_size = doubled.settings.per_device_train_batch_size = 5;
  ASSERT_TRUE(weighted.Sft(rows) && doubled.Sft(twice));
  EXPECT_LT(LargestGap(weighted.Values(), doubled.Values()), 1e-4);
}

TEST(Loop, AnAnchorOfNoWeightHoldsTheBase) {
  auto drift = [](double kl_weight) {
    TinyRun run;
    run.settings.max_steps = 20;
    run.settings.kl_weight = kl_weight;
    std::vector<TokenRow> rows = TinyRows();
    for (size_t i = 0; i < 6; ++i) {
      rows[i].anchor = true;
      rows[i].weight = 0;
    }
    EXPECT_TRUE(run.Sft(rows));
    TokenTrie held({rows[0].ids, rows[1].ids, rows[2].ids});
    const at::Tensor a = run.tiny.trunk->Forward(held, {}),
                     b = run.tiny.trunk->Forward(held, {.adapters = false});
    return (a - b).pow(2).mean().item<double>();
  };
  EXPECT_LT(drift(3), 0.5 * drift(0));
}

TEST(Loop, AResumedRunIsTheUninterruptedOneToTheBit) {
  for (double dropout : {0.0, 0.2}) {
    const LoraOptions lora{.r = 4, .alpha = 8, .dropout = dropout};
    TinyRun whole(lora), first(lora), second(lora);
    ASSERT_TRUE(whole.Sft());
    auto stopped = first.Sft(TinyRows(), 5);
    ASSERT_TRUE(stopped);
    EXPECT_TRUE(stopped->interrupted);
    EXPECT_EQ(stopped->steps, 5);
    EXPECT_EQ(first.events.back().at("event"), "interrupted");
    second.settings.out = first.settings.out;
    second.settings.resume_from_checkpoint = "latest";
    auto resumed = second.Sft();
    ASSERT_TRUE(resumed) << resumed.error().Text();
    EXPECT_EQ(resumed->steps, 8);
    EXPECT_EQ(second.Values(), whole.Values());
    auto lines = ReadJsonl(first.out.path() / "metrics.jsonl");
    ASSERT_TRUE(lines);
    EXPECT_EQ(lines->size(), 8u);  // one a step, from both processes
  }
}

TEST(Loop, DpoResumesToTheBitToo) {
  auto train = [](TinyRun& run, int64_t stop_at) {
    run.settings.per_device_train_batch_size = 2;
    DpoObjective objective(run.settings, TinyPairs(), *run.tiny.model, *run.tiny.trunk, false);
    return RunLoop(run.settings, SettingsThatMatter(Job::kDpo, run.settings), objective,
                   run.tiny.parameters, run.World(stop_at));
  };
  TinyRun whole, first, second;
  ASSERT_TRUE(train(whole, -1) && train(first, 4));
  second.settings.out = first.settings.out;
  second.settings.resume_from_checkpoint = "latest";
  ASSERT_TRUE(train(second, -1));
  EXPECT_EQ(second.Values(), whole.Values());
  auto lines = ReadJsonl(whole.out.path() / "metrics.jsonl");
  ASSERT_TRUE(lines);
  EXPECT_EQ(lines->front().at("rewards/margins").to_number<double>(), 0);
  EXPECT_GT(lines->back().at("rewards/margins").to_number<double>(), 0);
}

TEST(Loop, ACheckpointOfAnotherRunIsRefused) {
  TinyRun first, second;
  first.settings.save_steps = 4;
  ASSERT_TRUE(first.Sft());
  second.settings.out = first.settings.out;
  second.settings.resume_from_checkpoint = "latest";
  second.settings.learning_rate = 1e-3;
  auto result = second.Sft();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("learning_rate = 5E-3, now it is 1E-3"), std::string::npos)
      << result.error().message;
}

TEST(Loop, ADamagedCheckpointIsRefused) {
  TinyRun first, second;
  first.settings.save_steps = 4;
  ASSERT_TRUE(first.Sft());
  ASSERT_TRUE(WriteFileAtomic(first.out.path() / "checkpoint-4/optimizer.safetensors", "nonsense"));
  second.settings.out = first.settings.out;
  second.settings.resume_from_checkpoint = (first.out.path() / "checkpoint-4").string();
  auto result = second.Sft();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("resuming from"), std::string::npos)
      << result.error().message;
}

// With a budget the run ends before it, and the learning rate comes down in time.
TEST(Loop, ABudgetEndsTheRunOnSchedule) {
  TinyRun run;
  run.settings.max_steps = 1000;
  run.settings.max_seconds = 20;
  run.per_event = 1;
  auto result = run.Sft();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->out_of_time);
  EXPECT_LE(result->seconds, 20);
  EXPECT_GE(result->steps, 18);
  EXPECT_LT(run.events.back().at("learning_rate").to_number<double>(),
            0.12 * run.settings.learning_rate);
}

TEST(Loop, ALossThatIsNotANumberIsSaid) {
  TinyRun run;
  run.settings.learning_rate = 1e30;
  run.settings.max_grad_norm = 0;
  auto result = run.Sft();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("the loss is not a number"), std::string::npos);
}

TEST(Loop, ABadBatchIsNamedAndTheLastGoodStateKept) {
  TinyRun run, good;
  run.settings.learning_rate = good.settings.learning_rate = 5e-3;
  run.settings.per_device_train_batch_size = good.settings.per_device_train_batch_size = 2;
  run.settings.shuffle = good.settings.shuffle = false;
  std::vector<TokenRow> rows = TinyRows();
  for (size_t i = 0; i < rows.size(); ++i) rows[i].where = fmt::format("a.jsonl:{}", i + 1);
  rows[6].weight = INFINITY;  // the first row of the fourth step
  auto result = run.Sft(rows);
  ASSERT_FALSE(result);
  const std::string& said = result.error().message;
  EXPECT_NE(said.find("step 4: the loss is not a number, on the batch of a.jsonl:7, a.jsonl:8"),
            std::string::npos)
      << said;
  EXPECT_NE(said.find("checkpoint-2 holds the last state whose loss was a number"),
            std::string::npos)
      << said;
  good.settings.max_steps = 2;
  rows[6].weight = 1;
  good.settings.lr_scheduler_type = run.settings.lr_scheduler_type = Schedule::kConstant;
  TinyRun again;
  again.settings = run.settings;
  again.settings.out = again.out.path().string();
  rows[6].weight = INFINITY;
  ASSERT_FALSE(again.Sft(rows));
  rows[6].weight = 1;
  ASSERT_TRUE(good.Sft(rows));
  EXPECT_EQ(again.Values(), good.Values());
  EXPECT_TRUE(fs::exists(again.out.path() / "checkpoint-2/optimizer.safetensors"));
}

TEST(Loop, AChosenAnswerThatCollapsesIsToldAndMayStopTheRun) {
  TinyRun run;
  run.settings.learning_rate = 5e-2;
  run.settings.max_steps = 60;
  run.settings.per_device_train_batch_size = 6;
  run.settings.on_chosen_collapse = "stop";
  run.settings.chosen_collapse_threshold = 0.4;
  // The answers are nearly alike, the words they share are all there is to lose.
  std::vector<TokenPair> pairs = TinyPairs();
  for (TokenPair& pair : pairs) {
    pair.rejected = pair.chosen;
    pair.rejected.ids.back() = (pair.rejected.ids.back() + 1) % kTinyVocab;
  }
  DpoObjective objective(run.settings, pairs, *run.tiny.model, *run.tiny.trunk, false);
  auto result = RunLoop(run.settings, {}, objective, run.tiny.parameters, run.World(-1));
  ASSERT_TRUE(result) << result.error().Text();
  EXPECT_NE(result->stopped.find("less likely than under the reference"), std::string::npos);
  EXPECT_LT(result->steps, 60);
  EXPECT_EQ(run.events.back().at("event"), "stopped");
  auto lines = ReadJsonl(run.out.path() / "metrics.jsonl");
  ASSERT_TRUE(lines);
  EXPECT_GT(lines->back().at("chosen_drop").to_number<double>(), 0.4);
}

TEST(Loop, AFolderThatCannotBeWrittenIsSaid) {
  TinyRun run;
  run.settings.out = "/proc/plumb-cannot-write-here";
  auto result = run.Sft();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kIo) << result.error().Text();
}

}  // namespace
}  // namespace plumb::train
