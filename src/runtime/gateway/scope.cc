#include "runtime/gateway/scope.h"

#include <algorithm>
#include <optional>

namespace plumb::gateway {
namespace {

constexpr size_t kMostExampleBytes = 2000;  // an example is a sentence; what is much longer is near none

// Hashes of words and pairs of neighbouring words, sorted; nothing where there are more than `most`.
std::optional<Grams> GramsOf(std::string_view text, size_t most) {
  constexpr uint64_t kOffset = 0xcbf29ce484222325ull, kPrime = 0x100000001b3ull;
  Grams grams;
  uint64_t word = kOffset, before = 0;
  bool open = false;
  const auto add = [&](uint64_t gram) {
    const auto place = std::ranges::lower_bound(grams, gram);
    if (place == grams.end() || *place != gram) grams.insert(place, gram);
  };
  for (size_t i = 0; i <= text.size() && grams.size() <= most; ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    if (static_cast<unsigned char>(c) >= 0x80 || (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9')) {
      word = (word ^ static_cast<unsigned char>(lower)) * kPrime;
      open = true;
    } else if (c != '\'' && open) {
      add(word);
      if (before) add(before * 31 + word);
      before = word;
      word = kOffset;
      open = false;
    }
  }
  if (grams.size() > most) return std::nullopt;
  return grams;
}

double Jaccard(const Grams& a, const Grams& b) {
  const auto both = static_cast<double>(std::ranges::count_if(a, [&](uint64_t gram) { return std::ranges::binary_search(b, gram); }));
  const double all = static_cast<double>(a.size() + b.size()) - both;
  return all > 0 ? both / all : 0;
}

double Nearest(const std::vector<Grams>& examples, const Grams& request) {
  double most = 0;
  for (const auto& example : examples) most = std::max(most, Jaccard(example, request));
  return most;
}

}  // namespace

ScopeExamples::ScopeExamples(const policy::Policy& policy) {
  for (const policy::Example& example : policy::Examples(policy)) {
    if (example.clause != "scope") continue;
    Grams grams = *GramsOf(example.text, example.text.size());
    if (example.violates) most_ = std::max(most_, static_cast<size_t>(static_cast<double>(grams.size()) / kScopeSimilar));
    (example.violates ? out_ : in_).push_back(std::move(grams));
  }
}

bool ScopeExamples::Outside(std::string_view request) const {
  if (out_.empty() || request.size() > kMostExampleBytes) return false;
  const std::optional<Grams> grams = GramsOf(request, most_);
  if (!grams) return false;
  const double out = Nearest(out_, *grams);
  return out >= kScopeSimilar && out > Nearest(in_, *grams);
}

}  // namespace plumb::gateway
