#include "model/lm/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/lm/kernels.h"

namespace plumb::lm {
namespace {

// Steele et al. 2014 (SplitMix64): a uniform number in [0, 1) from seed and step.
double Uniform(uint64_t seed, uint64_t step) {
  uint64_t z = seed * 0x9E3779B97F4A7C15u + (step + 1) * 0xD1B54A32D192ED03u;
  for (int round = 0; round < 2; ++round) {
    z += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
  }
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

struct Candidate {
  int32_t id;
  double weight;  // e^((logit - largest) / temperature)
};

bool Better(const Candidate& a, const Candidate& b) { return a.weight != b.weight ? a.weight > b.weight : a.id < b.id; }

// Tokens whose scaled logit is within `depth` of the largest, best first.
std::vector<Candidate> Within(const float* logits, int64_t vocab, double largest, double temperature, double depth) {
  std::vector<Candidate> out;
  const double floor = largest - depth * temperature;
  for (int64_t i = 0; i < vocab; ++i)
    if (logits[i] >= floor) out.push_back({static_cast<int32_t>(i), std::exp((logits[i] - largest) / temperature)});
  std::ranges::sort(out, Better);
  return out;
}

double Mass(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& c : candidates) sum += c.weight;
  return sum;
}

// The sum of all weights, by the kernels' exponential.
double TotalMass(const float* logits, int64_t vocab, double largest, double temperature) {
  thread_local std::vector<float> scaled;
  scaled.resize(static_cast<size_t>(vocab));
  for (int64_t i = 0; i < vocab; ++i) scaled[i] = static_cast<float>((logits[i] - largest) / temperature);
  return std::exp(Kernels().log_sum_exp(scaled.data(), vocab));
}

}  // namespace

Status Sampling::Check() const {
  if (!(temperature >= 0 && temperature <= 100)) return Fail(Code::kInvalid, "temperature is {}, must be in [0, 100]", temperature);
  if (top_k < 0) return Fail(Code::kInvalid, "top_k is {}, must be 0 (no limit) or more", top_k);
  if (!(top_p > 0 && top_p <= 1)) return Fail(Code::kInvalid, "top_p is {}, must be in (0, 1]", top_p);
  if (!(min_p >= 0 && min_p <= 1)) return Fail(Code::kInvalid, "min_p is {}, must be in [0, 1]", min_p);
  if (max_tokens < 1) return Fail(Code::kInvalid, "max_tokens is {}, must be 1 or more", max_tokens);
  if (logprobs > 20) return Fail(Code::kInvalid, "top_logprobs is {}, must be at most 20", logprobs);
  for (const std::string& text : stop)
    if (text.empty()) return Fail(Code::kInvalid, "a stop text is empty");
  return {};
}

Result<Sampling> SamplingFromJson(const json::object& request, const Sampling& defaults) {
  Sampling s = defaults;
  PLUMB_TRY(s.temperature, GetNumberOr(request, "temperature", defaults.temperature));
  PLUMB_TRY(s.top_k, GetIntOr(request, "top_k", defaults.top_k));
  PLUMB_TRY(s.top_p, GetNumberOr(request, "top_p", defaults.top_p));
  PLUMB_TRY(s.min_p, GetNumberOr(request, "min_p", defaults.min_p));
  PLUMB_TRY(int64_t seed, GetIntOr(request, "seed", static_cast<int64_t>(defaults.seed)));
  s.seed = static_cast<uint64_t>(seed);
  PLUMB_TRY(int64_t max_tokens, GetIntOr(request, "max_tokens", defaults.max_tokens));
  PLUMB_TRY(s.max_tokens, GetIntOr(request, "max_completion_tokens", max_tokens));
  PLUMB_TRY(s.ignore_eos, GetBoolOr(request, "ignore_eos", defaults.ignore_eos));
  const json::value* logprobs = request.if_contains("logprobs");
  if (logprobs && logprobs->is_bool()) {
    if (logprobs->get_bool()) {
      PLUMB_TRY(s.logprobs, GetIntOr(request, "top_logprobs", 0));
    }
  } else {
    PLUMB_TRY(s.logprobs, GetIntOr(request, "logprobs", defaults.logprobs));
  }
  if (const json::value* stop = request.if_contains("stop"); stop && !stop->is_null()) {
    s.stop.clear();
    if (stop->is_string()) {
      s.stop.emplace_back(stop->get_string());
    } else if (stop->is_array()) {
      for (const auto& text : stop->get_array()) {
        if (!text.is_string()) return Fail(Code::kInvalid, "stop holds something that is not text");
        s.stop.emplace_back(text.get_string());
      }
    } else {
      return Fail(Code::kInvalid, "stop is neither text nor a list of texts");
    }
  }
  PLUMB_CHECK(s.Check());
  return s;
}

int32_t Sample(const float* logits, int64_t vocab, const Sampling& s, uint64_t step) {
  const int64_t best = Kernels().argmax(logits, vocab);
  if (s.temperature == 0 || s.top_k == 1) return static_cast<int32_t>(best);
  const double largest = logits[best], u = Uniform(s.seed, step);
  // Few tokens carry almost all of the mass: look at those first, and at more only where they do not decide it.
  double total = -1;
  for (double depth = 6;; depth *= 2) {
    std::vector<Candidate> kept = Within(logits, vocab, largest, s.temperature, depth);
    const bool all = static_cast<int64_t>(kept.size()) == vocab || depth > 700;
    double mass = 0;
    if (s.top_k > 0) {
      if (static_cast<int64_t>(kept.size()) < s.top_k && !all) continue;
      if (static_cast<int64_t>(kept.size()) > s.top_k) kept.resize(static_cast<size_t>(s.top_k));
      mass = Mass(kept);
    } else {
      mass = total = total < 0 ? TotalMass(logits, vocab, largest, s.temperature) : total;
    }
    if (s.top_p < 1) {
      double sum = 0;
      size_t n = 0;
      while (n < kept.size() && sum < s.top_p * mass) sum += kept[n++].weight;
      if (sum < s.top_p * mass && s.top_k == 0 && !all) continue;
      kept.resize(std::max<size_t>(n, 1));
      mass = Mass(kept);
    }
    if (s.min_p > 0) {
      if (std::exp(-depth) > s.min_p && !all && s.top_k == 0 && s.top_p >= 1) continue;
      std::erase_if(kept, [&](const Candidate& c) { return c.weight < s.min_p; });
      mass = Mass(kept);
    }
    double left = u * mass;
    for (const Candidate& c : kept)
      if ((left -= c.weight) < 0) return c.id;
    if (all || s.top_k > 0 || s.top_p < 1 || s.min_p > 0) return kept.back().id;  // rounding
  }
}

std::vector<TokenLogprob> TopLogprobs(const float* logits, int64_t vocab, int64_t n) {
  n = std::clamp<int64_t>(n, 0, vocab);
  std::vector<int32_t> order(static_cast<size_t>(vocab));
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + n, order.end(),
                    [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  const float z = Kernels().log_sum_exp(logits, vocab);
  std::vector<TokenLogprob> out;
  for (int64_t i = 0; i < n; ++i) out.push_back({order[i], logits[order[i]] - z});
  return out;
}

}  // namespace plumb::lm
