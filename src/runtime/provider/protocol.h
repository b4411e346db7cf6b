// How a vendor writes a chat down: one implementation per wire format. Private to this room.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/net/http.h"
#include "base/net/sse.h"
#include "runtime/provider/presets.h"
#include "runtime/provider/provider.h"

namespace plumb::provider {

// One streamed answer being read.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  // The pieces in one event. Error: kCorrupt (not what the protocol says), or the vendor's own error.
  virtual Result<std::vector<ChatDelta>> Take(const net::SseEvent& event) = 0;
  // Nothing more is to come.
  virtual bool done() const = 0;
  // The answer is complete but for figures (usage) that may follow.
  virtual bool finished() const = 0;
  // The vendor's own word for the error Take returned, where it gave one.
  virtual const std::string& reason() const = 0;
  // The whole, once finished.
  virtual ChatResponse Whole() = 0;
};

class Protocol {
 public:
  virtual ~Protocol() = default;
  // Where a question is asked: "/chat/completions".
  virtual std::string_view Endpoint(const ChatRequest& request) const = 0;
  // Whether a request in this form may be sent as it came: nothing of it would be worded otherwise.
  virtual bool WordForWord() const = 0;
  // Where an endpoint is below the base URL.
  virtual std::string Path(std::string_view endpoint, std::string_view model) const = 0;
  virtual void Authorise(net::Headers& headers, const std::string& key) const = 0;
  // Error: kUnsupported (a field the vendor cannot express).
  virtual Result<json::object> Body(const ChatRequest& request, bool stream) const = 0;
  // Error: kCorrupt.
  virtual Result<ChatResponse> Parse(json::object answer) const = 0;
  // For the answer to `request`: how many choices it will have stands there.
  virtual std::unique_ptr<StreamReader> Read(const ChatRequest& request) const = 0;
};

// Error: kUnsupported, where a completion asks for what no chat can give.
inline Status AskableAsChat(const ChatRequest& request) {
  for (const char* key : {"suffix", "best_of"})
    if (request.completion && request.extra.contains(key))
      return Fail(Code::kUnsupported, "{} is for models that complete texts; '{}' is asked as a chat", key, request.model);
  return {};
}

// OpenAI chat completions, and all that copy it. `api_version` is Azure's.
std::unique_ptr<Protocol> OpenAiProtocol(Dialect dialect = {}, std::string api_version = "");
std::unique_ptr<Protocol> AnthropicProtocol();  // Anthropic messages

}  // namespace plumb::provider
