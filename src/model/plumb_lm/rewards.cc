#include "model/plumb_lm/rewards.h"

namespace plumb::lm {

Result<json::object> Rewards(train::RewardModel& model, const json::object& body) {
  const json::array* items = FindArray(body, "items");
  if (!items || items->empty()) return Fail(Code::kInvalid, "items is missing or empty");
  const train::RowEncoder encoder = model.Encoder();
  std::vector<std::vector<int32_t>> sequences;
  int64_t tokens = 0;
  for (size_t i = 0; i < items->size(); ++i) {
    const std::string where = fmt::format("items[{}]", i);
    const json::object* item = (*items)[i].if_object();
    if (!item) return FailAt(where, Code::kInvalid, "is not an object");
    PLUMB_TRY(const data::TrlRow row, data::TrlRowFromJson(*item, where));
    PLUMB_TRY(train::TokenRow encoded, encoder.Row(row));
    tokens += static_cast<int64_t>(encoded.ids.size());
    sequences.push_back(std::move(encoded.ids));
  }
  PLUMB_TRY(const std::vector<double> scores, model.Score(sequences));
  return json::object{{"rewards", json::array(scores.begin(), scores.end())}, {"tokens", tokens}};
}

}  // namespace plumb::lm
