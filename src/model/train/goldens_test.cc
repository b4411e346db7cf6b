// Loss curves against TRL's own, step by step (tests/goldens/train/make_trl_goldens.py), on the
// embedded model.
#include <gtest/gtest.h>

#include <cmath>

#include "model/train/dpo.h"
#include "model/train/random.h"

namespace plumb::train {
namespace {

fs::path Golden(const std::string& name) {
  return fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/train" / name;
}

// What make_trl_goldens.py starts from: lora_A[k] = sin(0.37 k + layer) / √in, lora_B = 0.
void SetInitialAdapter(Parameters& parameters) {
  for (size_t i = 0; i < parameters.count(); ++i) {
    const std::string& name = parameters.name(i);
    at::Tensor value = parameters.value(i);
    if (!name.ends_with("lora_A.weight")) continue;
    const size_t at = name.find(".layers.") + 8;
    const int layer = std::stoi(name.substr(at));
    for (int64_t k = 0; k < value.numel(); ++k)
      value.data_ptr<float>()[k] =
          static_cast<float>(std::sin(0.37 * static_cast<double>(k) + layer) /
                             std::sqrt(static_cast<double>(value.size(1))));
  }
}

class TrlGolden : public ::testing::Test {
 protected:
  void SetUp() override {
    auto path = lm::FindModel("smollm2");
    if (!path) GTEST_SKIP() << path.error().Text();
    tokenizer_ = std::move(*lm::Tokenizer::Load(*path));
    chat_ = *lm::ChatTemplate::Of(*tokenizer_);
    auto rows = data::ReadTrl(Golden("rows.jsonl"));
    ASSERT_TRUE(rows) << rows.error().Text();
    rows_ = *rows;
    model_ = std::move(*lm::CausalLm::Load("smollm2", {.type = at::kFloat}));
    settings_.model = "smollm2";
    settings_.out = out_.path().string();
    settings_.learning_rate = 5e-4;
    settings_.lr_scheduler_type = Schedule::kCosine;
    settings_.warmup_steps = 2;
    settings_.weight_decay = 0.01;
    settings_.logging_steps = 1;
    settings_.save_steps = 0;
    settings_.max_steps = 12;
    settings_.per_device_train_batch_size = 2;
    settings_.shuffle = false;
    settings_.lora = {.r = 8, .alpha = 16};
    auto trunk = Trunk::Create(*model_, settings_.lora, parameters_);
    ASSERT_TRUE(trunk) << trunk.error().Text();
    trunk_ = std::move(*trunk);
    SetInitialAdapter(parameters_);
  }

  // Trains, and compares every step's figures with the golden log.
  void Compare(Objective& objective, const json::array& log,
               const std::map<std::string, double>& tolerances) {
    Surroundings world{.emit = [](const json::object&) {}, .seconds = [] { return 0.0; }};
    auto result = RunLoop(settings_, {}, objective, parameters_, world);
    ASSERT_TRUE(result) << result.error().Text();
    auto mine = ReadJsonl(out_.path() / "metrics.jsonl");
    ASSERT_TRUE(mine);
    ASSERT_EQ(mine->size(), log.size());
    for (size_t step = 0; step < log.size(); ++step)
      for (const auto& [name, tolerance] : tolerances)
        EXPECT_NEAR((*mine)[step].at(name).to_number<double>(),
                    log[step].at(name).to_number<double>(), tolerance)
            << name << " at step " << step + 1;
  }

  TempFolder out_;
  std::unique_ptr<lm::Tokenizer> tokenizer_;
  std::optional<lm::ChatTemplate> chat_;
  std::vector<data::TrlRow> rows_;
  std::unique_ptr<lm::CausalLm> model_;
  TrainSettings settings_;
  Parameters parameters_;
  std::unique_ptr<Trunk> trunk_;
};

TEST_F(TrlGolden, SftRowsAndCurve) {
  const json::value golden = *ReadJson(Golden("sft.json"));
  auto rows = RowEncoder(*tokenizer_, &*chat_, 1024).Rows(rows_);
  ASSERT_TRUE(rows) << rows.error().Text();
  const json::array& expected = golden.at("rows").as_array();
  ASSERT_EQ(rows->rows.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    std::vector<int64_t> ids, labels;
    for (const auto& v : expected[i].at("input_ids").as_array()) ids.push_back(v.as_int64());
    for (const auto& v : expected[i].at("labels").as_array()) labels.push_back(v.as_int64());
    const TokenRow& row = rows->rows[i];
    EXPECT_EQ(std::vector<int64_t>(row.ids.begin(), row.ids.end()), ids) << "row " << i;
    for (size_t t = 0; t < labels.size(); ++t)
      EXPECT_EQ(row.learn[t] != 0, labels[t] >= 0) << i << " " << t;
  }
  settings_.gradient_accumulation_steps = 2;
  SftObjective objective(settings_, std::move(rows->rows), *model_, *trunk_);
  Compare(objective, golden.at("log").as_array(),
          {{"loss", 1e-3},
           {"grad_norm", 1e-2},
           {"learning_rate", 1e-9},
           {"num_tokens", 0},
           {"epoch", 1e-9}});
}

TEST_F(TrlGolden, DpoCurve) {
  const json::value golden = *ReadJson(Golden("dpo.json"));
  auto pairs = RowEncoder(*tokenizer_, &*chat_, 1024).Pairs(rows_);
  ASSERT_TRUE(pairs) << pairs.error().Text();
  DpoObjective objective(settings_, std::move(pairs->pairs), *model_, *trunk_, false);
  Compare(objective, golden.at("log").as_array(),
          {{"loss", 1e-3},
           {"grad_norm", 1e-2},
           {"learning_rate", 1e-9},
           {"num_tokens", 0},
           {"entropy", 2e-3},
           {"mean_token_accuracy", 1e-6},
           {"rewards/chosen", 2e-3},
           {"rewards/rejected", 2e-3},
           {"rewards/margins", 2e-3},
           {"rewards/accuracies", 1e-6},
           {"logps/chosen", 1e-2},
           {"logps/rejected", 1e-2},
           {"logits/chosen", 2e-3},
           {"logits/rejected", 2e-3}});
}

}  // namespace
}  // namespace plumb::train
