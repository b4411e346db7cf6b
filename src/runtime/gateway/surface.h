// One API's way of asking and answering: OpenAI's chat completions, Anthropic's messages, …. The flow from question to
// recorded answer (turn.h) knows none of them; a Surface knows nothing of policies, guards and ledgers.
//
//   Call          a question, in OpenAI chat words whatever the caller spoke
//   Choice        one whole answer to it, already guarded
//   StreamWriter  the same piece by piece: every function returns the bytes to be sent next
//   Surface       reads a Call; writes answers, streams and errors
//
// Surfaces are stateless and shared; a StreamWriter belongs to one answer. Nothing here waits or fails but Parse.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"
#include "base/net/http.h"
#include "runtime/provider/provider.h"

namespace plumb::gateway {

struct Call {
  provider::ChatRequest request;
  bool stream = false;
  bool include_usage = false;  // the stream is to tell its usage, where that is asked for separately
  int choices = 1;             // answers wanted
  std::string subject;         // the end user, where the caller names one
  json::object echo;           // what this API repeats of the question in its answer
};

// What an answer says of itself on every surface.
struct Head {
  std::string exchange;  // "exc_…", the base of the API's own id
  int64_t created = 0;   // seconds since 1970
  std::string model;     // as asked for
};

// `finish_reason` is OpenAI's: stop, length, tool_calls, content_filter.
struct Choice {
  std::string text, refusal, reasoning;
  std::string signature;   // the vendor's seal on the reasoning, where it was left as it was
  json::array tool_calls;  // OpenAI's
  json::value logprobs;    // OpenAI's, null where there are none
  std::string finish_reason;
  std::string stop_sequence;  // the one that ended it, where the vendor names it
};

struct Answer {
  std::vector<Choice> choices;
  provider::Usage usage;
};

class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  virtual std::string Text(int choice, std::string_view text, const json::value& logprobs) = 0;
  virtual std::string Refusal(int choice, std::string_view text) = 0;
  virtual std::string Reasoning(int choice, std::string_view text) = 0;
  virtual std::string Signature(int, std::string_view) { return ""; }  // most APIs have no place for it
  // OpenAI's delta: "index", and of "id", "function": {"name", "arguments"} what is new.
  virtual std::string ToolCall(int choice, const json::object& delta) = 0;
  // The stop sequence that ended the answer, said before its Finish; most APIs have no place for it.
  virtual void Stopped(std::string_view) {}
  // Nothing more comes of this choice.
  virtual std::string Finish(int choice, std::string_view reason) = 0;
  // The end of the whole; `comment` (one line) is for those who read comments, and stands before the end mark.
  virtual std::string End(const provider::Usage& usage, std::string_view comment) = 0;
  // The answer broke off. Nothing follows.
  virtual std::string Broken(const Error& error) = 0;
};

class Surface {
 public:
  virtual ~Surface() = default;
  virtual std::string_view name() const = 0;  // as in the ledger: "chat", "messages", …
  // Error: kInvalid, naming the field and what would be right; kUnsupported.
  virtual Result<Call> Parse(const json::object& body) const = 0;
  virtual json::object Whole(const Head& head, const Call& call, const Answer& answer) const = 0;
  virtual std::unique_ptr<StreamWriter> Stream(const Head& head, const Call& call) const = 0;
  virtual json::value ErrorBody(const Error& error) const = 0;
};

const Surface& ChatSurface();         // OpenAI /v1/chat/completions
const Surface& CompletionsSurface();  // OpenAI /v1/completions
const Surface& ResponsesSurface();    // OpenAI /v1/responses
const Surface& MessagesSurface();     // Anthropic /v1/messages, and what its tokens are counted of
const Surface& EmbeddingsSurface();   // OpenAI /v1/embeddings; it is asked by turn_post.cc, not as a chat

}  // namespace plumb::gateway
