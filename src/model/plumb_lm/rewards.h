// POST /v1/rewards: a reward model's score of conversations. From JSON to a call and back.
#pragma once

#include "model/train/reward_model.h"

namespace plumb::lm {

// {"items": [{"messages"} | {"prompt", "completion"} | {"text"}, …]} → {"rewards": […], "tokens": n}.
// Errors: kInvalid, with the item's place.
Result<json::object> Rewards(train::RewardModel& model, const json::object& body);

}  // namespace plumb::lm
