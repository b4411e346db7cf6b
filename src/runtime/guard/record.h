// guard.json: what a guard folder says of itself. The file is described key by key in docs/guard.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "runtime/guard/guard.h"
#include "runtime/guard/windows.h"

namespace plumb::guard {

// log-odds = bias + Σ weight · log-odds of that detector's head. `own` is the head of the category at hand, `any` the
// head "unsafe"; for the fused "unsafe" score `own` is the largest category head. Of a group of directions both are the
// group's heads; where it has none for categories, `own` is the plain head "unsafe".
struct StackWeights {
  double bias = 0;
  double linear_own = 1, linear_any = 0;
  double encoder_own = 0, encoder_any = 0;
  double refusal = 0;  // of answers: the log-odds that they refuse; below 0, for what declines does no harm
};

// One clause in one direction. Without calibration data the fields of the guarantee are zero and n_missing says what
// it takes.
struct ClauseThreshold {
  double threshold = 0.5;    // on the score, 0..1
  bool calibrated = false;   // both the catch and the joint false-alarm budget are proved
  double catch_rate = 0, confidence = 0;  // the policy's target
  size_t positives = 0, missed = 0;
  double catch_lower_bound = 0;
  size_t positives_missing = 0;
  size_t look_alikes = 0, look_alikes_alarmed = 0;  // benign texts that resemble violations; no part of the budget
  std::string reason;        // why not, where it is not calibrated
};

// How many of the calibration texts that stand for traffic score at least `score` ("unsafe", 0..1), as an interval (drift.h).
struct DriftHeight {
  double score = 0, low = 0, high = 1;
};

// What holds for all clauses of a direction together.
struct DirectionCalibration {
  double budget = 0, confidence = 0;
  size_t ordinary = 0, alarms = 0;
  double alarm_upper_bound = 1;
  size_t ordinary_missing = 0;
  bool guaranteed = false;
  // The catches of the clauses are proved together: so many could be, each at 1 − (1 − its confidence)/claims. Not joint: one
  // by one, as guards were calibrated until 2026-11.
  bool joint = false;
  size_t claims = 0;
  // Of reviewed traffic: the least probability with which an exchange was drawn; 0: the policy's texts.
  double least_probability = 0;
  std::vector<DriftHeight> heights;
  std::map<std::string, ClauseThreshold> clauses;  // by category id, and "unsafe"
};

// A way to combine the tiers: "linear" (tiers 0–1) or "encoder" (tiers 0–2), each with thresholds of its own, so that a
// guard whose encoder is away still judges at a calibrated point.
struct Joining {
  StackWeights unsafe, category;
  std::map<std::string, double> offsets;  // how clauses share the budget: log-odds per clause, from the training split
};
struct Stack : Joining {
  std::map<std::string, Joining, std::less<>> groups;  // of directions with heads of their own: "output", "document"
  std::map<Direction, DirectionCalibration> directions;
  // What a direction is scored with.
  const Joining& For(Direction direction) const;
};
inline constexpr std::string_view kLinearStack = "linear", kEncoderStack = "encoder";

struct EncoderIdentity {
  std::string base;    // the model the difference belongs to, e.g. "bge-small"
  std::string sha256;  // of the folder: FolderSha256
  std::vector<std::string> heads;
};

// Tier 3 (aligned.h): a model that was aligned with the policy, as what it leans to tells of a request.
struct AlignedIdentity {
  std::string base;     // the model the adapter in aligned/ belongs to, e.g. "smollm2"
  std::string sha256;   // of the folder: FolderSha256
  std::string opening;  // how it was taught to refuse: "I'm sorry,"
  double weight = 0;    // of ln p(opening), added to the log-odds of "unsafe"
  double threshold = 1;  // of the sum's probability, 0..1; requests below it by "unsafe" alone are not asked about
};

struct GuardRecord {
  std::string version = "1";
  std::string created;     // RFC 3339
  std::string calibrated;  // RFC 3339: when the thresholds were set; empty where that was not recorded
  std::string calibrated_with;  // DetectorHash when the thresholds were set; empty where that was not recorded
  std::string policy_id, policy_version, policy_hash;
  std::string linear_sha256;  // empty where there is no linear tier
  std::optional<EncoderIdentity> encoder;
  std::optional<AlignedIdentity> aligned;
  size_t window_bytes = kWindowBytes, window_overlap = kWindowOverlap;
  // The encoder is asked only where the linear stack's "unsafe" lies in [skip_below, skip_above].
  double skip_below = 0, skip_above = 1;
  std::map<std::string, Stack, std::less<>> stacks;

  // The calibration in force, or nullptr.
  const DirectionCalibration* Calibration(std::string_view stack, Direction direction) const;
};

// SHA-256 of everything in the record that scores depend on.
std::string DetectorHash(const GuardRecord& record);

json::object RecordJson(const GuardRecord& record);
Result<GuardRecord> ParseRecord(const json::object& object, std::string_view where);
Result<GuardRecord> LoadRecord(const fs::path& folder);               // folder/guard.json
Status SaveRecord(const fs::path& folder, const GuardRecord& record);

// SHA-256 over "NAME NUL SHA256-IN-HEX LF" of every file in the folder, by name.
Result<std::string> FolderSha256(const fs::path& folder);

}  // namespace plumb::guard
