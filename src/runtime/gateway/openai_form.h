// What OpenAI's APIs have in common: errors, usage, and how fields are read.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "runtime/gateway/surface.h"

namespace plumb::gateway {

// OpenAI's error object.
json::value OpenAiError(const Error& error);
// As chat completions count it.
json::object ChatUsage(const provider::Usage& usage);

// Reads an optional number into `out`; null counts as absent. Error: kInvalid.
Status ReadNumber(const json::object& body, std::string_view key, std::optional<double>& out);
Status ReadInteger(const json::object& body, std::string_view key, std::optional<int64_t>& out);
// A text or a list of texts. Error: kInvalid.
Status ReadTexts(const json::object& body, std::string_view key, std::vector<std::string>& out);
// temperature, top_p, max_tokens, seed, stop. Error: kInvalid.
Status ReadSampling(const json::object& body, provider::ChatRequest& request);
// stream and stream_options. Error: kInvalid.
Status ReadStream(const json::object& body, Call& call);
// n. Error: kInvalid.
Status ReadChoices(const json::object& body, Call& call);
// The end user: safety_identifier, else user. Error: kInvalid.
Result<std::string> ReadSubject(const json::object& body);

}  // namespace plumb::gateway
