// Showing a model what others wrote without letting it give orders, and reading what the model then says.
//
// What is shown stands between lines that carry a mark nobody could know when it was written, and the model is told that
// nothing between them is meant for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"

namespace plumb::provider {

// From the nonce (random, and nobody else's to know) and the id of what is shown; in none of the texts.
std::string MarkOf(std::string_view nonce, std::string_view id, const std::vector<std::string_view>& texts);

// What a model says once its reasoning in a leading <think> block and one code fence around the rest are taken off. Error:
// kInvalid (nothing is left, or the reasoning was cut off).
Result<std::string_view> Spoken(std::string_view output);

// The fields that hold a model of a provider of this kind ("anthropic", "openai", …) to answers that fit `schema`.
json::object HeldTo(std::string_view kind, json::object schema);

}  // namespace plumb::provider
