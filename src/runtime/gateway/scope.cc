#include "runtime/gateway/scope.h"

#include <algorithm>
#include <cctype>

namespace plumb::gateway {
namespace {

constexpr size_t kMostBytes = 2000;  // an example is a sentence; what is much longer is near none

// Words and pairs of neighbouring words.
std::set<std::string> GramsOf(std::string_view text) {
  std::set<std::string> grams;
  std::string word, before;
  const auto close = [&] {
    if (word.empty()) return;
    grams.insert(word);
    if (!before.empty()) grams.insert(before + " " + word);
    before = std::move(word);
    word.clear();
  };
  for (const char c : Lower(text)) {
    if (static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c))) word += c;
    else if (c != '\'') close();
  }
  close();
  return grams;
}

double Jaccard(const std::set<std::string>& a, const std::set<std::string>& b) {
  const auto both = static_cast<double>(std::ranges::count_if(a, [&](const std::string& gram) { return b.contains(gram); }));
  const double all = static_cast<double>(a.size() + b.size()) - both;
  return all > 0 ? both / all : 0;
}

double Nearest(const std::vector<std::set<std::string>>& examples, const std::set<std::string>& request) {
  double most = 0;
  for (const auto& example : examples) most = std::max(most, Jaccard(example, request));
  return most;
}

}  // namespace

ScopeExamples::ScopeExamples(const policy::Policy& policy) {
  for (const policy::Example& example : policy::Examples(policy))
    if (example.clause == "scope") (example.violates ? out_ : in_).push_back(GramsOf(example.text));
}

bool ScopeExamples::Outside(std::string_view request) const {
  if (out_.empty() || request.size() > kMostBytes) return false;
  const Grams grams = GramsOf(request);
  const double out = Nearest(out_, grams);
  return out >= kScopeSimilar && out > Nearest(in_, grams);
}

}  // namespace plumb::gateway
