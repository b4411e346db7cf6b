#include "runtime/guard/joining.h"

#include <Eigen/Dense>
#include <algorithm>

#include "runtime/guard/cascade.h"

namespace plumb::guard {
namespace {

// On the weights: a handful of odd rows must not turn a tier's vote round.
constexpr double kRidge = 2;

}  // namespace

double StackedInputs(const StackWeights& w, const Inputs& in) { return Stacked(w, in.linear_own, in.linear_any, in.encoder_own, in.encoder_any, in.refusal); }

StackWeights JoiningProblem::Solve() const {
  const size_t dims = 2 + (encoder ? 2 : 0) + (refusal ? 1 : 0);
  const std::vector<double> w = FitLogistic(x, y, weight, dims, kRidge);
  // Declining is no harm. Where the rows say otherwise, or nothing, it is left out, and need not be asked.
  if (refusal && w[dims - 1] >= 0) return WithoutRefusal().Solve();
  StackWeights out{w.back(), w[0], w[1], 0, 0, 0};
  if (encoder) {
    out.encoder_own = w[2];
    out.encoder_any = w[3];
  }
  if (refusal) out.refusal = w[dims - 1];
  return out;
}

JoiningProblem JoiningProblem::WithoutRefusal() const {
  JoiningProblem out{encoder, false, {}, weight, y};
  const size_t dims = x.size() / y.size();
  for (size_t i = 0; i < x.size(); ++i)
    if (i % dims != dims - 1) out.x.push_back(x[i]);
  return out;
}

StackWeights WithLinearShare(StackWeights w, double share) {
  const double linear = w.linear_own + w.linear_any, encoder = w.encoder_own + w.encoder_any, all = linear + encoder;
  if (encoder <= 0 || linear <= share * all) return w;
  w.linear_own *= share * all / linear;
  w.linear_any *= share * all / linear;
  w.encoder_own *= (1 - share) * all / encoder;
  w.encoder_any *= (1 - share) * all / encoder;
  return w;
}

std::vector<double> FitLogistic(const std::vector<double>& x, const std::vector<int8_t>& y, const std::vector<double>& weight, size_t dims, double ridge) {
  const auto d = static_cast<Eigen::Index>(dims) + 1;
  Eigen::VectorXd w = Eigen::VectorXd::Zero(d);
  for (int step = 0; step < 50; ++step) {
    Eigen::MatrixXd hessian = Eigen::MatrixXd::Identity(d, d) * ridge;
    hessian(d - 1, d - 1) = 1e-6;
    Eigen::VectorXd gradient = -ridge * w;
    gradient(d - 1) = 0;
    Eigen::VectorXd row(d);
    for (size_t i = 0; i < y.size(); ++i) {
      for (size_t k = 0; k < dims; ++k) row(static_cast<Eigen::Index>(k)) = x[i * dims + k];
      row(d - 1) = 1;
      const double p = Sigmoid(row.dot(w));
      gradient += weight[i] * (y[i] - p) * row;
      hessian += weight[i] * std::max(p * (1 - p), 1e-9) * row * row.transpose();
    }
    Eigen::VectorXd move = hessian.ldlt().solve(gradient);
    // A long step would overshoot where the classes part cleanly.
    const double length = move.norm();
    if (length > 5) move *= 5 / length;
    w += move;
    if (length < 1e-9) break;
  }
  return {w.data(), w.data() + d};
}

}  // namespace plumb::guard
