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
  const double fell = o.dpop_lambda > 0 ? std::max(0.0, p.ref_chosen - p.chosen) : 0;
  const double x = o.beta * (Delta(p) - o.dpop_lambda * fell), e = o.label_smoothing;
  return OfMargin({-(1 - e) * LogSigmoid(x) - e * LogSigmoid(-x),
                   o.beta * (-(1 - e) * Sigmoid(-x) + e * Sigmoid(x))},
                  fell > 0 ? 1 + o.dpop_lambda : 1);
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
PairLoss ApoDownLoss(const DpoOptions& o, const PairLogps& p) {  // the same, eq. 8
  const double c = Sigmoid(o.beta * (p.chosen - p.ref_chosen)), m = Sigmoid(o.beta * Delta(p));
  const double dm = o.beta * m * (1 - m);
  return {c + 1 - m, o.beta * c * (1 - c) - dm, dm};
}
PairLoss ExoLoss(const DpoOptions& o, const PairLogps& p) {  // Ji et al. 2024, eq. 16
  const double x = o.beta * Delta(p), e = o.label_smoothing, w = Sigmoid(x), l = Sigmoid(-x);
  const double a = LogSigmoid(x) - std::log1p(-e), b = LogSigmoid(-x) - std::log(e);
  // d/dx of w·a + l·b; w' = w·l = −l', a' = l, b' = −w.
  return OfMargin({w * a + l * b, o.beta * w * l * (a - b)});
}
PairLoss NcaLoss(const DpoOptions& o, const PairLogps& p) {  // Chen et al. 2024
  const double c = o.beta * (p.chosen - p.ref_chosen), r = o.beta * (p.rejected - p.ref_rejected);
  return {-LogSigmoid(c) - 0.5 * LogSigmoid(-c) - 0.5 * LogSigmoid(-r),
          o.beta * (-Sigmoid(-c) + 0.5 * Sigmoid(c)), o.beta * 0.5 * Sigmoid(r)};
}
PairLoss BcoLoss(const DpoOptions& o, const PairLogps& p) {  // Jung et al. 2024, of a pair
  const double c = o.beta * (p.chosen - p.ref_chosen), r = o.beta * (p.rejected - p.ref_rejected);
  return {-LogSigmoid(c) - LogSigmoid(-r), -o.beta * Sigmoid(-c), o.beta * Sigmoid(r)};
}
PairLoss SppoLoss(const DpoOptions& o, const PairLogps& p) {  // Wu et al. 2024, eq. 4.7, hard
  const double c = p.chosen - p.ref_chosen - 0.5 / o.beta,
               r = p.rejected - p.ref_rejected + 0.5 / o.beta;
  return {c * c + r * r, 2 * c, 2 * r};
}
PairLoss DiscopopLoss(const DpoOptions& o, const PairLogps& p) {  // Lu et al. 2024, eq. 5
  const double x = o.beta * Delta(p), m = Sigmoid(x / o.discopop_tau);
  const double logistic = -LogSigmoid(x), exponential = std::exp(-x);
  const double dm = m * (1 - m) / o.discopop_tau;
  return OfMargin(
      {logistic * (1 - m) + exponential * m,
       o.beta * (-Sigmoid(-x) * (1 - m) - exponential * m + (exponential - logistic) * dm)});
}
// d/dx log(1 − e^x), x < 0.
double Log1mExpSlope(double x) { return 1 / (1 - std::exp(-x)); }
PairLoss OrpoLoss(const DpoOptions& o, const PairLogps& p) {
  const double odds = LogOdds(p), s = -o.beta * Sigmoid(-odds);
  const double c = p.chosen / p.chosen_tokens, r = p.rejected / p.rejected_tokens;
  return {-o.beta * LogSigmoid(odds), s * (1 - Log1mExpSlope(c)) / p.chosen_tokens,
          -s * (1 - Log1mExpSlope(r)) / p.rejected_tokens};
}
PairLoss SimpoLoss(const DpoOptions& o, const PairLogps& p) {  // Meng et al. 2024, eq. 6
  const double e = o.label_smoothing;
  const double x =
      o.beta * (p.chosen / p.chosen_tokens - p.rejected / p.rejected_tokens) - o.simpo_gamma;
  return OfMargin({-(1 - e) * LogSigmoid(x) - e * LogSigmoid(-x),
                   o.beta * (-(1 - e) * Sigmoid(-x) + e * Sigmoid(x))},
                  1 / p.chosen_tokens, 1 / p.rejected_tokens);
}
PairLoss KtoPairLoss(const DpoOptions& o, const PairLogps& p) {
  const UnpairedLoss c = KtoLoss(o.beta, p.chosen - p.ref_chosen, p.kl, true),
                     r = KtoLoss(o.beta, p.rejected - p.ref_rejected, p.kl, false);
  return {(c.loss + r.loss) / 2, c.slope / 2, r.slope / 2};
}
PairLoss NoLoss(const DpoOptions&, const PairLogps&) { return {}; }

struct Known {
  const char* name;
  Loss loss;
  bool reference;
};
const Known kLosses[] = {{"sigmoid", SigmoidLoss, true},
                         {"robust", RobustLoss, true},
                         {"hinge", HingeLoss, true},
                         {"ipo", IpoLoss, true},
                         {"sigmoid_norm", SigmoidNormLoss, true},
                         {"apo_zero", ApoZeroLoss, true},
                         {"apo_down", ApoDownLoss, true},
                         {"exo_pair", ExoLoss, true},
                         {"nca_pair", NcaLoss, true},
                         {"bco_pair", BcoLoss, true},
                         {"sppo_hard", SppoLoss, true},
                         {"discopop", DiscopopLoss, true},
                         {"kto", KtoPairLoss, true},
                         {"orpo", OrpoLoss, false},
                         {"simpo", SimpoLoss, false},
                         {"sft", NoLoss, false}};

const Known* Find(std::string_view name) {
  for (const Known& known : kLosses)
    if (name == known.name) return &known;
  return nullptr;
}

}  // namespace

double LogOdds(const PairLogps& p) {
  const double c = p.chosen / p.chosen_tokens, r = p.rejected / p.rejected_tokens;
  const auto log1mexp = [](double x) { return std::log(-std::expm1(std::min(x, -1e-12))); };
  return (c - r) - (log1mexp(c) - log1mexp(r));
}

UnpairedLoss KtoLoss(double beta, double ratio, double kl, bool desirable) {
  const double s = Sigmoid(desirable ? beta * (ratio - kl) : beta * (kl - ratio));
  return {1 - s, (desirable ? -1 : 1) * beta * s * (1 - s)};
}

UnpairedLoss ApoZeroUnpairedLoss(double beta, double ratio, bool desirable) {
  const double s = Sigmoid(beta * ratio);
  return {desirable ? 1 - s : s, (desirable ? -1 : 1) * beta * s * (1 - s)};
}

Status CheckDpoOptions(const DpoOptions& options) {
  if (options.loss_type.empty()) return Fail(Code::kInvalid, "\"loss_type\" is empty");
  for (const std::string& name : options.loss_type) {
    if (name == "robust" && options.label_smoothing >= 0.5)
      return Fail(Code::kInvalid, "the robust loss needs label_smoothing below 0.5");
    if (name == "exo_pair" && options.label_smoothing == 0)
      return Fail(Code::kInvalid, "the exo_pair loss needs label_smoothing above 0, such as 1e-3");
    if (Find(name)) continue;
    std::vector<std::string> names;
    for (const Known& known : kLosses) names.push_back(known.name);
    return Fail(Code::kInvalid, "no loss_type \"{}\"{}; there are {}", name,
                DidYouMean(name, names), Join(names, ", "));
  }
  return {};
}

bool ReferenceFree(const DpoOptions& options) {
  return std::ranges::none_of(options.loss_type,
                              [](const std::string& name) { return Find(name)->reference; });
}

bool Asks(const DpoOptions& options, std::string_view loss) {
  return std::ranges::find(options.loss_type, loss) != options.loss_type.end();
}

double WeightOf(const DpoOptions& options, std::string_view loss) {
  double weight = 0;
  for (size_t i = 0; i < options.loss_type.size(); ++i)
    if (options.loss_type[i] == loss) weight += options.weights.empty() ? 1 : options.weights[i];
  return weight;
}

PairLoss DpoLoss(const DpoOptions& options, const PairLogps& pair) {
  PairLoss sum;
  for (size_t i = 0; i < options.loss_type.size(); ++i) {
    const double w = options.weights.empty() ? 1 : options.weights[i];
    const PairLoss one = Find(options.loss_type[i])->loss(options, pair);
    sum.loss += w * one.loss;
    sum.d_chosen += w * one.d_chosen;
    sum.d_rejected += w * one.d_rejected;
  }
  return sum;
}

}  // namespace plumb::train
