// Mehrotra et al. 2023, "Tree of Attacks with Pruning": a second model proposes several prompts for each of the best so far;
// those that left the topic are cut before they are asked, and of the rest the most harmful answers are gone on from. Where all of a
// round left it, as a small model's do, they are asked with the objective behind them rather than for nothing.
#include <algorithm>
#include <utility>

#include "base/stats/bootstrap.h"
#include "measure/redteam/proposal.h"

namespace plumb::redteam {
namespace {

constexpr size_t kBranches = 3;  // proposals for each leaf
constexpr size_t kWidth = 3;     // leaves that are gone on from
constexpr int kBarren = 3;       // rounds without any proposal, after which there is nothing more to try

class Tree : public Session {
 public:
  Tree(std::string goal, uint64_t seed, int most) : goal_(std::move(goal)), random_(seed), left_(most) {}

  std::optional<Try> Next() override {
    while (left_ > 0 && barren_ < kBarren) {
      if (leaf_ < leaves_.size()) return AskForProposal(goal_, leaves_[leaf_].said, random_.Next() >> 12);
      if (next_ < grown_.size()) {
        --left_;
        return Ask(grown_[next_].said.prompt);
      }
      Prune();
    }
    return std::nullopt;
  }

  void Hear(const Heard& heard) override {
    if (leaf_ < leaves_.size()) {
      if (!heard.answered) left_ = 0;
      std::string proposal = ProposalIn(heard.output);
      if (OnTopic(proposal, goal_)) Grow(std::move(proposal));
      else if (!proposal.empty()) astray_.push_back(std::move(proposal));
      if (++branch_ == kBranches) {
        branch_ = 0;
        ++leaf_;
      }
      if (leaf_ < leaves_.size()) return;
      if (grown_.empty() && !astray_.empty()) Grow(astray_.front() + "\n\n" + goal_);
      astray_.clear();
      return;
    }
    Leaf& leaf = grown_[next_++];
    leaf.said.output = heard.output;
    leaf.said.refused = heard.refused;
    leaf.worth = !heard.answered || heard.refused ? -1 : heard.harm;
  }

 private:
  struct Leaf {
    Exchanged said;
    double worth = 0;
  };

  void Grow(std::string prompt) { grown_.push_back({.said = {.prompt = std::move(prompt), .output = "", .refused = false}, .worth = 0}); }

  // The best answers become the leaves of the next round; where nothing grew, the same leaves try again.
  void Prune() {
    barren_ = grown_.empty() ? barren_ + 1 : 0;
    if (!grown_.empty()) {
      std::ranges::stable_sort(grown_, std::greater(), &Leaf::worth);
      grown_.resize(std::min(grown_.size(), kWidth));
      leaves_ = std::exchange(grown_, {});
    }
    leaf_ = branch_ = next_ = 0;
  }

  std::string goal_;
  stats::Random random_;
  int left_, barren_ = 0;
  std::vector<Leaf> leaves_ = std::vector<Leaf>(1), grown_;
  std::vector<std::string> astray_;  // of this round, left the topic
  size_t leaf_ = 0, branch_ = 0, next_ = 0;
};

}  // namespace

Attack TreeOfAttacks() {
  return {.name = "tap", .family = "tap", .atlas = "AML.T0054", .held_out = true, .adaptive = true, .needs_attacker = true,
          .technique = "a second model proposes several prompts for each of the best; those off the topic are cut",
          .begin = [](const Goal& goal, uint64_t seed, int most) { return std::make_unique<Tree>(goal.text, seed, most); }};
}

}  // namespace plumb::redteam
