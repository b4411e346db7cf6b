// runtime/provider: who answers a chat. Vendors over HTTP, the local model through plumb-lm, recorded outputs.
//
//   ChatRequest   what is asked, in OpenAI's words whatever the vendor speaks
//   ChatResponse  the whole answer
//   Provider      asks one endpoint; retries what may be retried
//   Attempt       one asking of one vendor, noted for the record
//   Target        a provider and a model behind it, opened by name (target.h)
//
//   PLUMB_TRY(Target target, OpenTarget("openai:gpt-5-mini", {}));
//   ChatRequest request;
//   request.messages = {{{"role", "user"}, {"content", "Hello"}}};
//   auto answers = ChatAll(*target.provider, {request}, 8, nullptr);        // blocking, from any thread
//   auto answer = co_await target.provider->Chat(request);                  // in a coroutine on provider->executor()
//
// A stream that ends before its end is an error, never a short answer; nothing is retried once its first piece was
// handed on. Keys go into request headers and nowhere else.
//
// Thread-safety: the coroutines run on executor(), a single thread; ChatAll may be called from any other thread.
// Errors: kInvalid (the vendor refused the request itself), kPermission (key), kNotFound (model), kExhausted (rate
// limit or quota, after retries), kUnavailable, kDeadline, kCorrupt (garbage, cut off), kUnsupported.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/core/core.h"

namespace plumb::provider {

namespace asio = boost::asio;

// One asking of one vendor, successful or not.
struct Attempt {
  std::string target;      // "openai:gpt-5-mini"; the provider's name where it is asked directly
  int status = 0;          // HTTP; 0 where no answer came
  std::string outcome;     // "ok", else the name of the error's code: "unavailable", "deadline", …
  std::string reason;      // the vendor's own word for it: "context_length_exceeded"; "" where it gives none
  std::optional<std::chrono::milliseconds> retry_after;
  double ms = 0;
  bool begun = false;      // pieces of a stream were handed on
};

struct ChatRequest {
  std::string id;          // of the case; what a replay is looked up by
  std::string model;       // empty: the provider's own default
  json::array messages;    // OpenAI's: {"role","content",…}
  std::optional<double> temperature, top_p;
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> seed;
  std::vector<std::string> stop;
  json::object extra;      // further fields, passed on as they are: tools, tool_choice, response_format, top_k, n, …
  // The one message is a text to go on with, not one to answer: models that complete texts are asked to (presets.h), all
  // others as a chat.
  bool completion = false;

  std::vector<std::pair<std::string, std::string>> headers;  // for the vendor: anthropic-beta, openai-organization, …

  // What the asker has to say about the asking; none of it is sent.
  std::shared_ptr<std::vector<Attempt>> attempts;  // where every attempt is noted, in order; may be null
  // Whether the asker has gone away; looked at while we wait. Empty: never.
  std::function<bool()> gone;
  // How long to wait for the first sign of an answer (a stream: its first piece), where that is less than the provider's
  // own limit.
  std::optional<std::chrono::milliseconds> patience;
  // Asked when a stream broke after pieces were handed on: true if the asker has let nothing of them out and has thrown
  // them away, so that the whole may be asked for again. Empty: never.
  std::function<bool()> forget;
  std::string scope;       // whose answers may be reused for it (a key's name); of the cache
  bool fresh = false;      // no cached answer, please
};

// Both vendors' figures in one sense: what is counted as cached is counted as input too, reasoning as output too.
// (Anthropic's own input_tokens is input_tokens - cached_input_tokens - cache_creation_input_tokens.)
struct Usage {
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_input_tokens = 0;          // read from the vendor's prompt cache
  int64_t cache_creation_input_tokens = 0;  // written to it
  int64_t reasoning_tokens = 0;
  bool operator==(const Usage&) const = default;
};

// A further answer, where n > 1 were asked for.
struct Choice {
  int index = 1;
  std::string text, finish_reason, reasoning;
  json::array tool_calls;
  json::value logprobs;
  std::string stop_sequence;
};

// The fields of the first choice stand here; those of the others in `choices`.
struct ChatResponse {
  std::string text;           // "" where the answer is tool calls alone
  std::string finish_reason;  // OpenAI's: stop, length, tool_calls, content_filter
  std::string model;          // as the vendor names it
  Usage usage;
  json::array tool_calls;     // OpenAI's
  std::string reasoning;      // what a reasoning model says to itself, where the vendor shows it
  std::string signature;      // Anthropic's seal on the reasoning; goes back to it untouched
  std::string stop_sequence;  // the one that ended it, where the vendor names it
  json::value logprobs;       // OpenAI's, null where not asked for
  std::vector<Choice> choices;  // those after the first, by index
  json::object raw;           // the vendor's own answer; empty for a stream
  int attempts = 1;
  std::string target;         // who answered, "openai:gpt-5-mini", where there was a choice of targets; else ""
  bool cached = false;        // from our own cache: no vendor was asked, nothing is owed
  // Set where a cache would keep this answer: to be called once it has passed the guard. Empty: nobody would.
  std::function<void()> keep;
};

// A piece of a streamed answer.
struct ChatDelta {
  int choice = 0;             // which answer, where n > 1
  std::string text;
  json::array tool_calls;     // OpenAI's deltas, with "index"
  std::string reasoning;      // what a reasoning model says to itself, where the vendor shows it
  std::string signature;      // Anthropic's seal on the reasoning before it
  json::value logprobs;       // OpenAI's for this piece; null where there are none
  // On the first piece: who speaks, as the vendor names itself; which target, where there was a choice; from our cache.
  std::string model, target;
  bool cached = false;
  bool more = false;          // another piece is at hand: whoever writes may write both at once
};

// Takes pieces in order, waiting as long as it likes. An error stops the stream and is what ChatStream returns.
using OnDelta = std::function<asio::awaitable<Status>(const ChatDelta& delta)>;
// Called once per request as it finishes, never twice at a time. False asks to stop: what is not begun is kCancelled.
using OnDone = std::function<bool(size_t index, const Result<ChatResponse>& answer)>;

class Provider {
 public:
  virtual ~Provider() = default;
  virtual const std::string& name() const = 0;          // "openai", "local", …
  virtual asio::any_io_executor executor() const = 0;
  virtual asio::awaitable<Result<ChatResponse>> Chat(ChatRequest request) = 0;
  // The pieces go to `on_delta`; the whole comes back at the end.
  virtual asio::awaitable<Result<ChatResponse>> ChatStream(ChatRequest request, OnDelta on_delta) = 0;
  // Model names it offers, where it can say. Error: kUnsupported.
  virtual asio::awaitable<Result<std::vector<std::string>>> Models();
  // Posts `body` to `path` below the base URL ("/embeddings", "/messages/count_tokens") in the provider's own protocol;
  // its answer is `raw`, as it is. `about` is what the asker has to say beside it: attempts, gone, headers, scope, fresh.
  // Error: kUnsupported (it has no such thing).
  virtual asio::awaitable<Result<ChatResponse>> Post(std::string path, json::object body, ChatRequest about);
  // What ChatAll does; the local provider has a faster way than one request after the other.
  virtual Result<std::vector<Result<ChatResponse>>> Batch(const std::vector<ChatRequest>& requests, size_t concurrency,
                                                          const OnDone& on_done);
};

// Asks everything, `concurrency` at a time, and waits. One answer per request, in the order of the requests. An Error
// means the provider as a whole cannot be used. Not to be called on executor()'s own thread.
Result<std::vector<Result<ChatResponse>>> ChatAll(Provider& provider, const std::vector<ChatRequest>& requests,
                                                  size_t concurrency, const OnDone& on_done);

// Gives a whole answer to who asked for a stream: one piece for each choice.
asio::awaitable<Status> HandOnWhole(const ChatResponse& whole, const OnDelta& on_delta);

// OpenAI's "messages" with one system message in front (joined to one that is there).
json::array WithSystem(const json::array& messages, std::string_view system);
// The text of a message's content: a string, or its "text" parts joined by line breaks.
std::string ContentText(const json::value& content);

}  // namespace plumb::provider
