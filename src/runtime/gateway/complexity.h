// How complex a prompt is, before anybody reads it: what a policy's `limits` are held against.
//
// Functions of their arguments, linear in the text but for EncodingDepth, which reads it once for each encoding it
// takes off.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/core/core.h"
#include "intent/policy/policy.h"

namespace plumb::gateway {

// About how many tokens a byte-pair tokenizer makes of it: words, digits, signs and other scripts are counted apart.
int64_t EstimateTokens(std::string_view text);
// How deep brackets (round, square, curly) are nested: those that are closed again, and runs of openers that never are.
int64_t NestingDepth(std::string_view text);
// How many encodings lie inside one another somewhere in the text; at most `most` are taken off.
int64_t EncodingDepth(std::string_view text, int64_t most);
// The share of the text's eight-byte pieces that stood in it before; 0 under kRepetitionFrom bytes.
inline constexpr size_t kRepetitionFrom = 1000;
double Repetition(std::string_view text);

// The first limit that is not kept, cheap ones first: "the prompt nests brackets 40 deep; at most 20 are allowed".
// `messages` and `tools` are OpenAI's.
std::optional<std::string> OverLimit(const policy::Limits& limits, const json::array& messages, const json::array* tools);

}  // namespace plumb::gateway
