#include "runtime/guard/drift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace plumb::guard {
namespace {

GuardRecord RecordWith(std::vector<DriftHeight> heights) {
  GuardRecord record;
  record.stacks[std::string(kLinearStack)].directions[Direction::kInput].heights = std::move(heights);
  return record;
}

struct Scores01 {
  std::mt19937_64 random;
  std::normal_distribution<double> normal{-3, 1.5};
  double Next(double moved = 0) { return 1 / (1 + std::exp(-(normal(random) + moved))); }
  Cases Many(size_t n) {
    Cases out;
    for (size_t i = 0; i < n; ++i) out.drawn.push_back({Next(), 1});
    return out;
  }
};

// When the watch first gave an alarm, of `texts` drawn `moved` log-odds away from the calibration texts; 0: never.
size_t FirstAlarm(Scores01& scores, size_t calibration, size_t texts, double moved) {
  DriftWatch watch(RecordWith(DriftHeights(scores.Many(calibration))));
  for (size_t t = 1; t <= texts; ++t) {
    watch.Add(Direction::kInput, kLinearStack, scores.Next(moved));
    if (t % 20 == 0 && !watch.Alarms().empty()) return t;
  }
  return 0;
}

// The false alarms, by simulation: 300 guards, each calibrated anew, each looked at 150 times over 3,000 texts like the
// calibration's. At most kDriftError of them may ever give an alarm.
TEST(Drift, RarelyAlarmsWithoutDrift) {
  Scores01 scores{std::mt19937_64(5)};
  int alarms = 0;
  for (int guard = 0; guard < 300; ++guard) alarms += FirstAlarm(scores, 600, 3000, 0) > 0;
  EXPECT_LE(alarms, 300 * kDriftError + 3 * std::sqrt(300 * kDriftError));
}

TEST(Drift, IsFoundBothWays) {
  Scores01 scores{std::mt19937_64(6)};
  for (const double moved : {1.0, -1.0}) {
    std::vector<size_t> when;
    for (int guard = 0; guard < 20; ++guard) when.push_back(FirstAlarm(scores, 600, 3000, moved));
    std::sort(when.begin(), when.end());
    EXPECT_GT(when.front(), 0u) << "every one is found";
    EXPECT_LT(when[10], 600u) << moved;
  }
}

TEST(Drift, SaysWhatHasChanged) {
  Scores01 scores{std::mt19937_64(7)};
  DriftWatch watch(RecordWith(DriftHeights(scores.Many(1000))));
  int raised = 0;
  for (int t = 0; t < 500; ++t) raised += watch.Add(Direction::kInput, kLinearStack, 0.9);
  EXPECT_EQ(raised, 3) << "once for each height";
  watch.Add(Direction::kOutput, kLinearStack, 0.9);  // of which nothing was noted
  ASSERT_EQ(watch.States().size(), 1u);
  EXPECT_EQ(watch.States()[0].texts, 500u);
  EXPECT_GT(watch.States()[0].evidence, watch.States()[0].alarm_at);
  ASSERT_EQ(watch.Alarms().size(), 1u);
  EXPECT_NE(watch.Alarms()[0].find("input (linear stack): 500 of 500 texts (100.00 %)"), std::string::npos) << watch.Alarms()[0];
  EXPECT_TRUE(DriftHeights(scores.Many(9)).empty()) << "too few to say anything";
}

// Traffic of which what scores high was reviewed ten times as often: weighted, the heights are the traffic's.
TEST(Drift, HeightsOfReviewedTrafficAreTheTraffics) {
  Scores01 scores{std::mt19937_64(8)};
  Cases reviewed{{}, 10};
  for (int i = 0; i < 20000; ++i) {
    const double score = scores.Next(), probability = score > 0.1 ? 1.0 : 0.1;
    if (std::uniform_real_distribution<double>()(scores.random) >= probability) continue;
    reviewed.drawn.push_back({score, 1 / probability});
  }
  const std::vector<DriftHeight> heights = DriftHeights(reviewed);
  ASSERT_EQ(heights.size(), 3u);
  EXPECT_NEAR(heights[0].score, 1 / (1 + std::exp(3.0)), 0.01);
  for (size_t h = 0; h < 3; ++h) {
    EXPECT_LE(heights[h].low, 1 - kDriftQuantiles[h]);
    EXPECT_GE(heights[h].high, 1 - kDriftQuantiles[h]);
  }
}

}  // namespace
}  // namespace plumb::guard
