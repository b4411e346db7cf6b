#include "base/stats/ranking.h"

#include <algorithm>
#include <numeric>

#include "base/stats/interval.h"

namespace plumb::stats {
namespace {

// Calls visit(positives, negatives) for each group of equal scores, highest first.
template <class Visit>
void EachThreshold(const std::vector<double>& score, const std::vector<bool>& positive, Visit visit) {
  std::vector<size_t> order(score.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score[a] > score[b]; });
  for (size_t i = 0; i < order.size();) {
    double positives = 0, negatives = 0;
    const double at = score[order[i]];
    for (; i < order.size() && score[order[i]] == at; ++i) ++(positive[order[i]] ? positives : negatives);
    visit(positives, negatives);
  }
}

}  // namespace

double Auroc(const std::vector<double>& score, const std::vector<bool>& positive) {
  double above = 0, area = 0, negatives_seen = 0;
  EachThreshold(score, positive, [&](double positives, double negatives) {
    area += negatives * (above + positives / 2);
    above += positives;
    negatives_seen += negatives;
  });
  return above > 0 && negatives_seen > 0 ? area / (above * negatives_seen) : kNan;
}

double Auprc(const std::vector<double>& score, const std::vector<bool>& positive) {
  const double all = static_cast<double>(std::count(positive.begin(), positive.end(), true));
  if (all == 0) return kNan;
  double hits = 0, seen = 0, area = 0;
  EachThreshold(score, positive, [&](double positives, double negatives) {
    hits += positives;
    seen += positives + negatives;
    area += positives / all * (hits / seen);
  });
  return area;
}

}  // namespace plumb::stats
