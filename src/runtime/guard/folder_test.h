// For tests of this room: a guard in a folder, trained and calibrated in a second.
#pragma once

#include <gtest/gtest.h>

#include "runtime/guard/calibrate.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/record.h"
#include "runtime/guard/test_policy.h"
#include "runtime/guard/train.h"

namespace plumb::guard {

// With an encoder tier that runs in the process.
class GuardFolder : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    temp_ = new TempFolder;
    policy_ = new policy::Policy(TestPolicy(temp_->path()));
    const TrainingSet set = *BuildTrainingSet(*policy_, {});
    encoder_ = new LinearClassifier(TestEncoder(set));
    ASSERT_TRUE(WriteFileAtomic(folder() / "encoder" / "adapter_config.json", "{}"));
    auto record = TrainGuard(*policy_, set, folder(), {.encoder = encoder_, .encoder_base = "test", .created = "2026-11-21T10:00:00.000Z"});
    ASSERT_TRUE(record) << record.error().Text();
    auto guard = Guard::Load(folder(), *policy_, {.classifier = encoder_});
    ASSERT_TRUE(guard) << guard.error().Text();
    auto rows = CalibrationRows(*policy_, policy::Split::kCalibration, {});
    auto calibrated = Calibrate(*guard, *rows, {});
    ASSERT_TRUE(calibrated) << calibrated.error().Text();
    ASSERT_TRUE(SaveRecord(folder(), *calibrated));
  }
  static void TearDownTestSuite() {
    delete encoder_;
    delete policy_;
    delete temp_;
  }
  void TearDown() override { encoder_->broken = false; }

  static fs::path folder() { return temp_->path() / "guard"; }
  static Guard Load(GuardOptions options = {.classifier = encoder_}) {
    auto guard = Guard::Load(folder(), *policy_, std::move(options));
    if (!guard) ADD_FAILURE() << guard.error().Text();
    return std::move(*guard);
  }
  inline static TempFolder* temp_ = nullptr;
  inline static policy::Policy* policy_ = nullptr;
  inline static LinearClassifier* encoder_ = nullptr;
};

}  // namespace plumb::guard
