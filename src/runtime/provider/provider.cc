#include "runtime/provider/provider.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

namespace plumb::provider {
namespace {

// What the workers of one batch share; all of them run on one thread.
struct Shared {
  Provider& provider;
  const std::vector<ChatRequest>& requests;
  const OnDone& on_done;
  std::vector<Result<ChatResponse>> answers;
  size_t next = 0;
  bool stop = false;
};

asio::awaitable<void> Work(Shared& shared) {
  while (shared.next < shared.requests.size() && !shared.stop) {
    const size_t index = shared.next++;
    Result<ChatResponse> answer = co_await shared.provider.Chat(shared.requests[index]);
    shared.answers[index] = std::move(answer);
    if (shared.on_done && !shared.on_done(index, shared.answers[index])) shared.stop = true;
  }
}

}  // namespace

asio::awaitable<Result<std::vector<std::string>>> Provider::Models() {
  co_return Fail(Code::kUnsupported, "provider '{}' does not list its models", name());
}

asio::awaitable<Result<ChatResponse>> Provider::Post(std::string path, json::object, ChatRequest) {
  co_return Fail(Code::kUnsupported, "provider '{}' has no {}", name(), path);
}

Result<std::vector<Result<ChatResponse>>> Provider::Batch(const std::vector<ChatRequest>& requests, size_t concurrency,
                                                          const OnDone& on_done) {
  const Error not_begun{Code::kCancelled, "stopped before this was asked", ""};
  Shared shared{*this, requests, on_done, {}, 0, false};
  shared.answers.assign(requests.size(), std::unexpected(not_begun));
  std::vector<std::future<void>> workers;
  for (size_t i = 0; i < std::clamp<size_t>(concurrency, 1, std::max<size_t>(requests.size(), 1)); ++i) {
    workers.push_back(asio::co_spawn(executor(), Work(shared), asio::use_future));
  }
  for (auto& worker : workers) worker.wait();
  return std::move(shared.answers);
}

Result<std::vector<Result<ChatResponse>>> ChatAll(Provider& provider, const std::vector<ChatRequest>& requests,
                                                  size_t concurrency, const OnDone& on_done) {
  return provider.Batch(requests, concurrency, on_done);
}

asio::awaitable<Status> HandOnWhole(const ChatResponse& whole, const OnDelta& on_delta) {
  std::vector<ChatDelta> deltas(1);
  deltas[0].text = whole.text;
  deltas[0].tool_calls = whole.tool_calls;
  deltas[0].reasoning = whole.reasoning;
  deltas[0].signature = whole.signature;
  deltas[0].logprobs = whole.logprobs;
  deltas[0].model = whole.model;
  deltas[0].target = whole.target;
  deltas[0].cached = whole.cached;
  for (const Choice& choice : whole.choices) {
    ChatDelta delta;
    delta.choice = choice.index;
    delta.text = choice.text;
    delta.tool_calls = choice.tool_calls;
    delta.reasoning = choice.reasoning;
    delta.logprobs = choice.logprobs;
    deltas.push_back(std::move(delta));
  }
  for (ChatDelta& delta : deltas) {
    int64_t index = 0;
    for (json::value& call : delta.tool_calls) {
      if (call.is_object()) call.get_object()["index"] = index++;
    }
    PLUMB_CO_CHECK(co_await on_delta(delta));
  }
  co_return Status();
}

json::array WithSystem(const json::array& messages, std::string_view system) {
  json::array out;
  std::string joined(system);
  for (const json::value& message : messages) {
    const json::object* object = message.if_object();
    const json::string* role = object ? FindString(*object, "role") : nullptr;
    if (role && (*role == "system" || *role == "developer") && object->contains("content")) {
      joined += "\n\n" + ContentText(object->at("content"));
    } else {
      out.push_back(message);
    }
  }
  out.insert(out.begin(), json::object{{"role", "system"}, {"content", joined}});
  return out;
}

std::string ContentText(const json::value& content) {
  if (const json::string* text = content.if_string()) return std::string(*text);
  std::string out;
  if (const json::array* parts = content.if_array()) {
    for (const json::value& part : *parts) {
      const json::object* object = part.if_object();
      const json::string* text = object ? FindString(*object, "text") : nullptr;
      if (!text) continue;
      if (!out.empty()) out += '\n';
      out += std::string_view(*text);
    }
  }
  return out;
}

}  // namespace plumb::provider
