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

}  // namespace
}  // namespace plumb::train
