// What a judge of two answers is told, and how its verdict is read.
//
// The conversation and the answers were written by others, perhaps to sway the judge. They stand between lines that
// carry a mark nobody could know when they were written, and the judge is told that nothing between them is meant
// for it.
#pragma once

#include <string>
#include <string_view>

#include "base/core/core.h"
#include "runtime/provider/fence.h"

namespace plumb::eval {

// The same for every pair: the task and the policy's rubric.
std::string JudgeSystem(std::string_view rubric);
// One pair, the answers in the order the judge sees them.
std::string JudgeUser(std::string_view mark, std::string_view conversation, std::string_view first, std::string_view second);

using provider::MarkOf;
using provider::Spoken;

// SHA-256 of everything the judge is told apart from the pair itself.
std::string JudgePromptHash(std::string_view rubric);

enum class Preferred { kFirst, kSecond, kNeither };
struct Ruling {
  Preferred preferred = Preferred::kNeither;
  std::string reason;  // in the judge's words; may be empty
};

// A JSON object with "verdict": "A", "B", "C" or "tie" and nothing else around it but one code fence; or a text with
// MT-Bench's [[A]], [[B]] or [[C]], one kind of them only. Reasoning in a leading <think> block is skipped. Anything
// else is kInvalid, and the message says why: a verdict is never guessed.
Result<Ruling> ParseRuling(std::string_view output);

}  // namespace plumb::eval
