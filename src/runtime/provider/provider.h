// runtime/provider: who answers a chat. Vendors over HTTP, the local model through plumb-lm, recorded outputs.
//
//   ChatRequest   what is asked, in OpenAI's words whatever the vendor speaks
//   ChatResponse  the whole answer
//   Provider      asks one endpoint; retries what may be retried
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
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/core/core.h"

namespace plumb::provider {

namespace asio = boost::asio;

struct ChatRequest {
  std::string id;          // of the case; what a replay is looked up by
  std::string model;       // empty: the provider's own default
  json::array messages;    // OpenAI's: {"role","content",…}
  std::optional<double> temperature, top_p;
  std::optional<int64_t> max_tokens;
  std::optional<int64_t> seed;
  std::vector<std::string> stop;
  json::object extra;      // further fields, passed on as they are: tools, tool_choice, response_format, top_k, …
};

struct Usage {
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
};

struct ChatResponse {
  std::string text;           // "" where the answer is tool calls alone
  std::string finish_reason;  // OpenAI's: stop, length, tool_calls, content_filter
  std::string model;          // as the vendor names it
  Usage usage;
  json::array tool_calls;     // OpenAI's
  json::object raw;           // the vendor's own answer; empty for a stream
  int attempts = 1;
};

// A piece of a streamed answer.
struct ChatDelta {
  std::string text;
  json::array tool_calls;     // OpenAI's deltas, with "index"
  std::string reasoning;      // what a reasoning model says to itself, where the vendor shows it
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
  // What ChatAll does; the local provider has a faster way than one request after the other.
  virtual Result<std::vector<Result<ChatResponse>>> Batch(const std::vector<ChatRequest>& requests, size_t concurrency,
                                                          const OnDone& on_done);
};

// Asks everything, `concurrency` at a time, and waits. One answer per request, in the order of the requests. An Error
// means the provider as a whole cannot be used. Not to be called on executor()'s own thread.
Result<std::vector<Result<ChatResponse>>> ChatAll(Provider& provider, const std::vector<ChatRequest>& requests,
                                                  size_t concurrency, const OnDone& on_done);

// OpenAI's "messages" with one system message in front (joined to one that is there).
json::array WithSystem(const json::array& messages, std::string_view system);
// The text of a message's content: a string, or its "text" parts joined by line breaks.
std::string ContentText(const json::value& content);

}  // namespace plumb::provider
