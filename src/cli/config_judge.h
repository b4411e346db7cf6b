// judge: {target: openai:gpt-5-mini, from: 0.1, to: 0.9, clauses: 4, within_ms: 5000}
#pragma once

#include "cli/config_reader.h"
#include "runtime/guard/llm_judge.h"

namespace plumb::cli {

void ReadJudge(const Node& node, Reader& reader, guard::JudgeSettings& judge);

}  // namespace plumb::cli
