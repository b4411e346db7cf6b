#include "model/lm/generator.h"

#include <algorithm>

namespace plumb::lm {
namespace {

// Whole pages that two prompts share, in tokens.
int64_t SharedPages(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  const auto [end, other] = std::ranges::mismatch(a, b);
  return (end - a.begin()) / kKvBlock * kKvBlock;
}

// How many bytes at the end of `text` could be the beginning of a stop text.
size_t HeldBack(std::string_view text, const std::vector<std::string>& stops) {
  size_t most = 0;
  for (const std::string& stop : stops)
    for (size_t n = std::min(stop.size() - 1, text.size()); n > most; --n)
      if (text.ends_with(std::string_view(stop).substr(0, n))) most = n;
  return most;
}

}  // namespace

Generator::Generator(Engine& engine, const Tokenizer& tokenizer, GeneratorOptions options)
    : engine_(engine), tokenizer_(tokenizer), options_(options) {}

Result<uint64_t> Generator::Add(GenerateRequest request) {
  PLUMB_CHECK(request.sampling.Check());
  const auto size = static_cast<int64_t>(request.prompt.size());
  if (size == 0) return Fail(Code::kInvalid, "the prompt is empty");
  if (size >= engine_.config().context)
    return Fail(Code::kInvalid, "the prompt has {} tokens, the model's context is {}", size, engine_.config().context);
  for (int32_t id : request.prompt)
    if (id < 0 || id >= engine_.config().vocab) return Fail(Code::kInvalid, "token {} is not in the vocabulary", id);
  Slot slot;
  slot.number = next_number_++;
  slot.request = std::move(request);
  slot.done.input_tokens = size;
  const uint64_t number = slot.number;
  slot.request.urgent ? waiting_.push_front(std::move(slot)) : waiting_.push_back(std::move(slot));
  return number;
}

void Generator::Cancel(uint64_t number) {
  for (Slot& slot : running_)
    if (slot.number == number) slot.cancelled = true;
  for (Slot& slot : waiting_)
    if (slot.number == number) slot.cancelled = true;
}

const Generator::Cached* Generator::LongestCached(const std::vector<int32_t>& prompt, int64_t* shared) {
  *shared = 0;
  auto best = cache_.end();
  for (auto entry = cache_.begin(); entry != cache_.end(); ++entry)
    if (const int64_t n = SharedPages(entry->tokens, prompt); n > *shared) *shared = n, best = entry;
  // At least one token must go through the engine, for its logits.
  if (*shared >= static_cast<int64_t>(prompt.size())) *shared -= kKvBlock;
  if (best == cache_.end() || *shared <= 0) return *shared = 0, nullptr;
  cache_.splice(cache_.begin(), cache_, best);
  return &cache_.front();
}

// True where a running prompt, not yet through, will leave more pages of this prompt in the cache than are there now.
bool Generator::WaitsForPrefix(const std::vector<int32_t>& prompt, int64_t cached) const {
  return std::ranges::any_of(running_, [&](const Slot& slot) {
    return slot.prefilled < slot.request.prompt.size() && SharedPages(slot.request.prompt, prompt) > cached;
  });
}

void Generator::Admit() {
  int64_t looks = 4 * options_.slots;  // how far past requests that wait for a prefix it looks
  for (auto next = waiting_.begin();
       next != waiting_.end() && static_cast<int64_t>(running_.size()) < options_.slots && looks-- > 0;) {
    int64_t shared = 0;
    const Cached* cached = LongestCached(next->request.prompt, &shared);
    if (!next->cancelled && WaitsForPrefix(next->request.prompt, shared)) {
      ++next;
      continue;
    }
    Slot slot = std::move(*next);
    next = waiting_.erase(next);
    if (cached) {
      slot.sequence = cached->sequence.Prefix(shared);
      slot.prefilled = static_cast<size_t>(shared);
      slot.done.cached_tokens = shared;
    }
    running_.push_back(std::move(slot));
  }
}

void Generator::Remember(const Slot& slot) {
  const int64_t pages = slot.done.input_tokens / kKvBlock * kKvBlock;
  if (pages == 0 || pages == slot.done.cached_tokens) return;
  cache_.push_front({std::vector<int32_t>(slot.request.prompt.begin(), slot.request.prompt.begin() + pages), slot.sequence.Prefix(pages)});
  int64_t total = 0;
  for (auto entry = cache_.begin(); entry != cache_.end();) {
    total += static_cast<int64_t>(entry->tokens.size());
    entry = total > options_.cached_tokens && entry != cache_.begin() ? cache_.erase(entry) : std::next(entry);
  }
}

void Generator::Emit(Slot& slot, std::string_view text, bool last) {
  const auto& stops = slot.request.sampling.stop;
  slot.pending += text;
  size_t cut = std::string::npos;
  for (const std::string& stop : stops) cut = std::min(cut, slot.pending.find(stop));
  const bool stopped = cut != std::string::npos;
  if (stopped) {
    slot.pending.resize(cut);
    slot.done.finish_reason = "stop";
  }
  const size_t ready = slot.pending.size() - (last || stopped ? 0 : HeldBack(slot.pending, stops));
  if (ready > 0) {
    slot.done.text.append(slot.pending, 0, ready);
    if (slot.request.on_text) slot.request.on_text(std::string_view(slot.pending).substr(0, ready));
    slot.pending.erase(0, ready);
  }
}

bool Generator::Take(Slot& slot, const float* logits) {
  const Sampling& sampling = slot.request.sampling;
  const int64_t vocab = engine_.config().vocab;
  const int32_t id = Sample(logits, vocab, sampling, static_cast<uint64_t>(slot.done.output_tokens));
  ++slot.done.output_tokens;
  if (sampling.logprobs >= 0) {
    TokenDetail detail{id, logits[id] - Kernels().log_sum_exp(logits, vocab), {}};
    if (sampling.logprobs > 0) detail.top = TopLogprobs(logits, vocab, sampling.logprobs);
    slot.done.logprobs.push_back(std::move(detail));
  }
  if (!sampling.ignore_eos && std::ranges::count(engine_.config().eos, id)) {
    slot.done.finish_reason = "stop";
    return true;
  }
  slot.done.ids.push_back(id);
  Emit(slot, slot.stream.Push(tokenizer_.TokenBytes(id)), false);
  if (!slot.done.finish_reason.empty()) return true;
  if (slot.done.output_tokens >= sampling.max_tokens || slot.sequence.length >= engine_.config().context) {
    slot.done.finish_reason = "length";
    return true;
  }
  return false;
}

void Generator::Finish(Slot& slot) {
  const std::string reason = slot.done.finish_reason;
  if (reason != "stop" || !slot.pending.empty()) Emit(slot, slot.stream.Finish(), true);
  if (!reason.empty() && slot.done.finish_reason != "stop") slot.done.finish_reason = reason;
  if (slot.request.on_done) slot.request.on_done(slot.done);
}

bool Generator::Step() {
  Admit();
  std::list<Slot> ended;
  for (auto slot = running_.begin(); slot != running_.end();) {
    const auto next = std::next(slot);
    if (slot->cancelled) {
      slot->done.finish_reason = "cancelled";
      ended.splice(ended.end(), running_, slot);
    }
    slot = next;
  }
  std::vector<Engine::Work> work;
  std::vector<std::list<Slot>::iterator> who;
  int64_t budget = Engine::kMaxTokens;
  for (bool decoding : {true, false})  // running texts first, then prompts with what is left
    for (auto slot = running_.begin(); slot != running_.end(); ++slot) {
      const std::vector<int32_t>& prompt = slot->request.prompt;
      if ((slot->prefilled == prompt.size()) != decoding || budget == 0) continue;
      std::span<const int32_t> tokens = decoding ? std::span<const int32_t>(&slot->done.ids.back(), 1)
                                                 : std::span<const int32_t>(prompt).subspan(slot->prefilled);
      tokens = tokens.first(std::min<size_t>(tokens.size(), static_cast<size_t>(budget)));
      const bool complete = decoding || slot->prefilled + tokens.size() == prompt.size();
      work.push_back({&slot->sequence, tokens, complete ? 1 : 0});
      who.push_back(slot);
      budget -= static_cast<int64_t>(tokens.size());
    }
  if (!work.empty()) {
    const float* logits = engine_.Step(work);
    for (size_t i = 0; i < work.size(); ++i) {
      Slot& slot = *who[i];
      if (slot.prefilled < slot.request.prompt.size()) {
        slot.prefilled += work[i].tokens.size();
        if (slot.prefilled == slot.request.prompt.size()) Remember(slot);
      }
      if (work[i].logits == 0) continue;
      if (Take(slot, logits)) ended.splice(ended.end(), running_, who[i]);
      logits += engine_.config().vocab;
    }
  }
  for (Slot& slot : ended) Finish(slot);
  return !running_.empty() || !waiting_.empty();
}

Result<std::vector<std::vector<float>>> ScoreTokens(Engine& engine, const std::vector<std::vector<int32_t>>& sequences) {
  constexpr size_t kChunk = 128;  // rows of logits at a time
  const int64_t vocab = engine.config().vocab;
  std::vector<std::vector<float>> out(sequences.size());
  for (size_t s = 0; s < sequences.size(); ++s) {
    const std::vector<int32_t>& ids = sequences[s];
    if (static_cast<int64_t>(ids.size()) > engine.config().context)
      return Fail(Code::kInvalid, "text {} has {} tokens, the model's context is {}", s, ids.size(), engine.config().context);
    KvSequence sequence;
    for (size_t begin = 0; begin + 1 < ids.size(); begin += kChunk) {
      const size_t n = std::min(kChunk, ids.size() - 1 - begin);
      const float* logits = engine.Step({{&sequence, std::span(ids).subspan(begin, n), static_cast<int64_t>(n)}});
      for (size_t i = 0; i < n; ++i, logits += vocab)
        out[s].push_back(logits[ids[begin + i + 1]] - Kernels().log_sum_exp(logits, vocab));
    }
  }
  return out;
}

}  // namespace plumb::lm
