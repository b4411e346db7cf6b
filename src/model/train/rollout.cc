#include "model/train/rollout.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "model/lm/engine.h"
#include "model/lm/kernels.h"

namespace plumb::train {
namespace {

// log p(id) under softmax(logits / temperature).
float LogpAt(const float* logits, int64_t vocab, int32_t id, double temperature) {
  if (temperature == 1) return logits[id] - lm::Kernels().log_sum_exp(logits, vocab);
  thread_local std::vector<float> scaled;
  scaled.resize(static_cast<size_t>(vocab));
  for (int64_t i = 0; i < vocab; ++i) scaled[i] = static_cast<float>(logits[i] / temperature);
  return scaled[id] - lm::Kernels().log_sum_exp(scaled.data(), vocab);
}

struct Slot {
  size_t which = 0;
  lm::KvSequence sequence;
  std::vector<int32_t> pending;  // tokens that are not yet through the engine
};

class Run {
 public:
  Run(lm::Engine& engine, const lm::Sampling& sampling,
      const std::vector<std::vector<int32_t>>& prompts, const std::vector<uint64_t>& seeds)
      : engine_(engine),
        sampling_(sampling),
        prompts_(prompts),
        seeds_(seeds),
        done_(prompts.size()) {}

  std::vector<Completion> All(int64_t slots) {
    size_t next = 0;
    while (next < prompts_.size() || !slots_.empty()) {
      while (next < prompts_.size() && static_cast<int64_t>(slots_.size()) < slots)
        slots_.push_back(Begin(next++));
      Step();
    }
    return std::move(done_);
  }

 private:
  // Whole pages of a prompt are computed once for all its completions.
  Slot Begin(size_t which) {
    const std::vector<int32_t>& prompt = prompts_[which];
    Slot slot{.which = which};
    const int64_t pages = (static_cast<int64_t>(prompt.size()) - 1) / lm::kKvBlock * lm::kKvBlock;
    if (pages > 0) {
      auto [at, fresh] = prefixes_.try_emplace(
          std::vector<int32_t>(prompt.begin(), prompt.begin() + static_cast<long>(pages)));
      if (fresh)
        for (int64_t begin = 0; begin < pages; begin += lm::Engine::kMaxTokens)
          engine_.Step({{&at->second,
                         std::span(prompt).subspan(
                             static_cast<size_t>(begin),
                             static_cast<size_t>(std::min(lm::Engine::kMaxTokens, pages - begin))),
                         0}});
      slot.sequence = at->second.Prefix(pages);
    }
    slot.pending.assign(prompt.begin() + static_cast<long>(pages), prompt.end());
    return slot;
  }

  void Step() {
    std::vector<lm::Engine::Work> work;
    std::vector<size_t> who;
    int64_t left = lm::Engine::kMaxTokens;
    for (size_t i = 0; i < slots_.size(); ++i) {
      const auto n = static_cast<int64_t>(slots_[i].pending.size());
      if (n > left) continue;
      work.push_back({&slots_[i].sequence, slots_[i].pending, 1});
      who.push_back(i);
      left -= n;
    }
    const float* logits = engine_.Step(work);
    std::vector<bool> ended(slots_.size(), false);
    for (size_t i : who) {
      ended[i] = Take(slots_[i], logits);
      logits += engine_.config().vocab;
    }
    size_t kept = 0;
    for (size_t i = 0; i < slots_.size(); ++i)
      if (!ended[i]) {
        if (kept != i) slots_[kept] = std::move(slots_[i]);
        ++kept;
      }
    slots_.resize(kept);
  }

  bool Take(Slot& slot, const float* logits) {
    Completion& done = done_[slot.which];
    const int64_t vocab = engine_.config().vocab;
    lm::Sampling sampling = sampling_;
    sampling.seed = seeds_[slot.which];
    const int32_t id = lm::Sample(logits, vocab, sampling, done.ids.size());
    done.ids.push_back(id);
    done.sampled.push_back(LogpAt(logits, vocab, id, sampling_.temperature));
    const auto& eos = engine_.config().eos;
    done.ended = std::ranges::find(eos, id) != eos.end();
    slot.pending = {id};
    return done.ended || static_cast<int64_t>(done.ids.size()) >= sampling_.max_tokens ||
           slot.sequence.length + 1 >= engine_.config().context;
  }

  lm::Engine& engine_;
  const lm::Sampling& sampling_;
  const std::vector<std::vector<int32_t>>& prompts_;
  const std::vector<uint64_t>& seeds_;
  std::vector<Completion> done_;
  std::vector<Slot> slots_;
  std::map<std::vector<int32_t>, lm::KvSequence> prefixes_;
};

}  // namespace

Result<std::vector<Completion>> EngineRoller::Roll(const std::vector<std::vector<int32_t>>& prompts,
                                                   const std::vector<uint64_t>& seeds) {
  PLUMB_CHECK(sampling_.Check());
  for (const auto& prompt : prompts)
    if (prompt.empty() || static_cast<int64_t>(prompt.size()) + 1 >= model_.config().context)
      return Fail(Code::kInvalid, "a prompt of {} tokens leaves no room in the context of {}",
                  prompt.size(), model_.config().context);
  PLUMB_TRY(const auto engine,
            lm::Engine::Make(model_, model_.type() == at::kFloat ? lm::Precision::kFloat32
                                                                 : lm::Precision::kBFloat16));
  return Run(*engine, sampling_, prompts, seeds).All(slots_);
}

}  // namespace plumb::train
