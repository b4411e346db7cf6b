#include "model/train/settings.h"

#include <gtest/gtest.h>

namespace plumb::train {
namespace {

std::string ErrorOf(std::string_view config, Job job = Job::kSft) {
  auto settings = SettingsFromJson(job, ParseJson(config)->as_object());
  return settings ? "no error" : settings.error().message;
}

// transformers.get_scheduler with 2 warm-up steps of 8 (tests/goldens/train/make_small_goldens.py).
TEST(Schedule, AgreesWithTransformers) {
  const double linear[] = {0, 0.5, 1, 0.83333333, 0.66666667, 0.5, 0.33333333, 0.16666667};
  const double cosine[] = {0, 0.5, 1, 0.9330127, 0.75, 0.5, 0.25, 0.0669873};
  for (int i = 0; i < 8; ++i) {
    EXPECT_NEAR(ScheduleFactor(Schedule::kLinear, i / 8.0, 0.25), linear[i], 1e-7);
    EXPECT_NEAR(ScheduleFactor(Schedule::kCosine, i / 8.0, 0.25), cosine[i], 1e-7);
    EXPECT_NEAR(ScheduleFactor(Schedule::kConstantWithWarmup, i / 8.0, 0.25), i < 2 ? i / 2.0 : 1,
                1e-7);
    EXPECT_EQ(ScheduleFactor(Schedule::kConstant, i / 8.0, 0.25), 1);
  }
}

TEST(Settings, DefaultsAreTrls) {
  auto s = SettingsFromJson(Job::kSft, {{"model", "m"}, {"data", "d.jsonl"}, {"out", "o"}});
  ASSERT_TRUE(s);
  EXPECT_EQ(s->learning_rate, 2e-5);
  EXPECT_EQ(s->max_length, 1024);
  auto d = SettingsFromJson(Job::kDpo, {{"model", "m"}, {"data", "d.jsonl"}, {"out", "o"}});
  ASSERT_TRUE(d);
  EXPECT_EQ(d->learning_rate, 1e-6);
  EXPECT_EQ(d->beta, 0.1);
}

TEST(Settings, EveryMistakeIsNamed) {
  const std::string files = R"("model":"m","data":["d"],"out":"o")";
  EXPECT_EQ(ErrorOf("{" + files + R"(,"learning_rat":1})"),
            "unknown key \"learning_rat\", did you mean 'learning_rate'?");
  EXPECT_EQ(ErrorOf("{" + files + R"(,"learning_rate":"x"})"),
            "\"learning_rate\" must be a number, 0 or more");
  EXPECT_EQ(ErrorOf("{" + files + R"(,"per_device_train_batch_size":0})"),
            "\"per_device_train_batch_size\" must be a whole number, 1 or more");
  EXPECT_EQ(ErrorOf("{" + files + R"(,"lr_scheduler_type":"sine"})"),
            "\"lr_scheduler_type\" must be linear, cosine, constant or constant_with_warmup");
  EXPECT_EQ(ErrorOf(R"({"model":"m","data":"d"})"), "\"out\" is missing: the folder to write");
  EXPECT_TRUE(ErrorOf("{" + files + R"(,"beta":0.1})").starts_with("unknown key \"beta\""));
  EXPECT_EQ(ErrorOf("{" + files + R"(,"beta":0.1})", Job::kDpo), "no error");
}

// Every key of every job says what it does and whose default it has.
TEST(Settings, EveryDefaultIsExplained) {
  for (const std::string& name : JobNames()) {
    const Job job = *JobFromName(name);
    const json::array rows = ExplainSettings(job);
    EXPECT_GT(rows.size(), 25u) << name;
    for (const auto& row : rows) {
      EXPECT_FALSE(row.at("about").as_string().empty()) << name << " " << ToJson(row);
      EXPECT_FALSE(row.at("from").as_string().empty()) << name << " " << ToJson(row);
    }
  }
}

// As TRL 1.16 has them.
TEST(Settings, DefaultsOfTheOtherJobsAreTrls) {
  const auto value = [](Job job, const char* key) {
    for (const auto& row : ExplainSettings(job))
      if (row.at("key") == key) return ToJson(row.at("default"));
    return std::string("none");
  };
  EXPECT_EQ(value(Job::kGrpo, "beta"), "0E0");
  EXPECT_EQ(value(Job::kGrpo, "loss_type"), "[\"dapo\"]");
  EXPECT_EQ(value(Job::kGrpo, "num_generations"), "8");
  EXPECT_EQ(value(Job::kRloo, "beta"), "5E-2");
  EXPECT_EQ(value(Job::kRloo, "num_generations"), "2");
  EXPECT_EQ(value(Job::kReward, "learning_rate"), "1E-4");
  EXPECT_EQ(value(Job::kCpo, "cpo_alpha"), "1E0");
}

TEST(Settings, AGenerationMustBeWholeGroups) {
  json::object config = {
      {"model", "m"}, {"data", "d"}, {"out", "o"}, {"rewards", "r"}, {"num_generations", 3}};
  auto settings = SettingsFromJson(Job::kGrpo, config);
  ASSERT_FALSE(settings);
  EXPECT_NE(settings.error().message.find("must be whole groups of num_generations 3"),
            std::string::npos)
      << settings.error().message;
  config["num_generations"] = 4;
  EXPECT_TRUE(SettingsFromJson(Job::kGrpo, config));
  config["loss_type"] = "dappo";
  const std::string said = SettingsFromJson(Job::kGrpo, config).error().message;
  EXPECT_NE(said.find("did you mean 'dapo'?"), std::string::npos) << said;
}

}  // namespace
}  // namespace plumb::train
