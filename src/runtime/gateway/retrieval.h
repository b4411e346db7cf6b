// Which clauses of the policy bear on a request: those whose examples it is most like, by meaning or by words.
//
//   ClauseIndex index(policy);                                  // by words, at once
//   PLUMB_TRY(index, ClauseIndex::Embedded(policy, embedder));   // by meaning: asks the encoder for each passage
//   for (const Bearing& each : index.Top("how do I whittle a spoon", 3)) … each.clause, each.score
//
// A passage is a clause's own words or one of its training examples, of either side: what only looks like a violation
// is told apart by the same clause. A clause's score is the mean of its three best passages. An index is immutable and
// safe to use from any thread; Embedded and a search in an embedded index block on the encoder.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/core.h"
#include "intent/policy/policy.h"

namespace plumb::gateway {

// Texts to vectors, whatever does it. Safe to call from any thread.
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual Result<std::vector<std::vector<float>>> Embed(const std::vector<std::string>& texts) = 0;
};

struct Bearing {
  std::string clause;
  double score = 0;  // 0..1 for meaning; a BM25 sum for words
};

class ClauseIndex {
 public:
  // By words alone.
  explicit ClauseIndex(const policy::Policy& policy);
  // By meaning. `embedder` must outlive the index. Error: the embedder's.
  static Result<ClauseIndex> Embedded(const policy::Policy& policy, Embedder& embedder);
  ClauseIndex(ClauseIndex&&) noexcept;
  ClauseIndex& operator=(ClauseIndex&&) noexcept;
  ~ClauseIndex();

  // The k clauses that bear on `text` most, best first. An encoder that fails is replaced by the words.
  std::vector<Bearing> Top(std::string_view text, size_t k) const;
  bool embedded() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// How often the clause that a violating example of the policy's own test split belongs to is among the first k.
struct Recall {
  int64_t n = 0, found = 0;
  double low = 0, high = 0;  // of 95 %, Wilson
};
// `most`: at most about so many of them, evenly taken; 0 is all.
Recall MeasureRecall(const policy::Policy& policy, const ClauseIndex& index, size_t k, size_t most = 0);

}  // namespace plumb::gateway
