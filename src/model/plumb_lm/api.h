// The bodies of docs/lm-protocol.md: from JSON to calls and back. No sockets, no threads.
#pragma once

#include "model/plumb_lm/models.h"

namespace plumb::lm {

// {"messages" | "prompt", …sampling} → a request without callbacks. Errors: kInvalid, kUnsupported.
Result<GenerateRequest> ToRequest(const Decoder& decoder, const json::object& body, const Sampling& defaults = {});

// A line of /v1/generate.
json::object ResultLine(const json::value& id, const Completion& done, const Tokenizer& tokenizer);
json::object ErrorLine(const json::value& id, const Error& error);

// OpenAI's objects. `chat` or plain completion.
json::object OpenAiResponse(bool chat, const std::string& id, int64_t created, const std::string& model, const Completion& done,
                            const Tokenizer& tokenizer);
// A chunk of a stream: `text` (may be empty), or the end where `finish_reason` is not empty.
json::object OpenAiChunk(bool chat, const std::string& id, int64_t created, const std::string& model, std::string_view text,
                         bool first, const std::string& finish_reason);
json::object OpenAiUsage(const Completion& done);
json::object OpenAiError(const Error& error);

Result<json::object> Logprobs(Decoder& decoder, const json::object& body);
Result<json::object> Embeddings(Embedder& embedder, const std::string& model, const json::object& body);
// `ms` is left for the caller to add.
Result<json::object> Classify(Classifier& classifier, const json::object& body);

}  // namespace plumb::lm
