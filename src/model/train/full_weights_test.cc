// Training every weight: gradients against autograd, whole runs against TRL's
// (tests/goldens/train/make_full_goldens.py), resuming, and the folder that is left.
#include "model/train/full_weights.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/lm/export.h"
#include "model/train/dpo.h"
#include "model/train/head.h"
#include "model/train/settings_keys.h"
#include "model/train/targets_test.h"
#include "model/train/tiny_model_test.h"

namespace plumb::train {
namespace {

using TokenList = std::vector<int32_t>;

double AddFullGradient(TinyTrunk& tiny, const std::vector<TokenList>& sequences) {
  const TokenTrie batch(sequences);
  const Targets t = AllTargets(batch, sequences);
  tiny.parameters.ZeroGrad();
  const at::Tensor x = tiny.trunk->Forward(batch, {.keep = true});
  at::Tensor dx = at::zeros_like(x);
  const auto stats = Head(*tiny.model, 1, tiny.trunk->full()).Run(x, t, &dx);
  tiny.trunk->Backward(batch, dx);
  return Loss(t, stats);
}

class FullOfFamily : public ::testing::TestWithParam<const char*> {};

TEST_P(FullOfFamily, LossAndEveryGradientAgreeWithAutograd) {
  TinyTrunk tiny(GetParam(), TinyTrunk::Full{});
  const auto sequences = TinySequences();
  const double loss = AddFullGradient(tiny, sequences);
  std::map<std::string, at::Tensor> leaves;
  tiny.model->MapTensors([&](const std::string& name, const at::Tensor& t) {
    return leaves[name] = t.clone().requires_grad_(true);
  });
  at::Tensor reference = at::zeros({}, at::kDouble);
  for (size_t s = 0; s < sequences.size(); ++s) {
    std::vector<int64_t> ids(sequences[s].begin(), sequences[s].end());
    const int64_t n = static_cast<int64_t>(ids.size());
    const at::Tensor hidden = tiny.model->Hidden(
        at::from_blob(ids.data(), {n}, at::kLong).clone(), {n});  // the backward pass reads them
    const at::Tensor logp = at::log_softmax(tiny.model->Logits(hidden).to(at::kDouble), -1);
    for (int64_t i = 1; i < n; ++i)
      reference = reference - logp[i - 1][ids[i]] * (0.01f * static_cast<float>(1 + (s + i) % 5));
  }
  reference.backward();
  EXPECT_NEAR(loss, reference.item<double>(), 1e-4);
  ASSERT_EQ(tiny.parameters.count(), leaves.size());
  for (size_t i = 0; i < tiny.parameters.count(); ++i) {
    const at::Tensor& expected = leaves.at(tiny.parameters.name(i)).grad();
    ASSERT_TRUE(expected.defined()) << tiny.parameters.name(i);
    const double gap = (tiny.parameters.grad(i) - expected).abs().max().item<double>(),
                 size = expected.abs().max().item<double>();
    EXPECT_GT(size, 0) << tiny.parameters.name(i);
    EXPECT_LE(gap, 1e-4 * size + 1e-6) << tiny.parameters.name(i);
  }
}
INSTANTIATE_TEST_SUITE_P(Families, FullOfFamily, ::testing::Values("llama", "qwen2", "qwen3"));

TEST(FullWeights, InBfloat16TheGradientPointsTheSameWay) {
  for (const char* family : {"llama", "tiled", "qwen2"}) {  // tiled: packed products, where there is AMX
    TinyTrunk exact(family, TinyTrunk::Full{}), half(family, TinyTrunk::Full{}, at::kBFloat16);
    AddFullGradient(exact, TinySequences());
    AddFullGradient(half, TinySequences());
    for (size_t i = 0; i < exact.parameters.count(); ++i) {
      const at::Tensor a = exact.parameters.grad(i), b = half.parameters.grad(i);
      EXPECT_GT(((a * b).sum() / (a.norm() * b.norm() + 1e-12)).item<double>(), 0.98)
          << family << " " << exact.parameters.name(i);
    }
  }
}

TokenRow Taught(const TokenList& prompt, const TokenList& answer) {
  TokenRow row;
  row.ids = prompt;
  row.ids.insert(row.ids.end(), answer.begin(), answer.end());
  row.ids.push_back(1);
  row.learn.assign(prompt.size(), 0);
  row.learn.resize(row.ids.size(), 1);
  return row;
}

struct FullRun {
  TinyTrunk tiny{"llama", TinyTrunk::Full{}};
  TrainSettings settings;
  TempFolder out;
  std::atomic<bool> stop{false};

  explicit FullRun(Job job) : settings(DefaultsOf(job)) {
    settings.model = "tiny";
    settings.out = out.path().string();
    settings.learning_rate = 5e-3;
    settings.use_peft = false;
    settings.bf16 = false;
    settings.shuffle = false;
    settings.per_device_train_batch_size = 4;
    settings.max_steps = 4;
    settings.logging_steps = 1;
    settings.save_steps = 0;
  }
  static const json::object& Golden(const char* file) {
    static std::map<std::string, json::value> read;
    if (!read.contains(file))
      read[file] = ReadJson(fs::path(PLUMB_SOURCE_DIR) / "tests/goldens/train" / file).value();
    return read[file].as_object();
  }
  static TokenList Ids(const json::value& list) {
    TokenList out;
    for (const auto& v : list.as_array()) out.push_back(static_cast<int32_t>(v.as_int64()));
    return out;
  }
  static std::vector<TokenPair> Pairs() {
    std::vector<TokenPair> pairs;
    for (const auto& row : Golden("tiny.json").at("rows").as_array())
      pairs.push_back({Taught(Ids(row.at("prompt")), Ids(row.at("chosen"))),
                       Taught(Ids(row.at("prompt")), Ids(row.at("rejected"))), 0});
    return pairs;
  }
  static std::vector<TokenRow> Rows() {
    std::vector<TokenRow> rows;
    for (TokenPair& pair : Pairs()) rows.push_back(std::move(pair.chosen));
    return rows;
  }
  Result<LoopResult> Loop(Job job, Objective& objective, int64_t stop_at = -1) {
    return RunLoop(settings, SettingsThatMatter(job, settings), objective, tiny.parameters,
                   {.emit = [&](const json::object& e) {
                      if (e.at("event") == "progress" && e.at("step").to_number<int64_t>() == stop_at) stop = true;
                    },
                    .seconds = [] { return 0.0; },
                    .stop = &stop});
  }
  void Compare(Job job, Objective& objective, const std::string& name) {
    auto result = Loop(job, objective);
    ASSERT_TRUE(result) << name << ": " << result.error().Text();
    const json::value& golden = Golden("full.json").at(name);
    const auto mine = ReadJsonl(out.path() / "metrics.jsonl");
    ASSERT_TRUE(mine);
    ASSERT_EQ(mine->size(), golden.at("log").as_array().size()) << name;
    for (size_t step = 0; step < mine->size(); ++step)
      for (const auto& item : golden.at("log").as_array()[step].as_object()) {
        const double wanted = item.value().to_number<double>();
        EXPECT_NEAR((*mine)[step].at(item.key()).to_number<double>(), wanted,
                    2e-4 * std::max(1.0, std::abs(wanted)))
            << name << " " << item.key() << " at step " << step + 1;
      }
    for (size_t i = 0; i < tiny.parameters.count(); ++i) {
      const json::array& after = golden.at("weights").at(tiny.parameters.name(i)).as_array();
      const at::Tensor value = tiny.parameters.value(i);
      const double mine_now[] = {value.sum().item<double>(), value.norm().item<double>(),
                                 value.flatten()[7].item<double>()};
      for (size_t k = 0; k < 3; ++k)
        EXPECT_NEAR(mine_now[k], after[k].to_number<double>(),
                    5e-4 * std::max(1.0, std::abs(after[k].to_number<double>())) *
                        (k == 0 ? 4 : 1))
            << name << " " << tiny.parameters.name(i) << " " << k;
    }
  }
};

TEST(FullGoldens, SftIsTrls) {
  for (const char* name : {"sft", "sft decayed"}) {
    FullRun run(Job::kSft);
    if (std::string_view(name) != "sft") run.settings.weight_decay = 0.1;
    SftObjective objective(run.settings, FullRun::Rows(), *run.tiny.model, *run.tiny.trunk);
    run.Compare(Job::kSft, objective, name);
  }
}

TEST(FullGoldens, DpoIsTrls) {
  for (const char* loss : {"sigmoid", "ipo", "apo_zero", "mix"}) {
    FullRun run(Job::kDpo);
    run.settings.beta = 0.3;
    run.settings.loss_type = {loss};
    if (std::string_view(loss) == "mix") {
      run.settings.loss_type = {"sigmoid", "ipo", "sft"};
      run.settings.loss_weights = {0.7, 0.2, 0.5};
    }
    DpoObjective objective(run.settings, FullRun::Pairs(), *run.tiny.model, *run.tiny.trunk, false);
    run.Compare(Job::kDpo, objective, std::string("dpo ") + loss);
  }
}

TEST(FullGoldens, OrpoAndCpoAreTrls) {
  for (Job job : {Job::kOrpo, Job::kCpo}) {
    FullRun run(job);
    run.settings.beta = job == Job::kOrpo ? 0.3 : 2;
    if (job == Job::kCpo) {
      run.settings.loss_type = {"simpo"};
      run.settings.simpo_gamma = 0.7;
      run.settings.rpo_alpha = 0.5;
    }
    DpoObjective objective(run.settings, FullRun::Pairs(), *run.tiny.model, *run.tiny.trunk, false);
    run.Compare(job, objective, JobName(job));
  }
}

TEST(FullWeights, WhatABatchIsCutIntoChangesNothing) {
  FullRun whole(Job::kDpo), cut(Job::kDpo);
  cut.settings.micro_batch_tokens = 9;
  for (FullRun* run : {&whole, &cut}) {
    DpoObjective objective(run->settings, FullRun::Pairs(), *run->tiny.model, *run->tiny.trunk, false);
    ASSERT_TRUE(run->Loop(Job::kDpo, objective));
  }
  EXPECT_LT((whole.tiny.parameters.flat() - cut.tiny.parameters.flat()).abs().max().item<double>(), 1e-4);
}

TEST(FullWeights, AResumedRunIsTheUninterruptedOneToTheBit) {
  for (Job job : {Job::kSft, Job::kDpo}) {
    FullRun whole(job), first(job), rest(job);
    auto train = [&](FullRun& run, int64_t stop_at) {
      if (job == Job::kSft) {
        SftObjective objective(run.settings, FullRun::Rows(), *run.tiny.model, *run.tiny.trunk);
        return run.Loop(job, objective, stop_at);
      }
      DpoObjective objective(run.settings, FullRun::Pairs(), *run.tiny.model, *run.tiny.trunk, false);
      return run.Loop(job, objective, stop_at);
    };
    ASSERT_TRUE(train(whole, -1));
    const auto stopped = train(first, 2);
    ASSERT_TRUE(stopped && stopped->interrupted);
    rest.settings.resume_from_checkpoint = (first.out.path() / "checkpoint-2").string();
    const auto resumed = train(rest, -1);
    ASSERT_TRUE(resumed) << resumed.error().Text();
    EXPECT_EQ(resumed->steps, 4);
    EXPECT_TRUE(at::equal(whole.tiny.parameters.flat(), rest.tiny.parameters.flat())) << JobName(job);
    EXPECT_FALSE(at::equal(whole.tiny.parameters.flat(), first.tiny.parameters.flat()));
  }
}

TEST(FullWeights, InBfloat16TheWeightsThatAreTrainedStayFloat32) {
  TinyTrunk tiny("tiled", TinyTrunk::Full{}, at::kBFloat16);
  tiny.parameters.value(tiny.full->embedding()).add_(1e-4f);  // less than bfloat16 can hold beside 0.5
  tiny.parameters.value(tiny.full->Of("model.layers.0.mlp.down_proj.weight")).add_(1e-4f);
  tiny.trunk->Refresh();
  TinyTrunk before("tiled", TinyTrunk::Full{});
  const auto values = tiny.parameters.Values();
  for (const char* name : {"model.embed_tokens.weight", "model.layers.0.mlp.down_proj.weight"}) {
    const at::Tensor moved = values.at(name) - before.parameters.Values().at(name);
    EXPECT_NEAR(moved.mean().item<double>(), 1e-4, 1e-6) << name;
  }
}

TEST(FullSettings, WhatIsOfAdaptersIsRefused) {
  auto said = [](Job job, json::object more) {
    json::object config = {{"model", "m"}, {"data", "d"}, {"out", "o"}, {"use_peft", false}};
    for (const auto& item : more) config[item.key()] = item.value();
    const auto settings = SettingsFromJson(job, config);
    return settings ? std::string() : settings.error().message;
  };
  EXPECT_EQ(said(Job::kSft, {}), "");
  EXPECT_EQ(said(Job::kSft, {{"lora_r", 8}}), "\"lora_r\" is of adapters; with use_peft false there are none");
  EXPECT_EQ(said(Job::kDpo, {{"adapter_in", "a"}}), "\"adapter_in\" is of adapters; with use_peft false there are none");
  EXPECT_TRUE(said(Job::kSft, {{"preserve", "p"}}).starts_with("preserve and kl_weight hold a model to its base"));
  EXPECT_TRUE(said(Job::kDpo, {{"loss_type", "kto"}}).starts_with("the loss kto asks the reference anew"));
  EXPECT_TRUE(said(Job::kGrpo, {{"rewards", "r"}}).starts_with("unknown key \"use_peft\""));
}

}  // namespace
}  // namespace plumb::train
