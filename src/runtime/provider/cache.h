// Answers kept for exactly the same request again: opt-in, bounded, in memory.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "runtime/provider/provider.h"

namespace plumb::provider {

struct CachePolicy {
  std::chrono::seconds ttl{3600};
  size_t max_bytes = 64 << 20;
};

// The steady clock: nobody's answer lives longer, or dies sooner, because the time was set.
using CacheClock = std::function<std::chrono::steady_clock::time_point()>;

// Least recently used goes first; nothing outlives its time. Used from one thread.
class AnswerCache {
 public:
  AnswerCache(CachePolicy policy, CacheClock clock) : policy_(policy), clock_(std::move(clock)) {}

  // nullptr where there is none, or none any more.
  const ChatResponse* Find(const std::string& key);
  void Put(const std::string& key, ChatResponse answer);
  size_t bytes() const { return bytes_; }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    ChatResponse answer;
    std::chrono::steady_clock::time_point until;
    size_t bytes = 0;
  };
  void Drop(std::list<Entry>::iterator entry);

  CachePolicy policy_;
  CacheClock clock_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // newest use first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

// What a request is looked up by: SHA-256 over `salt`, the scope, and the request in canonical JSON. Error: kInvalid (it
// holds a number that JSON cannot say exactly).
Result<std::string> CacheKey(const ChatRequest& request, std::string_view salt);

// A Provider before another. An answer is kept only when its asker says so (ChatResponse::keep), which is after the guard
// let it pass; and only if it is whole: finish_reason stop or tool_calls, no log-probabilities. What comes from the cache
// is marked (ChatResponse::cached) and is guarded like any other answer. A stream is answered in one piece.
class CachedProvider final : public Provider {
 public:
  CachedProvider(std::shared_ptr<Provider> behind, CachePolicy policy, std::string salt, CacheClock clock);

  const std::string& name() const override { return behind_->name(); }
  asio::any_io_executor executor() const override { return behind_->executor(); }
  asio::awaitable<Result<ChatResponse>> Chat(ChatRequest request) override;
  asio::awaitable<Result<ChatResponse>> ChatStream(ChatRequest request, OnDelta on_delta) override;
  asio::awaitable<Result<std::vector<std::string>>> Models() override { return behind_->Models(); }
  // Embeddings are kept too.
  asio::awaitable<Result<ChatResponse>> Post(std::string path, json::object body, ChatRequest about) override;

  Provider& behind() { return *behind_; }
  const AnswerCache& cache() const { return *cache_; }

 private:
  const ChatResponse* Find(const ChatRequest& request, std::string& key);
  void Offer(const std::string& key, ChatResponse& answer, bool with_raw = false) const;

  std::shared_ptr<Provider> behind_;
  std::string salt_;
  std::shared_ptr<AnswerCache> cache_;
};

}  // namespace plumb::provider
