#include "runtime/guard/stacking.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace plumb::guard {
namespace {

// On the weights: a handful of odd rows must not turn a tier's vote round.
constexpr double kRidge = 2;
// Where on the benign rows the clauses' scores are made equal: the budget's neighbourhood, as far as few rows can tell.
constexpr double kOffsetQuantile = 0.97;
// A category by itself starts beyond every benign row, by this much in log-odds: the general alarm, which has seen the
// most texts, decides, and has the budget to itself; fifteen more chances of a false alarm would cost it dearly.
constexpr double kCategoryMargin = 2;

struct Heads {
  std::vector<float> linear, encoder;  // log-odds
};

Result<std::vector<Heads>> HeadsOf(const std::vector<const TrainingRow*>& rows, const LinearModel& linear, Classifier* encoder) {
  std::vector<Heads> out(rows.size());
  std::vector<std::string> texts;
  for (size_t i = 0; i < rows.size(); ++i) {
    out[i].linear = linear.Logits(rows[i]->text);
    texts.push_back(rows[i]->text);
  }
  if (encoder == nullptr) return out;
  PLUMB_TRY(const auto answers, encoder->Classify(texts));
  for (size_t i = 0; i < rows.size(); ++i)
    for (const float probability : answers[i]) out[i].encoder.push_back(static_cast<float>(Logit(probability)));
  return out;
}

std::optional<size_t> Find(const std::vector<std::string>& heads, std::string_view name) {
  const auto found = std::find(heads.begin(), heads.end(), name);
  if (found == heads.end()) return std::nullopt;
  return static_cast<size_t>(found - heads.begin());
}

// The inputs of Stacked() for one clause; for "unsafe" the category with the largest head stands for it.
struct Inputs {
  double linear_own = 0, linear_any = 0, encoder_own = 0, encoder_any = 0;
};

class InputReader {
 public:
  InputReader(const policy::Policy& policy, const LinearModel& linear, Classifier* encoder) : policy_(policy) {
    linear_any_ = linear.Head(kUnsafeHead);
    if (encoder) encoder_any_ = Find(encoder->heads(), kUnsafeHead);
    for (const policy::Category& category : policy.categories) {
      linear_.push_back(linear.Head(category.id));
      encoder_.push_back(encoder ? Find(encoder->heads(), category.id) : std::nullopt);
    }
  }
  bool Knows(size_t category) const { return linear_[category] || encoder_[category]; }
  Inputs Category(const Heads& heads, size_t c) const {
    Inputs in = Any(heads);
    in.linear_own = linear_[c] ? heads.linear[*linear_[c]] : in.linear_any;
    in.encoder_own = encoder_[c] ? heads.encoder[*encoder_[c]] : in.encoder_any;
    return in;
  }
  Inputs Unsafe(const Heads& heads) const {
    Inputs in = Any(heads);
    bool first = true;
    for (size_t c = 0; c < policy_.categories.size(); ++c) {
      if (!Knows(c)) continue;
      const Inputs one = Category(heads, c);
      in.linear_own = first ? one.linear_own : std::max(in.linear_own, one.linear_own);
      in.encoder_own = first ? one.encoder_own : std::max(in.encoder_own, one.encoder_own);
      first = false;
    }
    return in;
  }

 private:
  Inputs Any(const Heads& heads) const {
    Inputs in;
    if (linear_any_) in.linear_any = in.linear_own = heads.linear[*linear_any_];
    if (encoder_any_ && !heads.encoder.empty()) in.encoder_any = in.encoder_own = heads.encoder[*encoder_any_];
    return in;
  }
  const policy::Policy& policy_;
  std::optional<size_t> linear_any_, encoder_any_;
  std::vector<std::optional<size_t>> linear_, encoder_;
};

struct Problem {
  std::vector<double> x, weight;
  std::vector<int8_t> y;
  void Add(const Inputs& in, bool encoder, int8_t label, double w) {
    x.insert(x.end(), {in.linear_own, in.linear_any});
    if (encoder) x.insert(x.end(), {in.encoder_own, in.encoder_any});
    y.push_back(label);
    weight.push_back(w);
  }
  StackWeights Solve(bool encoder) const {
    const std::vector<double> w = FitLogistic(x, y, weight, encoder ? 4 : 2, kRidge);
    StackWeights out{w.back(), w[0], w[1], 0, 0};
    if (encoder) {
      out.encoder_own = w[2];
      out.encoder_any = w[3];
    }
    return out;
  }
};

double Apply(const StackWeights& w, const Inputs& in) { return Stacked(w, in.linear_own, in.linear_any, in.encoder_own, in.encoder_any); }

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size())))];
}

}  // namespace

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

Result<Stack> FitStack(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  std::vector<const TrainingRow*> rows;
  for (const TrainingRow& row : set.rows)
    if (row.joining && row.labels.contains(std::string(kUnsafeHead))) rows.push_back(&row);
  PLUMB_TRY(const std::vector<Heads> heads, HeadsOf(rows, linear, encoder));
  const InputReader reader(policy, linear, encoder);
  Problem unsafe, category;
  for (size_t i = 0; i < rows.size(); ++i) {
    unsafe.Add(reader.Unsafe(heads[i]), encoder != nullptr, rows[i]->labels.at(std::string(kUnsafeHead)), rows[i]->weight);
    for (size_t c = 0; c < policy.categories.size(); ++c) {
      const auto label = rows[i]->labels.find(policy.categories[c].id);
      if (!reader.Knows(c) || label == rows[i]->labels.end()) continue;
      // Benign rows stand in every category's problem: together they count once.
      const double share = label->second ? 1 : 2.0 / static_cast<double>(policy.categories.size());
      category.Add(reader.Category(heads[i], c), encoder != nullptr, label->second, rows[i]->weight * share);
    }
  }
  Stack stack;
  stack.unsafe = unsafe.Solve(encoder != nullptr);
  stack.category = category.Solve(encoder != nullptr);
  std::vector<double> benign;
  const auto offset = [&](double quantile, auto score) {
    benign.clear();
    for (size_t i = 0; i < rows.size(); ++i)
      if (rows[i]->labels.at(std::string(kUnsafeHead)) == 0) benign.push_back(score(heads[i]));
    return Quantile(benign, quantile);
  };
  stack.offsets[std::string(kUnsafeHead)] = offset(kOffsetQuantile, [&](const Heads& h) { return Apply(stack.unsafe, reader.Unsafe(h)); });
  for (size_t c = 0; c < policy.categories.size(); ++c)
    if (reader.Knows(c)) stack.offsets[policy.categories[c].id] = kCategoryMargin + offset(1, [&](const Heads& h) { return Apply(stack.category, reader.Category(h, c)); });
  return stack;
}

}  // namespace plumb::guard
