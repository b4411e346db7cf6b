// Continuous batching: requests join and leave the running batch token by token.
//
//   Generator generator(*engine, *tokenizer, {});
//   generator.Add({.prompt = ids, .sampling = {.max_tokens = 64}, .on_done = [&](const Completion& c) { … }});
//   while (generator.Step()) {}
//
// Driven by one thread. Callbacks run inside Step and may call Add and Cancel. A prompt that begins like an earlier one
// shares its cached pages. In float32 a request's text depends on the request alone.
#pragma once

#include <deque>
#include <functional>
#include <list>

#include "model/lm/engine.h"
#include "model/lm/sampler.h"
#include "model/lm/tokenizer.h"

namespace plumb::lm {

struct TokenDetail {
  int32_t id = 0;
  float logprob = 0;
  std::vector<TokenLogprob> top;
};

struct Completion {
  std::string text;
  std::vector<int32_t> ids;
  std::vector<TokenDetail> logprobs;  // where sampling.logprobs ≥ 0
  std::string finish_reason;          // "stop", "length" or "cancelled"
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, not computed again
};

struct GenerateRequest {
  std::vector<int32_t> prompt;
  Sampling sampling;
  std::function<void(std::string_view)> on_text;    // whole characters, as they become certain; may be empty
  std::function<void(const Completion&)> on_done;
  bool urgent = false;  // before those that wait already: somebody is watching
};

struct GeneratorOptions {
  int64_t slots = 32;               // sequences that run at once
  int64_t cached_tokens = 1 << 14;  // of finished prompts, kept for others that begin alike
};

class Generator {
 public:
  Generator(Engine& engine, const Tokenizer& tokenizer, GeneratorOptions options);

  // Queues a request and returns its number. Error: kInvalid (an empty prompt, one longer than the context).
  Result<uint64_t> Add(GenerateRequest request);
  // Ends a request early: on_done with "cancelled". Unknown numbers are ignored.
  void Cancel(uint64_t number);
  // Runs one step. False where nothing is left to do.
  bool Step();
  size_t waiting() const { return waiting_.size(); }
  size_t running() const { return running_.size(); }

 private:
  struct Slot {
    uint64_t number = 0;
    GenerateRequest request;
    KvSequence sequence;
    size_t prefilled = 0;  // tokens of the prompt that have been through the engine
    Completion done;
    Utf8Stream stream;
    std::string pending;  // text that may yet be the beginning of a stop text
    bool cancelled = false;
  };
  struct Cached {
    std::vector<int32_t> tokens;
    KvSequence sequence;
  };

  void Admit();
  bool WaitsForPrefix(const std::vector<int32_t>& prompt, int64_t cached) const;
  const Cached* LongestCached(const std::vector<int32_t>& prompt, int64_t* shared);
  void Remember(const Slot& slot);
  // Takes one token; true where the request is finished.
  bool Take(Slot& slot, const float* logits);
  void Emit(Slot& slot, std::string_view text, bool last);
  void Finish(Slot& slot);

  Engine& engine_;
  const Tokenizer& tokenizer_;
  GeneratorOptions options_;
  uint64_t next_number_ = 1;
  std::deque<Slot> waiting_;
  std::list<Slot> running_;
  std::list<Cached> cache_;  // most recently used first
};

// log P(token | tokens before it) of every token but the first, for each sequence.
// Error: kInvalid where a sequence is longer than the context.
Result<std::vector<std::vector<float>>> ScoreTokens(Engine& engine, const std::vector<std::vector<int32_t>>& sequences);

}  // namespace plumb::lm
