#include "runtime/guard/record.h"

#include <algorithm>

#include "runtime/guard/reading.h"

namespace plumb::guard {
namespace {

constexpr std::string_view kFormat = "plumb-guard/1";

json::object WeightsJson(const StackWeights& w) {
  json::object out = {{"bias", w.bias}, {"linear_own", w.linear_own}, {"linear_any", w.linear_any}, {"encoder_own", w.encoder_own}, {"encoder_any", w.encoder_any}};
  if (w.refusal != 0) out["refusal"] = w.refusal;
  return out;
}

json::object ClauseJson(const ClauseThreshold& c) {
  json::object out = {
      {"threshold", c.threshold},
      {"calibrated", c.calibrated},
      {"catch", {{"target", c.catch_rate}, {"confidence", c.confidence}, {"n", c.positives}, {"missed", c.missed}, {"lower_bound", c.catch_lower_bound}, {"n_missing", c.positives_missing}}},
      {"look_alikes", {{"n", c.look_alikes}, {"alarms", c.look_alikes_alarmed}}}};
  if (!c.reason.empty()) out["reason"] = c.reason;
  return out;
}

json::object CalibrationJson(const DirectionCalibration& d) {
  json::object clauses;
  for (const auto& [id, clause] : d.clauses) clauses[id] = ClauseJson(clause);
  json::object out = {{"false_alarm",
           {{"budget", d.budget}, {"confidence", d.confidence}, {"n", d.ordinary}, {"alarms", d.alarms}, {"upper_bound", d.alarm_upper_bound}, {"n_missing", d.ordinary_missing}, {"guaranteed", d.guaranteed}}},
          {"clauses", std::move(clauses)}};
  if (d.joint) out["joint"] = {{"claims", d.claims}};
  if (d.least_probability > 0) out["reviewed"] = {{"least_probability", d.least_probability}};
  json::array heights;
  for (const DriftHeight& height : d.heights) heights.push_back({{"score", height.score}, {"low", height.low}, {"high", height.high}});
  if (!heights.empty()) out["drift"] = std::move(heights);
  return out;
}

json::object JoiningJson(const Joining& joining) {
  json::object offsets;
  for (const auto& [id, offset] : joining.offsets) offsets[id] = offset;
  return {{"weights", {{"unsafe", WeightsJson(joining.unsafe)}, {"category", WeightsJson(joining.category)}}}, {"offsets", std::move(offsets)}};
}

json::object StackJson(const Stack& stack) {
  json::object out = JoiningJson(stack), groups, directions;
  for (const auto& [group, joining] : stack.groups) groups[group] = JoiningJson(joining);
  for (const auto& [direction, calibration] : stack.directions) directions[DirectionName(direction)] = CalibrationJson(calibration);
  if (!groups.empty()) out["groups"] = std::move(groups);
  out["directions"] = std::move(directions);
  return out;
}

Result<const json::object*> Child(const json::object& object, std::string_view key) {
  if (const json::object* child = FindObject(object, key)) return child;
  return Fail(Code::kCorrupt, "'{}' must be an object", key);
}

Result<size_t> Count(const json::object& object, std::string_view key) {
  PLUMB_TRY(const int64_t value, GetIntOr(object, key, 0));
  if (value < 0) return Fail(Code::kCorrupt, "'{}' is {}, must not be negative", key, value);
  return static_cast<size_t>(value);
}

Result<StackWeights> ParseWeights(const json::object& object) {
  StackWeights w;
  PLUMB_TRY(w.bias, GetNumber(object, "bias"));
  PLUMB_TRY(w.linear_own, GetNumber(object, "linear_own"));
  PLUMB_TRY(w.linear_any, GetNumber(object, "linear_any"));
  PLUMB_TRY(w.encoder_own, GetNumber(object, "encoder_own"));
  PLUMB_TRY(w.encoder_any, GetNumber(object, "encoder_any"));
  PLUMB_TRY(w.refusal, GetNumberOr(object, "refusal", 0));
  return w;
}

Result<ClauseThreshold> ParseClause(const json::object& object) {
  ClauseThreshold c;
  PLUMB_TRY(c.threshold, GetNumber(object, "threshold"));
  PLUMB_TRY(c.calibrated, GetBoolOr(object, "calibrated", false));
  PLUMB_TRY(const json::object* caught, Child(object, "catch"));
  PLUMB_TRY(c.catch_rate, GetNumber(*caught, "target"));
  PLUMB_TRY(c.confidence, GetNumber(*caught, "confidence"));
  PLUMB_TRY(c.positives, Count(*caught, "n"));
  PLUMB_TRY(c.missed, Count(*caught, "missed"));
  PLUMB_TRY(c.catch_lower_bound, GetNumber(*caught, "lower_bound"));
  PLUMB_TRY(c.positives_missing, Count(*caught, "n_missing"));
  PLUMB_TRY(const json::object* alike, Child(object, "look_alikes"));
  PLUMB_TRY(c.look_alikes, Count(*alike, "n"));
  PLUMB_TRY(c.look_alikes_alarmed, Count(*alike, "alarms"));
  PLUMB_TRY(c.reason, GetStringOr(object, "reason", ""));
  if (!(c.threshold >= 0)) return Fail(Code::kCorrupt, "'threshold' is {}, must be at least 0", c.threshold);
  return c;
}

Result<DirectionCalibration> ParseCalibration(const json::object& object) {
  DirectionCalibration d;
  PLUMB_TRY(const json::object* alarm, Child(object, "false_alarm"));
  PLUMB_TRY(d.budget, GetNumber(*alarm, "budget"));
  PLUMB_TRY(d.confidence, GetNumber(*alarm, "confidence"));
  PLUMB_TRY(d.ordinary, Count(*alarm, "n"));
  PLUMB_TRY(d.alarms, Count(*alarm, "alarms"));
  PLUMB_TRY(d.alarm_upper_bound, GetNumber(*alarm, "upper_bound"));
  PLUMB_TRY(d.ordinary_missing, Count(*alarm, "n_missing"));
  PLUMB_TRY(d.guaranteed, GetBoolOr(*alarm, "guaranteed", false));
  if (const json::object* joint = FindObject(object, "joint")) {
    d.joint = true;
    PLUMB_TRY(d.claims, Count(*joint, "claims"));
  }
  if (const json::object* reviewed = FindObject(object, "reviewed")) {
    PLUMB_TRY(d.least_probability, GetNumber(*reviewed, "least_probability"));
    if (!(d.least_probability > 0 && d.least_probability <= 1)) return Fail(Code::kCorrupt, "'least_probability' is {}, must be above 0 and at most 1", d.least_probability);
  }
  if (const json::array* heights = FindArray(object, "drift"))
    for (const json::value& value : *heights) {
      if (!value.is_object()) return Fail(Code::kCorrupt, "an item of 'drift' must be an object");
      DriftHeight& height = d.heights.emplace_back();
      PLUMB_TRY(height.score, GetNumber(value.get_object(), "score"));
      PLUMB_TRY(height.low, GetNumber(value.get_object(), "low"));
      PLUMB_TRY(height.high, GetNumber(value.get_object(), "high"));
      if (!(height.low >= 0 && height.low <= height.high && height.high <= 1)) return Fail(Code::kCorrupt, "an interval of 'drift' is [{}, {}], not within 0 and 1", height.low, height.high);
    }
  PLUMB_TRY(const json::object* clauses, Child(object, "clauses"));
  for (const auto& [id, value] : *clauses) {
    if (!value.is_object()) return Fail(Code::kCorrupt, "clause '{}' must be an object", std::string_view(id));
    auto clause = ParseClause(value.get_object());
    if (!clause) return std::unexpected(Context(clause.error(), fmt::format("clause '{}'", std::string_view(id))));
    d.clauses[id] = *clause;
  }
  return d;
}

Result<Joining> ParseJoining(const json::object& object) {
  Joining joining;
  PLUMB_TRY(const json::object* weights, Child(object, "weights"));
  PLUMB_TRY(const json::object* unsafe, Child(*weights, "unsafe"));
  PLUMB_TRY(const json::object* category, Child(*weights, "category"));
  PLUMB_TRY(joining.unsafe, ParseWeights(*unsafe));
  PLUMB_TRY(joining.category, ParseWeights(*category));
  PLUMB_TRY(const json::object* offsets, Child(object, "offsets"));
  for (const auto& [id, value] : *offsets) {
    if (!value.is_number()) return Fail(Code::kCorrupt, "offset '{}' must be a number", std::string_view(id));
    joining.offsets[id] = value.to_number<double>();
  }
  return joining;
}

Result<Stack> ParseStack(const json::object& object) {
  Stack stack;
  PLUMB_TRY(static_cast<Joining&>(stack), ParseJoining(object));
  if (const json::object* groups = FindObject(object, "groups"))
    for (const auto& [name, value] : *groups) {
      if (!value.is_object()) return Fail(Code::kCorrupt, "group '{}' must be an object", std::string_view(name));
      PLUMB_TRY(stack.groups[std::string(name)], ParseJoining(value.get_object()));
    }
  PLUMB_TRY(const json::object* directions, Child(object, "directions"));
  for (const auto& [name, value] : *directions) {
    PLUMB_TRY(const Direction direction, ParseDirection(name));
    if (!value.is_object()) return Fail(Code::kCorrupt, "direction '{}' must be an object", std::string_view(name));
    PLUMB_TRY(stack.directions[direction], ParseCalibration(value.get_object()));
  }
  return stack;
}

Result<AlignedIdentity> ParseAligned(const json::object& object) {
  AlignedIdentity aligned;
  PLUMB_TRY(aligned.base, GetString(object, "base"));
  PLUMB_TRY(aligned.sha256, GetString(object, "sha256"));
  PLUMB_TRY(aligned.opening, GetString(object, "opening"));
  PLUMB_TRY(aligned.weight, GetNumber(object, "weight"));
  PLUMB_TRY(aligned.threshold, GetNumber(object, "threshold"));
  if (aligned.opening.empty()) return Fail(Code::kCorrupt, "'opening' is empty");
  if (!(aligned.weight >= 0)) return Fail(Code::kCorrupt, "'weight' is {}, must be at least 0", aligned.weight);
  if (!(aligned.threshold >= 0 && aligned.threshold <= 1)) return Fail(Code::kCorrupt, "'threshold' is {}, must be from 0 to 1", aligned.threshold);
  return aligned;
}

Result<GuardRecord> Parse(const json::object& object) {
  GuardRecord record;
  PLUMB_TRY(const std::string format, GetString(object, "format"));
  if (format != kFormat) return Fail(Code::kUnsupported, "format is '{}', this program reads '{}'", format, kFormat);
  PLUMB_TRY(record.version, GetStringOr(object, "version", "1"));
  PLUMB_TRY(record.created, GetStringOr(object, "created", ""));
  PLUMB_TRY(record.calibrated, GetStringOr(object, "calibrated", ""));
  PLUMB_TRY(record.calibrated_with, GetStringOr(object, "calibrated_with", ""));
  PLUMB_TRY(const json::object* policy, Child(object, "policy"));
  PLUMB_TRY(record.policy_id, GetString(*policy, "id"));
  PLUMB_TRY(record.policy_version, GetString(*policy, "version"));
  PLUMB_TRY(record.policy_hash, GetString(*policy, "hash"));
  PLUMB_TRY(const json::object* detectors, Child(object, "detectors"));
  if (const json::object* linear = FindObject(*detectors, "linear")) {
    PLUMB_TRY(record.linear_sha256, GetString(*linear, "sha256"));
  }
  if (const json::object* encoder = FindObject(*detectors, "encoder")) {
    EncoderIdentity identity;
    PLUMB_TRY(identity.base, GetString(*encoder, "base"));
    PLUMB_TRY(identity.sha256, GetString(*encoder, "sha256"));
    if (const json::array* heads = FindArray(*encoder, "heads"))
      for (const json::value& head : *heads)
        if (const json::string* name = head.if_string()) identity.heads.emplace_back(*name);
    record.encoder = identity;
  }
  if (const json::object* aligned = FindObject(*detectors, "aligned")) {
    PLUMB_TRY(record.aligned, ParseAligned(*aligned));
  }
  PLUMB_TRY(const json::object* windows, Child(object, "windows"));
  PLUMB_TRY(record.window_bytes, Count(*windows, "bytes"));
  PLUMB_TRY(record.window_overlap, Count(*windows, "overlap"));
  if (const json::object* cascade = FindObject(object, "cascade")) {
    PLUMB_TRY(record.skip_below, GetNumberOr(*cascade, "skip_below", 0));
    PLUMB_TRY(record.skip_above, GetNumberOr(*cascade, "skip_above", 1));
  }
  PLUMB_TRY(const json::object* stacks, Child(object, "stacks"));
  for (const auto& [name, value] : *stacks) {
    if (!value.is_object()) return Fail(Code::kCorrupt, "stack '{}' must be an object", std::string_view(name));
    auto stack = ParseStack(value.get_object());
    if (!stack) return std::unexpected(Context(stack.error(), fmt::format("stack '{}'", std::string_view(name))));
    record.stacks[std::string(name)] = std::move(*stack);
  }
  return record;
}

}  // namespace

const Joining& Stack::For(Direction direction) const {
  const auto found = groups.find(HeadGroup(direction));
  return found == groups.end() ? *this : found->second;
}

const DirectionCalibration* GuardRecord::Calibration(std::string_view stack, Direction direction) const {
  const auto found = stacks.find(stack);
  if (found == stacks.end()) return nullptr;
  const auto calibration = found->second.directions.find(direction);
  return calibration == found->second.directions.end() ? nullptr : &calibration->second;
}

json::object RecordJson(const GuardRecord& record) {
  json::object detectors, stacks;
  if (!record.linear_sha256.empty()) detectors["linear"] = {{"file", "linear.bin"}, {"sha256", record.linear_sha256}};
  if (record.encoder) {
    json::array heads(record.encoder->heads.begin(), record.encoder->heads.end());
    detectors["encoder"] = {{"folder", "encoder"}, {"base", record.encoder->base}, {"sha256", record.encoder->sha256}, {"heads", std::move(heads)}};
  }
  if (const auto& aligned = record.aligned)
    detectors["aligned"] = {{"folder", "aligned"}, {"base", aligned->base}, {"sha256", aligned->sha256}, {"opening", aligned->opening}, {"weight", aligned->weight}, {"threshold", aligned->threshold}};
  for (const auto& [name, stack] : record.stacks) stacks[name] = StackJson(stack);
  json::object out = {{"format", kFormat}, {"version", record.version}, {"created", record.created}};
  if (!record.calibrated.empty()) out["calibrated"] = record.calibrated;
  if (!record.calibrated_with.empty()) out["calibrated_with"] = record.calibrated_with;
  const json::object rest = {
          {"policy", {{"id", record.policy_id}, {"version", record.policy_version}, {"hash", record.policy_hash}}},
          {"detectors", std::move(detectors)},
          {"windows", {{"bytes", record.window_bytes}, {"overlap", record.window_overlap}}},
          {"cascade", {{"skip_below", record.skip_below}, {"skip_above", record.skip_above}}},
          {"stacks", std::move(stacks)}};
  for (const auto& [key, value] : rest) out[key] = value;
  return out;
}

std::string DetectorHash(const GuardRecord& record) {
  GuardRecord bare;
  bare.linear_sha256 = record.linear_sha256;
  bare.encoder = record.encoder;
  bare.window_bytes = record.window_bytes;
  bare.window_overlap = record.window_overlap;
  bare.skip_below = record.skip_below;
  bare.skip_above = record.skip_above;
  for (const auto& [name, stack] : record.stacks) {
    bare.stacks[name] = stack;
    bare.stacks[name].directions.clear();
  }
  return Sha256Hex(ToJson(RecordJson(bare)));
}

Result<GuardRecord> ParseRecord(const json::object& object, std::string_view where) {
  auto record = Parse(object);
  if (!record) {
    Error error = record.error();
    if (error.where.empty()) error.where = std::string(where);
    return std::unexpected(std::move(error));
  }
  return record;
}

Result<GuardRecord> LoadRecord(const fs::path& folder) {
  const fs::path path = folder / "guard.json";
  PLUMB_TRY(const json::value value, ReadJson(path));
  if (!value.is_object()) return FailAt(path.string(), Code::kCorrupt, "must be a JSON object");
  return ParseRecord(value.get_object(), path.string());
}

Status SaveRecord(const fs::path& folder, const GuardRecord& record) {
  return WriteFileAtomic(folder / "guard.json", ToPrettyJson(RecordJson(record)) + "\n");
}

Result<std::string> FolderSha256(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    if (it->is_regular_file(error)) names.push_back(fs::relative(it->path(), folder, error).generic_string());
  if (error) return FailAt(folder.string(), Code::kIo, "cannot be listed: {}", error.message());
  std::sort(names.begin(), names.end());
  std::string list;
  for (const std::string& name : names) {
    PLUMB_TRY(const std::string sha, Sha256File((folder / name).string()));
    list += name + '\0' + sha + '\n';
  }
  return Sha256Hex(list);
}

}  // namespace plumb::guard
