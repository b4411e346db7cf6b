#include "runtime/guard/drift.h"

#include <algorithm>
#include <cmath>

namespace plumb::guard {
namespace {

// Each height is watched from two sides, and its interval has two ends.
constexpr double kSides = 2 * kDriftQuantiles.size();
const double kAlarmAt = std::log(kSides / (kDriftError / 2));

// Fewer texts above (or below) a height say too little of how many there are.
constexpr size_t kFewestBeyond = 5;

}  // namespace

std::vector<DriftHeight> DriftHeights(Cases texts) {
  std::vector<stats::WeightedScore>& drawn = texts.drawn;
  std::sort(drawn.begin(), drawn.end(), [](const auto& a, const auto& b) { return a.score < b.score; });
  double total = 0;
  for (const stats::WeightedScore& one : drawn) total += one.weight;
  const double confidence = 1 - kDriftError / 2 / kSides;
  std::vector<DriftHeight> out;
  for (const double quantile : kDriftQuantiles) {
    double below = 0;
    size_t at = 0;
    while (at < drawn.size() && below < quantile * total) below += drawn[at++].weight;
    if (drawn.size() - at < kFewestBeyond) continue;
    const double height = drawn[at].score;
    // Ties at the height are above it.
    while (at > 0 && drawn[at - 1].score == height) --at;
    if (at < kFewestBeyond || (!out.empty() && out.back().score == height)) continue;
    out.push_back({height, 1 - RateUpperBound(texts, height, false, confidence), RateUpperBound(texts, height, true, confidence)});
  }
  return out;
}

DriftWatch::DriftWatch(const GuardRecord& record) {
  for (const auto& [name, stack] : record.stacks)
    for (const auto& [direction, calibration] : stack.directions) {
      if (calibration.heights.empty()) continue;
      Watched& watched = watched_[{name, direction}];
      for (const DriftHeight& height : calibration.heights)
        watched.heights.push_back({height, stats::RateWatch(std::min(0.999, height.high * kDriftTolerance), stats::Side::kGreater),
                                   stats::RateWatch(std::max(1e-6, height.low / kDriftTolerance), stats::Side::kLess)});
    }
}

bool DriftWatch::Add(Direction direction, const Verdict& verdict) {
  if (verdict.failed) return false;
  return Add(direction, verdict.detectors.contains("encoder") ? kEncoderStack : kLinearStack, verdict.unsafe);
}

bool DriftWatch::Add(Direction direction, std::string_view stack, double unsafe) {
  const auto found = watched_.find({std::string(stack), direction});
  if (found == watched_.end()) return false;
  ++found->second.texts;
  bool raised = false;
  for (Height& height : found->second.heights) {
    const bool hit = unsafe >= height.is.score;
    height.hits += hit;
    height.more.Add(hit);
    height.less.Add(hit);
    const double up = height.more.LogValue(), down = height.less.LogValue();
    if (std::max(up, down) <= height.most) continue;
    raised |= height.most < kAlarmAt && std::max(up, down) >= kAlarmAt;
    height.most = std::max(up, down);
    height.up = up > down;
  }
  return raised;
}

std::vector<DriftWatch::State> DriftWatch::States() const {
  std::vector<State> out;
  for (const auto& [key, watched] : watched_) {
    State state{key.first, std::string(DirectionName(key.second)), watched.texts, 0, kAlarmAt / std::log(10.0), ""};
    const auto most = std::max_element(watched.heights.begin(), watched.heights.end(), [](const Height& a, const Height& b) { return a.most < b.most; });
    state.evidence = most->most / std::log(10.0);
    if (most->most >= kAlarmAt)
      state.says = fmt::format("{} of {} texts ({:.2f} %) score {:.4f} or more, {} than the {:.2f} to {:.2f} % of the calibration's", most->hits, watched.texts,
                               100.0 * static_cast<double>(most->hits) / static_cast<double>(watched.texts), most->is.score, most->up ? "more" : "fewer", 100 * most->is.low, 100 * most->is.high);
    out.push_back(std::move(state));
  }
  return out;
}

std::vector<std::string> DriftWatch::Alarms() const {
  std::vector<std::string> out;
  for (const State& state : States())
    if (!state.says.empty()) out.push_back(fmt::format("{} ({} stack): {}", state.direction, state.stack, state.says));
  return out;
}

}  // namespace plumb::guard
