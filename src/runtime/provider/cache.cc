#include "runtime/provider/cache.h"

namespace plumb::provider {
namespace {

size_t JsonBytes(const json::value& value) { return value.is_null() ? 0 : ToJson(value).size(); }

// What an entry takes, roughly: its texts and a fixed part.
size_t BytesOf(const ChatResponse& answer) {
  size_t bytes = 512 + answer.text.size() + answer.reasoning.size() + answer.signature.size() +
                 JsonBytes(json::value(answer.tool_calls)) + (answer.raw.empty() ? 0 : JsonBytes(answer.raw));
  for (const Choice& choice : answer.choices) {
    bytes += 128 + choice.text.size() + choice.reasoning.size() + JsonBytes(json::value(choice.tool_calls));
  }
  return bytes;
}

bool EndedWell(std::string_view finish_reason) { return finish_reason == "stop" || finish_reason == "tool_calls"; }

bool Whole(const ChatResponse& answer) {
  return EndedWell(answer.finish_reason) && answer.logprobs.is_null() &&
         std::ranges::all_of(answer.choices, [](const Choice& choice) { return EndedWell(choice.finish_reason); });
}

}  // namespace

const ChatResponse* AnswerCache::Find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  if (clock_() >= found->second->until) {
    Drop(found->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->answer;
}

void AnswerCache::Put(const std::string& key, ChatResponse answer) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) Drop(found->second);
  const size_t bytes = BytesOf(answer);
  if (bytes > policy_.max_bytes) return;
  entries_.push_front({key, std::move(answer), clock_() + policy_.ttl, bytes});
  by_key_[key] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > policy_.max_bytes) Drop(std::prev(entries_.end()));
}

void AnswerCache::Drop(std::list<Entry>::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

Result<std::string> CacheKey(const ChatRequest& request, std::string_view salt) {
  json::object all;
  all["salt"] = salt;
  all["scope"] = request.scope;
  all["model"] = request.model;
  all["messages"] = request.messages;
  if (request.temperature) all["temperature"] = *request.temperature;
  if (request.top_p) all["top_p"] = *request.top_p;
  if (request.max_tokens) all["max_tokens"] = *request.max_tokens;
  if (request.seed) all["seed"] = *request.seed;
  all["stop"] = json::value_from(request.stop);
  all["extra"] = request.extra;
  PLUMB_TRY(const std::string text, CanonicalJson(all));
  return Sha256Hex(text);
}

CachedProvider::CachedProvider(std::shared_ptr<Provider> behind, CachePolicy policy, std::string salt, CacheClock clock)
    : behind_(std::move(behind)), salt_(std::move(salt)), cache_(std::make_shared<AnswerCache>(policy, std::move(clock))) {}

const ChatResponse* CachedProvider::Find(const ChatRequest& request, std::string& key) {
  auto made = CacheKey(request, salt_);
  if (!made) return nullptr;  // the request is asked for, and its answer not kept
  key = std::move(*made);
  return request.fresh ? nullptr : cache_->Find(key);
}

void CachedProvider::Offer(const std::string& key, ChatResponse& answer, bool with_raw) const {
  if (key.empty() || !Whole(answer)) return;
  auto kept = std::make_shared<ChatResponse>(answer);
  if (!with_raw) kept->raw.clear();
  answer.keep = [cache = std::weak_ptr<AnswerCache>(cache_), key, kept] {
    if (auto open = cache.lock()) open->Put(key, *kept);
  };
}

asio::awaitable<Result<ChatResponse>> CachedProvider::Chat(ChatRequest request) {
  std::string key;
  if (const ChatResponse* found = Find(request, key)) {
    ChatResponse answer = *found;
    answer.cached = true;
    co_return answer;
  }
  Result<ChatResponse> answer = co_await behind_->Chat(std::move(request));
  if (answer) Offer(key, *answer);
  co_return answer;
}

asio::awaitable<Result<ChatResponse>> CachedProvider::ChatStream(ChatRequest request, OnDelta on_delta) {
  std::string key;
  if (const ChatResponse* found = Find(request, key)) {
    ChatResponse answer = *found;
    answer.cached = true;
    PLUMB_CO_CHECK(co_await HandOnWhole(answer, on_delta));
    co_return answer;
  }
  Result<ChatResponse> answer = co_await behind_->ChatStream(std::move(request), std::move(on_delta));
  if (answer) Offer(key, *answer);
  co_return answer;
}

asio::awaitable<Result<ChatResponse>> CachedProvider::Post(std::string path, json::object body, ChatRequest about) {
  std::string key;
  if (path == "/embeddings") {
    ChatRequest question;
    question.scope = about.scope;
    question.fresh = about.fresh;
    question.extra = {{"path", path}, {"body", body}};
    if (const ChatResponse* found = Find(question, key)) {
      ChatResponse answer = *found;
      answer.cached = true;
      co_return answer;
    }
  }
  Result<ChatResponse> answer = co_await behind_->Post(std::move(path), std::move(body), std::move(about));
  if (answer) Offer(key, *answer, true);
  co_return answer;
}

}  // namespace plumb::provider
