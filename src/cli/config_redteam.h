// The part of plumb.yaml that says when the red team attacks again.
//
//   redteam:
//     - {name: weekly, every: 7d, target: gateway:assistant, goals: harmful, attacks: static, budget: 20}
//     - {name: release, before: release, target: "openai:gpt-5-mini", goals: harmful, guarded: on}
//     - {name: policy, on: policy-change, target: local:smollm2, goals: harmful}
#pragma once

#include "cli/config_reader.h"
#include "measure/redteam/schedule.h"

namespace plumb::cli {

void ReadSchedules(const Node& node, Reader& reader, std::vector<redteam::Schedule>& schedules);

}  // namespace plumb::cli
