#include "runtime/gateway/retrieval.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "base/stats/proportion.h"

namespace plumb::gateway {
namespace {

constexpr size_t kPassages = 60;  // of each clause for the encoder; words have room for all
constexpr size_t kBest = 3;
constexpr size_t kBatch = 64;
constexpr size_t kMostAskedBytes = 2000;  // of a request: what it is about is said by then

struct Passage {
  std::string text;
  size_t clause = 0;
};

// The clauses that a request can bear on: categories and the scope. Principles and tone bear on every one.
std::vector<std::string> Clauses(const policy::Policy& policy) {
  std::vector<std::string> out;
  if (!policy.scope.out.empty()) out.emplace_back("scope");
  for (const policy::Category& category : policy.categories) out.push_back(category.id);
  return out;
}

// Each clause's own words first, then its training examples, both sides in turn.
std::vector<Passage> Passages(const policy::Policy& policy, const std::vector<std::string>& clauses, size_t most) {
  std::map<std::string, size_t, std::less<>> index;
  std::vector<std::vector<std::string>> sides[2];
  for (auto& side : sides) side.resize(clauses.size());
  for (size_t i = 0; i < clauses.size(); ++i) index[clauses[i]] = i;
  for (const policy::Example& example : policy::Examples(policy)) {
    const auto clause = index.find(example.clause);
    if (clause == index.end() || example.split != policy::Split::kTrain) continue;
    sides[example.violates][clause->second].push_back(example.text);
  }
  std::vector<Passage> out;
  for (size_t i = 0; i < clauses.size(); ++i) {
    const policy::Category* category = policy.FindCategory(clauses[i]);
    if (category) out.push_back({category->about, i});
    const auto &bad = sides[1][i], &good = sides[0][i];
    for (size_t j = 0, taken = 0; taken < most && j < std::max(bad.size(), good.size()); ++j) {
      for (const auto* side : {&bad, &good}) {
        if (j >= side->size() || taken >= most) continue;
        out.push_back({(*side)[j], i});
        ++taken;
      }
    }
  }
  return out;
}

// Lower-case words without their commonest endings.
std::vector<std::string> Stems(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto close = [&] {
    for (std::string_view ending : {"ing", "ed", "es", "s"}) {
      if (word.size() < ending.size() + 3 || !word.ends_with(ending)) continue;
      word.resize(word.size() - ending.size());
      break;
    }
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (const char c : Lower(text)) {
    const bool letter = static_cast<unsigned char>(c) >= 0x80 || std::isalnum(static_cast<unsigned char>(c));
    if (letter) word += c;
    else close();
  }
  close();
  return out;
}

// BM25 (Robertson and Zaragoza 2009, eq. 3.15), k1 = 1.2, b = 0.75.
class WordIndex {
 public:
  explicit WordIndex(const std::vector<Passage>& passages) : lengths_(passages.size()) {
    double total = 0;
    for (size_t i = 0; i < passages.size(); ++i) {
      std::map<std::string, int> counts;
      const std::vector<std::string> stems = Stems(passages[i].text);
      for (const std::string& stem : stems) ++counts[stem];
      for (const auto& [stem, n] : counts) postings_[stem].push_back({i, n});
      lengths_[i] = static_cast<double>(stems.size());
      total += lengths_[i];
    }
    mean_ = passages.empty() ? 1 : std::max(1.0, total / static_cast<double>(passages.size()));
  }

  std::vector<double> Scores(std::string_view text) const {
    std::vector<double> scores(lengths_.size());
    const std::vector<std::string> stems = Stems(text);
    for (const std::string& stem : std::set<std::string>(stems.begin(), stems.end())) {
      const auto found = postings_.find(stem);
      if (found == postings_.end()) continue;
      const double n = static_cast<double>(found->second.size()), all = static_cast<double>(lengths_.size());
      const double idf = std::log(1 + (all - n + 0.5) / (n + 0.5));
      for (const auto& [passage, count] : found->second)
        scores[passage] += idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * lengths_[passage] / mean_));
    }
    return scores;
  }

 private:
  std::unordered_map<std::string, std::vector<std::pair<size_t, int>>> postings_;
  std::vector<double> lengths_;
  double mean_ = 1;
};

void Normalise(std::vector<float>& vector) {
  double square = 0;
  for (const float x : vector) square += static_cast<double>(x) * x;
  if (square <= 0) return;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
}

double Dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

struct ClauseIndex::State {
  std::vector<std::string> clauses;
  std::vector<Passage> passages;
  WordIndex words;
  Embedder* embedder = nullptr;
  std::vector<Passage> embedded;
  std::vector<std::vector<float>> vectors;

  explicit State(const policy::Policy& policy)
      : clauses(Clauses(policy)), passages(Passages(policy, clauses, static_cast<size_t>(-1))), words(passages) {}

  std::vector<Bearing> Rank(const std::vector<Passage>& of, const std::vector<double>& scores, size_t k) const {
    std::vector<std::vector<double>> each(clauses.size());
    for (size_t i = 0; i < of.size(); ++i) each[of[i].clause].push_back(scores[i]);
    std::vector<Bearing> out;
    for (size_t c = 0; c < clauses.size(); ++c) {
      const size_t best = std::min(kBest, each[c].size());
      if (best == 0) continue;
      std::partial_sort(each[c].begin(), each[c].begin() + static_cast<std::ptrdiff_t>(best), each[c].end(), std::greater());
      double sum = 0;
      for (size_t i = 0; i < best; ++i) sum += each[c][i];
      if (sum > 0) out.push_back({clauses[c], sum / static_cast<double>(best)});
    }
    std::ranges::stable_sort(out, std::ranges::greater(), &Bearing::score);
    if (out.size() > k) out.resize(k);
    return out;
  }
};

ClauseIndex::ClauseIndex(const policy::Policy& policy) : state_(std::make_unique<State>(policy)) {}
ClauseIndex::ClauseIndex(ClauseIndex&&) noexcept = default;
ClauseIndex& ClauseIndex::operator=(ClauseIndex&&) noexcept = default;
ClauseIndex::~ClauseIndex() = default;

Result<ClauseIndex> ClauseIndex::Embedded(const policy::Policy& policy, Embedder& embedder) {
  ClauseIndex index(policy);
  State& state = *index.state_;
  state.embedded = Passages(policy, state.clauses, kPassages);
  for (size_t at = 0; at < state.embedded.size(); at += kBatch) {
    std::vector<std::string> texts;
    for (size_t i = at; i < std::min(at + kBatch, state.embedded.size()); ++i) texts.push_back(state.embedded[i].text);
    PLUMB_TRY(std::vector<std::vector<float>> vectors, embedder.Embed(texts));
    if (vectors.size() != texts.size()) return Fail(Code::kCorrupt, "{} texts were embedded as {} vectors", texts.size(), vectors.size());
    for (std::vector<float>& vector : vectors) {
      Normalise(vector);
      state.vectors.push_back(std::move(vector));
    }
  }
  state.embedder = &embedder;
  return index;
}

bool ClauseIndex::embedded() const { return state_->embedder != nullptr; }

std::vector<Bearing> ClauseIndex::Top(std::string_view text, size_t k) const {
  text = text.substr(0, kMostAskedBytes);
  const State& state = *state_;
  if (state.embedder) {
    auto query = state.embedder->Embed({ToUtf8(text)});
    if (query && query->size() == 1) {
      Normalise(query->front());
      std::vector<double> scores;
      for (const std::vector<float>& vector : state.vectors) scores.push_back(Dot(vector, query->front()));
      return state.Rank(state.embedded, scores, k);
    }
  }
  return state.Rank(state.passages, state.words.Scores(text), k);
}

Recall MeasureRecall(const policy::Policy& policy, const ClauseIndex& index, size_t k, size_t most) {
  const std::vector<std::string> clauses = Clauses(policy);
  std::vector<policy::Example> examples;
  for (policy::Example& example : policy::Examples(policy)) {
    const bool counts = example.split == policy::Split::kTest && example.violates && std::ranges::find(clauses, example.clause) != clauses.end();
    if (counts) examples.push_back(std::move(example));
  }
  const size_t step = most == 0 ? 1 : std::max<size_t>(1, examples.size() / most);
  Recall out;
  for (size_t i = 0; i < examples.size(); i += step) {
    ++out.n;
    const std::vector<Bearing> top = index.Top(examples[i].text, k);
    out.found += std::ranges::any_of(top, [&](const Bearing& each) { return each.clause == examples[i].clause; });
  }
  if (out.n == 0) return out;
  const stats::Interval interval = stats::Wilson(out.found, out.n);
  out.low = interval.low;
  out.high = interval.high;
  return out;
}

}  // namespace plumb::gateway
