// Everyday prompts of the model's own. A chat model that is let write the user's side of a conversation writes what its
// users ask (Magpie, Xu et al. 2024, arXiv:2406.08464). On those prompts the tuned model is held to its base: they cover
// what no list of examples thinks of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "measure/eval/target.h"

namespace plumb::loop {

// Half of them begin as the model likes, mostly as questions; the others with a verb, as instructions do.
std::vector<eval::Question> PromptsToWrite(size_t n, uint64_t seed);
// The prompt that came of one: a whole sentence of a length somebody would type, and not the head of something that was to
// follow; nothing otherwise.
std::optional<std::string> WrittenPrompt(const eval::Question& question, const eval::Answer& answer);

}  // namespace plumb::loop
