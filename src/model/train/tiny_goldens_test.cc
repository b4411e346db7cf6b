// Every objective against TRL's trainer of that name, step by step, on a model small enough to be
// built from a formula (tests/goldens/train/make_tiny_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/train/dpo.h"
#include "model/train/kto.h"
#include "model/train/online.h"
#include "model/train/reward.h"
#include "model/train/settings_keys.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

using Ids = std::vector<int32_t>;

const json::object& TinyGolden() {
  static const json::object golden = [] {
    auto read = ReadJson(fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/train/tiny.json");
    EXPECT_TRUE(read) << (read ? "" : read.error().Text());
    return read ? read->as_object() : json::object{};
  }();
  return golden;
}

Ids IdsOf(const json::value& list) {
  Ids out;
  for (const auto& v : list.as_array()) out.push_back(static_cast<int32_t>(v.as_int64()));
  return out;
}

TokenRow Answer(const Ids& prompt, const Ids& answer) {
  TokenRow row;
  row.ids = prompt;
  row.learn.assign(prompt.size(), 0);
  row.ids.insert(row.ids.end(), answer.begin(), answer.end());
  row.ids.push_back(1);
  row.learn.resize(row.ids.size(), 1);
  return row;
}

std::vector<TokenPair> Pairs(bool margin = false) {
  std::vector<TokenPair> pairs;
  for (const auto& row : TinyGolden().at("rows").as_array()) {
    const Ids prompt = IdsOf(row.at("prompt"));
    pairs.push_back({Answer(prompt, IdsOf(row.at("chosen"))),
                     Answer(prompt, IdsOf(row.at("rejected"))),
                     margin ? row.at("margin").to_number<double>() : 0});
  }
  return pairs;
}

std::vector<TokenAnswer> Unpaired() {
  std::vector<TokenAnswer> answers;
  for (const auto& row : TinyGolden().at("rows").as_array()) {
    const bool good = answers.size() % 3 != 1;
    answers.push_back(
        {Answer(IdsOf(row.at("prompt")), IdsOf(row.at(good ? "chosen" : "rejected"))), good});
  }
  return answers;
}

// TRL was given an adapter to go on from, and so was each objective: the reference is the start.
struct TrlRun {
  TinyTrunk tiny;
  TrainSettings settings;
  TempFolder out;

  explicit TrlRun(Job job, const std::string& head = "", bool bias = false)
      : tiny("llama", {.r = 4, .alpha = 8}, at::kFloat, true, head, bias),
        settings(DefaultsOf(job)) {
    settings.model = "tiny";
    settings.out = out.path().string();
    settings.learning_rate = 5e-3;
    settings.lora = {.r = 4, .alpha = 8};
    settings.bf16 = false;
    settings.shuffle = false;
    settings.per_device_train_batch_size = 4;
    settings.max_steps = 4;
    settings.logging_steps = 1;
    settings.save_steps = 0;
  }

  // Trains, and compares every figure of every step that the golden log has.
  void Compare(Objective& objective, const json::value& log, const std::string& what) {
    Surroundings world{.emit = [](const json::object&) {}, .seconds = [] { return 0.0; }};
    auto result = RunLoop(settings, {}, objective, tiny.parameters, world);
    ASSERT_TRUE(result) << what << ": " << result.error().Text();
    auto mine = ReadJsonl(out.path() / "metrics.jsonl");
    ASSERT_TRUE(mine);
    ASSERT_EQ(mine->size(), log.as_array().size()) << what;
    for (size_t step = 0; step < mine->size(); ++step)
      for (const auto& item : log.as_array()[step].as_object()) {
        const json::value* found = (*mine)[step].if_contains(item.key());
        ASSERT_TRUE(found) << what << " lacks " << item.key();
        const double wanted = item.value().to_number<double>();
        EXPECT_NEAR(found->to_number<double>(), wanted, 2e-4 * std::max(1.0, std::abs(wanted)))
            << what << " " << item.key() << " at step " << step + 1;
        ++compared;
      }
  }
  static inline int compared = 0;
};

TEST(TinyGoldens, EveryDpoLoss) {
  for (const auto& item : TinyGolden().at("dpo").as_object()) {
    TrlRun run(Job::kDpo);
    const std::string name(item.key());
    run.settings.beta = 0.3;
    run.settings.loss_type = {name};
    if (name == "robust" || name == "exo_pair") run.settings.label_smoothing = 0.1;
    if (name == "mix") {
      run.settings.loss_type = {"sigmoid", "ipo", "sft"};
      run.settings.loss_weights = {0.7, 0.2, 0.5};
    }
    DpoObjective objective(run.settings, Pairs(), *run.tiny.model, *run.tiny.trunk, true);
    run.Compare(objective, item.value(), "dpo " + name);
  }
}

TEST(TinyGoldens, Orpo) {
  TrlRun run(Job::kOrpo);
  run.settings.beta = 0.3;
  DpoObjective objective(run.settings, Pairs(), *run.tiny.model, *run.tiny.trunk, true);
  run.Compare(objective, TinyGolden().at("orpo"), "orpo");
}

TEST(TinyGoldens, CpoAndSimpo) {
  for (const auto& item : TinyGolden().at("cpo").as_object()) {
    TrlRun run(Job::kCpo);
    run.settings.beta = 2;
    run.settings.simpo_gamma = 0.7;
    run.settings.rpo_alpha = 0.5;
    run.settings.loss_type = {std::string(item.key())};
    DpoObjective objective(run.settings, Pairs(), *run.tiny.model, *run.tiny.trunk, true);
    run.Compare(objective, item.value(), "cpo " + run.settings.loss_type[0]);
  }
}

TEST(TinyGoldens, Kto) {
  for (const char* loss : {"kto", "apo_zero_unpaired"}) {
    TrlRun run(Job::kKto);
    run.settings.beta = 0.3;
    run.settings.loss_type = {loss};
    run.settings.desirable_weight = 1.2;
    run.settings.undesirable_weight = 0.8;
    KtoObjective objective(run.settings, Unpaired(), *run.tiny.model, *run.tiny.trunk, true);
    run.Compare(objective, TinyGolden().at(loss), loss);
  }
}

TEST(TinyGoldens, RewardModel) {
  for (const auto& item : TinyGolden().at("reward").as_object()) {
    TrlRun run(Job::kReward, kScoreName);
    const std::string name(item.key());
    Random random(13);
    run.tiny.parameters.value(run.tiny.head->weight()).copy_(RandomTensor({1, 32}, random, 0.1));
    if (name == "centred") run.settings.center_rewards_coefficient = 0.05;
    RewardObjective objective(run.settings, Pairs(name != "plain"), *run.tiny.model,
                              *run.tiny.trunk, *run.tiny.head, run.tiny.parameters, 0);
    run.Compare(objective, item.value(), "reward " + name);
  }
}

// Hands out the golden's completions in their order.
class Given : public Roller {
 public:
  explicit Given(const json::value& completions) : completions_(completions.as_array()) {}
  Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts,
                                       const std::vector<uint64_t>&) override {
    if (next_ >= completions_.size()) return Fail(Code::kInternal, "asked once too often");
    std::vector<Completion> out;
    for (const auto& ids : completions_[next_++].as_array()) {
      Completion c;
      c.ids = IdsOf(ids);
      c.ended = c.ids.back() == 1;
      out.push_back(std::move(c));
    }
    EXPECT_EQ(out.size(), prompts.size());
    return out;
  }

 private:
  const json::array& completions_;
  size_t next_ = 0;
};

class TinyTerm : public RewardTerm {
 public:
  explicit TinyTerm(double (*one)(const Ids&)) : one_(one) {}
  Result<std::vector<double>> Score(const std::vector<Sampled>& sampled) override {
    std::vector<double> out;
    for (const Sampled& s : sampled) out.push_back(one_(s.ids));
    return out;
  }

 private:
  double (*one_)(const Ids&);
};

Rewarder LowAndEnds() {
  std::vector<NamedTerm> terms;
  terms.push_back({"low", 1.0, std::make_unique<TinyTerm>([](const Ids& ids) {
                     return static_cast<double>(
                                std::ranges::count_if(ids, [](int i) { return i < 20; })) /
                            static_cast<double>(ids.size());
                   })});
  terms.push_back({"ends", 0.5, std::make_unique<TinyTerm>([](const Ids& ids) {
                     return ids.back() == 1 ? 1.0 : 0.0;
                   })});
  return Rewarder(std::move(terms));
}

void CompareOnline(Job job, const json::value& golden) {
  const Rewarder rewarder = LowAndEnds();
  for (const auto& one : golden.as_array()) {
    TrlRun run(job);
    const std::string what = std::string(JobName(job)) + " " + ToJson(one.at("settings"));
    const SettingKeys keys = KeysOf(job);
    for (const auto& item : one.at("settings").as_object())
      ASSERT_TRUE(keys.at(std::string(item.key())).read(item.value(), run.settings)) << what;
    run.settings.per_device_train_batch_size = 8;
    run.settings.num_generations = 4;
    run.settings.max_completion_length = 8;
    std::vector<OnlinePrompt> prompts;
    for (const auto& row : TinyGolden().at("rows").as_array())
      prompts.push_back({IdsOf(row.at("prompt"))});
    Given given(one.at("completions"));
    OnlineObjective objective(job, run.settings, prompts,
                              {.model = *run.tiny.model,
                               .trunk = *run.tiny.trunk,
                               .parameters = run.tiny.parameters,
                               .roller = given,
                               .rewarder = rewarder,
                               .text = [](const Ids&) { return std::string(); }},
                              true);
    run.Compare(objective, one.at("log"), what);
  }
}

TEST(TinyGoldens, Grpo) { CompareOnline(Job::kGrpo, TinyGolden().at("grpo")); }
TEST(TinyGoldens, Rloo) { CompareOnline(Job::kRloo, TinyGolden().at("rloo")); }

}  // namespace
}  // namespace plumb::train
