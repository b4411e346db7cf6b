// How much of an answer is about the task, for the features of refusals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/guard/refusal_cues.h"

namespace plumb::guard::refusal {

struct TaskContent {
  uint32_t share = 0;                // 0 to 4: of the answer, in sentences without any cue of refusing, moralising, offering or asking
  std::optional<uint32_t> coverage;  // 0 to 2: of the prompt's subjects, how many come up there; nothing where it has none
};

// `cues` are those of the first sentences, which are read.
TaskContent TaskContentOf(const std::vector<std::string_view>& sentences, const std::vector<CueSet>& cues, const std::string& asked);

}  // namespace plumb::guard::refusal
