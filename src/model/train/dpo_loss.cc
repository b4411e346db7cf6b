#include "model/train/dpo_loss.h"

#include <algorithm>
#include <cmath>

namespace plumb::train {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double LogSigmoid(double x) { return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x))); }

// The losses of the margin alone: value and slope at `delta`.
struct Slope {
  double value, slope;
};

using Loss = PairLoss (*)(const DpoOptions&, const PairLogps&);

PairLoss OfMargin(Slope s, double chosen_scale = 1, double rejected_scale = 1) {
  return {s.value, s.slope * chosen_scale, -s.slope * rejected_scale};
}
double Delta(const PairLogps& p) {
  return (p.chosen - p.ref_chosen) - (p.rejected - p.ref_rejected);
}

PairLoss SigmoidLoss(const DpoOptions& o, const PairLogps& p) {
  const double x = o.beta * Delta(p), e = o.label_smoothing;
  return OfMargin({-(1 - e) * LogSigmoid(x) - e * LogSigmoid(-x),
                   o.beta * (-(1 - e) * Sigmoid(-x) + e * Sigmoid(x))});
}
PairLoss RobustLoss(const DpoOptions& o, const PairLogps& p) {  // Chowdhury et al. 2024
  const double x = o.beta * Delta(p), e = o.label_smoothing, n = 1 - 2 * e;
  return OfMargin({(-(1 - e) * LogSigmoid(x) + e * LogSigmoid(-x)) / n,
                   o.beta * (-(1 - e) * Sigmoid(-x) - e * Sigmoid(x)) / n});
}
PairLoss HingeLoss(const DpoOptions& o, const PairLogps& p) {  // Zhao et al. 2023 (SLiC)
  const double rest = 1 - o.beta * Delta(p);
  return OfMargin({std::max(0.0, rest), rest > 0 ? -o.beta : 0});
}
PairLoss IpoLoss(const DpoOptions& o, const PairLogps& p) {  // Azar et al. 2023, eq. 17, per token
  const double c = (p.chosen - p.ref_chosen) / p.chosen_tokens,
               r = (p.rejected - p.ref_rejected) / p.rejected_tokens;
  const double d = c - r - 1 / (2 * o.beta);
  return OfMargin({d * d, 2 * d}, 1 / p.chosen_tokens, 1 / p.rejected_tokens);
}
PairLoss SigmoidNormLoss(const DpoOptions& o, const PairLogps& p) {
  const double c = (p.chosen - p.ref_chosen) / p.chosen_tokens,
               r = (p.rejected - p.ref_rejected) / p.rejected_tokens;
  const double x = o.beta * (c - r);
  return OfMargin({-LogSigmoid(x), -o.beta * Sigmoid(-x)}, 1 / p.chosen_tokens,
                  1 / p.rejected_tokens);
}
PairLoss ApoZeroLoss(const DpoOptions& o, const PairLogps& p) {  // D'Oosterlinck et al. 2024, eq. 7
  const double c = Sigmoid(o.beta * (p.chosen - p.ref_chosen)),
               r = Sigmoid(o.beta * (p.rejected - p.ref_rejected));
  return {1 - c + r, -o.beta * c * (1 - c), o.beta * r * (1 - r)};
}

const std::pair<const char*, Loss> kLosses[] = {
    {"sigmoid", SigmoidLoss}, {"robust", RobustLoss},    {"hinge", HingeLoss},
    {"ipo", IpoLoss},         {"apo_zero", ApoZeroLoss}, {"sigmoid_norm", SigmoidNormLoss}};

Loss Find(std::string_view name) {
  for (const auto& [known, loss] : kLosses)
    if (name == known) return loss;
  return nullptr;
}

}  // namespace

Status CheckDpoOptions(const DpoOptions& options) {
  if (options.loss_type.empty()) return Fail(Code::kInvalid, "\"loss_type\" is empty");
  for (const std::string& name : options.loss_type) {
    if (name == "robust" && options.label_smoothing >= 0.5)
      return Fail(Code::kInvalid, "the robust loss needs label_smoothing below 0.5");
    if (Find(name)) continue;
    std::vector<std::string> names;
    for (const auto& [known, loss] : kLosses) names.push_back(known);
    return Fail(Code::kInvalid, "no loss_type \"{}\"{}; there are {}", name,
                DidYouMean(name, names), Join(names, ", "));
  }
  return {};
}

PairLoss DpoLoss(const DpoOptions& options, const PairLogps& pair) {
  PairLoss sum;
  for (size_t i = 0; i < options.loss_type.size(); ++i) {
    const double w = options.weights.empty() ? 1 : options.weights[i];
    const PairLoss one = Find(options.loss_type[i])(options, pair);
    sum.loss += w * one.loss;
    sum.d_chosen += w * one.d_chosen;
    sum.d_rejected += w * one.d_rejected;
  }
  return sum;
}

}  // namespace plumb::train
