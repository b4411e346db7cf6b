#include <algorithm>

#include "intent/policy/everyday.h"
#include "runtime/guard/calibrate.h"

namespace plumb::guard {

Result<std::vector<CalibrationRow>> CalibrationRows(const policy::Policy& policy, policy::Split split, const std::vector<json::object>& extra) {
  std::vector<CalibrationRow> rows;
  for (const Direction direction : kDirections) {
    const bool input = direction == Direction::kInput;
    for (policy::Example& example : input ? policy::Examples(policy) : policy::ExamplesOf(policy, DirectionName(direction))) {
      if (example.split != split) continue;
      if (example.clause == policy::kOrdinary && !policy::StandsForEveryday(policy, example)) continue;
      if (example.clause == policy::kOrdinary || (example.clause == "scope" && !example.violates))
        rows.push_back({std::move(example.text), std::string(policy::kOrdinary), false, direction, std::move(example.prompt)});
      else if (policy.FindCategory(example.clause))
        rows.push_back({std::move(example.text), example.clause, example.violates, direction, std::move(example.prompt)});
    }
  }
  for (size_t i = 0; i < extra.size(); ++i) {
    const auto parse = [&]() -> Result<CalibrationRow> {
      CalibrationRow row;
      PLUMB_TRY(row.clause, GetStringOr(extra[i], "clause", policy::kOrdinary));
      PLUMB_TRY(const std::string direction, GetStringOr(extra[i], "direction", "input"));
      PLUMB_TRY(row.direction, ParseDirection(direction));
      const json::string* violates = FindString(extra[i], "violates");
      const json::string* benign = nullptr;
      for (const char* key : {"allows", "text", "prompt"})
        if (benign == nullptr) benign = FindString(extra[i], key);
      if (violates == nullptr && benign == nullptr) return Fail(Code::kInvalid, "needs one of 'violates', 'allows', 'text', 'prompt'");
      row.violates = violates != nullptr;
      row.text = std::string(violates ? *violates : *benign);
      if (const json::string* prompt = FindString(extra[i], "prompt"); prompt && prompt != benign) row.prompt = std::string(*prompt);
      if (row.clause != policy::kOrdinary && !policy.FindCategory(row.clause)) return Fail(Code::kInvalid, "clause '{}' is not a category of the policy", row.clause);
      return row;
    }();
    if (!parse) return std::unexpected(Context(parse.error(), fmt::format("calibration row {}", i + 1)));
    rows.push_back(*parse);
  }
  return rows;
}

Result<Reviewed> ReviewedRows(const policy::Policy& policy, const std::vector<json::object>& sheet) {
  Reviewed out;
  size_t unlabelled = 0;
  for (size_t i = 0; i < sheet.size(); ++i) {
    const auto parse = [&]() -> Result<CalibrationRow> {
      CalibrationRow row;
      PLUMB_TRY(row.text, GetString(sheet[i], "text"));
      PLUMB_TRY(row.prompt, GetStringOr(sheet[i], "prompt", ""));
      PLUMB_TRY(row.clause, GetString(sheet[i], "label"));
      PLUMB_TRY(const std::string direction, GetStringOr(sheet[i], "direction", "input"));
      PLUMB_TRY(row.direction, ParseDirection(direction));
      PLUMB_TRY(row.probability, GetNumber(sheet[i], "probability"));
      PLUMB_TRY(const double least, GetNumberOr(sheet[i], "least_probability", row.probability));
      if (!(least > 0 && least <= row.probability && row.probability <= 1))
        return Fail(Code::kInvalid, "was drawn with probability {}, the least being {}; both must be above 0, at most 1, and in that order", row.probability, least);
      out.least_probability = out.rows.empty() ? least : std::min(out.least_probability, least);
      unlabelled += row.clause.empty();
      row.violates = row.clause != policy::kOrdinary;
      if (row.violates && !row.clause.empty() && !policy.FindCategory(row.clause))
        return Fail(Code::kInvalid, "is labelled '{}', which is neither a category of the policy nor \"ordinary\"", row.clause);
      return row;
    }();
    if (!parse) return std::unexpected(Context(parse.error(), fmt::format("reviewed row {}", i + 1)));
    out.rows.push_back(*parse);
  }
  // Who is left out by choice is no longer left out by chance.
  if (unlabelled > 0) return Fail(Code::kInvalid, "{} of {} reviewed rows have no label: the sample counts only whole, label them all", unlabelled, sheet.size());
  return out;
}

}  // namespace plumb::guard
