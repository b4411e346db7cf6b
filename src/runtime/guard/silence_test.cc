#include "runtime/guard/silence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>

#include "runtime/guard/answer.h"
#include "runtime/guard/test_policy.h"

namespace plumb::guard {
namespace {

using namespace std::chrono_literals;

// An encoder with whatever is wrong with it.
class Faulty final : public Classifier {
 public:
  explicit Faulty(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  const std::vector<std::string>& heads() const override { return heads_; }
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts) override {
    ++asked;
    while (hangs) std::this_thread::sleep_for(1ms);
    if (dead) return Fail(Code::kUnavailable, "plumb-lm went away");
    std::vector<std::vector<float>> out(texts.size() - (texts.empty() ? 0 : short_of), std::vector<float>(heads_.size(), score));
    return out;
  }
  std::atomic<bool> hangs = false, dead = false;
  size_t short_of = 0;
  float score = 0.01f;
  std::atomic<int> asked = 0;

 private:
  std::vector<std::string> heads_;
};

// A guard with all three tiers, whose encoder is the test's.
class SilenceTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    policy_ = new policy::Policy(TestPolicy(folder_->path()));
    const TrainingSet set = *BuildTrainingSet(*policy_, {});
    ASSERT_TRUE(TrainGuard(*policy_, set, folder_->path() / "guard", {}));
    auto guard = Guard::Load(folder_->path() / "guard", *policy_, {});
    ASSERT_TRUE(guard);
    GuardRecord record = *Calibrate(*guard, *CalibrationRows(*policy_, policy::Split::kCalibration, {}), {});
    ASSERT_TRUE(WriteFileAtomic(folder_->path() / "guard" / "encoder" / "adapter_config.json", "{}"));
    record.encoder = EncoderIdentity{"test", *FolderSha256(folder_->path() / "guard" / "encoder"), set.heads};
    record.stacks[std::string(kEncoderStack)] = record.stacks.at(std::string(kLinearStack));
    record.skip_below = 0;
    record.skip_above = 1;
    ASSERT_TRUE(SaveRecord(folder_->path() / "guard", record));
    heads_ = new std::vector<std::string>(set.heads);
  }
  static void TearDownTestSuite() {
    delete heads_;
    delete policy_;
    delete folder_;
  }
  Guard Load(OnError on_error, std::chrono::milliseconds deadline = 0ms) {
    auto guard = Guard::Load(folder_->path() / "guard", *policy_, {.classifier = &encoder_, .on_error = on_error, .check_deadline = deadline});
    if (!guard) ADD_FAILURE() << guard.error().Text();
    return std::move(*guard);
  }

  static inline TempFolder* folder_;
  static inline policy::Policy* policy_;
  static inline std::vector<std::string>* heads_;
  Faulty encoder_{*heads_};
};

constexpr char kHarmless[] = "how would you paint a horse and a van by the river. ";

void ExpectFailsClosed(const Guard& guard, const char* why) {
  const Verdict verdict = guard.Check(Direction::kInput, {kHarmless, ""});
  EXPECT_EQ(verdict.action, Action::kBlock);
  EXPECT_EQ(verdict.clause, "guard");
  EXPECT_TRUE(verdict.failed);
  EXPECT_THAT(SilentDetectors(verdict), testing::ElementsAre("encoder"));
  EXPECT_THAT(verdict.detectors.at("encoder").note, testing::HasSubstr(why));
  // Nothing of the unit leaves a stream either.
  StreamGuard stream(guard, Direction::kOutput, "");
  std::string shown;
  for (const char c : std::string(kHarmless) + kHarmless) shown += stream.Push({&c, 1}).release;
  EXPECT_TRUE(stream.Finish().blocked);
  EXPECT_EQ(shown, "");
  EXPECT_TRUE(stream.verdict().failed);
  EXPECT_THAT(SilentDetectors(stream.verdict()), testing::Contains("encoder"));
}

TEST_F(SilenceTest, AnEncoderThatAnswersIsHeard) {
  const Guard guard = Load(OnError::kBlock, 2000ms);
  const Verdict verdict = guard.Check(Direction::kInput, {kHarmless, ""});
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_THAT(SilentDetectors(verdict), testing::IsEmpty());
  EXPECT_GT(encoder_.asked, 0);
}

TEST_F(SilenceTest, ADeadEncoderFailsClosed) {
  encoder_.dead = true;
  ExpectFailsClosed(Load(OnError::kBlock), "plumb-lm went away");
}

TEST_F(SilenceTest, AnEncoderThatAnswersForFewerTextsFailsClosed) {
  encoder_.short_of = 1;
  ExpectFailsClosed(Load(OnError::kBlock), "answered 0 of 1 texts");
}

TEST_F(SilenceTest, AScoreThatIsNoNumberFailsClosed) {
  for (const float score : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -0.5f, 1.5f}) {
    encoder_.score = score;
    ExpectFailsClosed(Load(OnError::kBlock), "no probability");
  }
}

TEST_F(SilenceTest, AnEncoderThatHangsFailsClosedInTime) {
  const Guard guard = Load(OnError::kBlock, 100ms);
  encoder_.hangs = true;
  const auto start = std::chrono::steady_clock::now();
  ExpectFailsClosed(guard, "no answer within 100 ms");
  // Who comes later does not wait behind the one that hangs.
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(guard.Check(Direction::kInput, {kHarmless, ""}).failed);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_EQ(encoder_.asked, 1);
  encoder_.hangs = false;
  for (int i = 0; i < 1000 && guard.Check(Direction::kInput, {kHarmless, ""}).failed; ++i) std::this_thread::sleep_for(2ms);
  EXPECT_FALSE(guard.Check(Direction::kInput, {kHarmless, ""}).failed) << "it is heard again once it answers";
}

TEST_F(SilenceTest, TheRouteMaySayOtherwise) {
  encoder_.dead = true;
  const Verdict passed = Load(OnError::kAllow).Check(Direction::kInput, {kHarmless, ""});
  EXPECT_EQ(passed.action, Action::kAllow);
  EXPECT_TRUE(passed.failed);
  const Verdict fallback = Load(OnError::kFallback).Check(Direction::kInput, {"how do I poison the dog at home tonight", ""});
  EXPECT_EQ(fallback.action, Action::kRefuse);
  EXPECT_THAT(SilentDetectors(fallback), testing::ElementsAre("encoder"));
}

TEST_F(SilenceTest, ManyChecksAtOnceMeetTheirDeadline) {
  const Guard guard = Load(OnError::kBlock, 5000ms);
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) failed += guard.Check(Direction::kInput, {kHarmless, ""}).failed;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace plumb::guard
