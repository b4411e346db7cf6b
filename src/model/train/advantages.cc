#include "model/train/advantages.h"

#include <algorithm>
#include <cmath>

namespace plumb::train {

Mean MeanOf(std::span<const double> values) {
  Mean m;
  for (double v : values)
    if (!std::isnan(v)) {
      m.mean += v;
      ++m.count;
    }
  if (m.count == 0) return {NAN, 0, 0};
  m.mean /= static_cast<double>(m.count);
  double sum = 0;
  for (double v : values)
    if (!std::isnan(v)) sum += (v - m.mean) * (v - m.mean);
  if (m.count > 1) m.deviation = std::sqrt(sum / static_cast<double>(m.count - 1));
  return m;
}

GroupAdvantages RelativeToGroup(std::span<const double> rewards, size_t size,
                                const std::string& scale) {
  GroupAdvantages out;
  const double all = MeanOf(rewards).deviation;
  size_t alike = 0;
  for (size_t begin = 0; begin < rewards.size(); begin += size) {
    const auto group = rewards.subspan(begin, std::min(size, rewards.size() - begin));
    const Mean m = MeanOf(group);
    const double deviation = scale == "batch" ? all : m.deviation;
    alike += deviation <= 1e-8;
    for (double r : group) {
      const double a = r - m.mean;
      out.advantages.push_back(std::isnan(a) ? 0 : scale == "none" ? a : a / (deviation + 1e-4));
    }
  }
  out.fraction_zero_deviation =
      static_cast<double>(alike) * static_cast<double>(size) / static_cast<double>(rewards.size());
  return out;
}

GroupAdvantages LeaveOneOut(std::span<const double> rewards, size_t size, bool normalise) {
  GroupAdvantages out;
  size_t alike = 0;
  for (size_t begin = 0; begin < rewards.size(); begin += size) {
    const auto group = rewards.subspan(begin, std::min(size, rewards.size() - begin));
    const Mean m = MeanOf(group);
    alike += m.deviation <= 1e-8;
    const double count = static_cast<double>(m.count), sum = m.mean * count;
    for (double r : group) out.advantages.push_back(r - (sum - r) / (count - 1));  // 0/0: NaN
  }
  if (normalise) {
    const Mean m = MeanOf(out.advantages);
    for (double& a : out.advantages) a = (a - m.mean) / (m.deviation + 1e-4);
  }
  for (double& a : out.advantages)
    if (!std::isfinite(a)) a = 0;
  out.fraction_zero_deviation =
      static_cast<double>(alike) * static_cast<double>(size) / static_cast<double>(rewards.size());
  return out;
}

std::vector<double> Gae(std::span<const double> rewards, std::span<const double> values,
                        double gamma, double lam) {
  std::vector<double> out(rewards.size());
  double last = 0;
  for (size_t t = rewards.size(); t-- > 0;) {
    const double next = t + 1 < rewards.size() ? values[t + 1] : 0;
    last = rewards[t] + gamma * next - values[t] + gamma * lam * last;
    out[t] = last;
  }
  return out;
}

void Whiten(std::vector<double>& values, bool shift) {
  const Mean m = MeanOf(values);
  if (m.count < 2) return;
  const double scale = 1 / std::sqrt(m.deviation * m.deviation + 1e-8);
  for (double& v : values) v = (v - m.mean) * scale + (shift ? 0 : m.mean);
}

void KlController::Update(double kl, double completions) {
  if (target_ <= 0) return;
  const double error = std::clamp(kl / target_ - 1, -0.2, 0.2);
  coefficient_ *= 1 + error * completions / horizon_;
}

std::vector<double> PenalisedRewards(std::span<const double> logp,
                                     std::span<const double> reference, double kl_coefficient,
                                     bool k3, double score) {
  std::vector<double> out(logp.size());
  for (size_t t = 0; t < logp.size(); ++t) {
    const double ratio = logp[t] - reference[t];
    out[t] = -kl_coefficient * (k3 ? std::expm1(-ratio) + ratio : ratio);
  }
  if (!out.empty()) out.back() += score;
  return out;
}

}  // namespace plumb::train
