#include "runtime/guard/stacking.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

#include "runtime/guard/reading.h"
#include "runtime/guard/refusal.h"

namespace plumb::guard {
namespace {

// On the weights: a handful of odd rows must not turn a tier's vote round.
constexpr double kRidge = 2;
// Where on the benign rows the clauses' scores are made equal: the budget's neighbourhood, as far as few rows can tell.
constexpr double kOffsetQuantile = 0.97;
// A category by itself starts beyond every benign row, by this much in log-odds: the general alarm, which has seen the
// most texts, decides, and has the budget to itself; fifteen more chances of a false alarm would cost it dearly.
constexpr double kCategoryMargin = 2;

// How much of the weight the linear tier may have where it is joined with the encoder on documents. The kept rows carry
// instructions in the words that taught it, so that a fit trusts it too much; of other instructions it knows little (docs/guard.md).
constexpr double kLinearShareOfDocuments = 0.2;

struct Heads {
  std::vector<float> linear, encoder;  // log-odds
  double refusal = 0;                  // RefusalLogit, of answers
};

Result<std::vector<Heads>> HeadsOf(const std::vector<const TrainingRow*>& rows, const LinearModel& linear, Classifier* encoder) {
  std::vector<Heads> out(rows.size());
  std::vector<std::string> texts;
  for (size_t i = 0; i < rows.size(); ++i) {
    out[i].linear = linear.Logits(rows[i]->text);
    texts.push_back(rows[i]->text);
  }
  if (encoder == nullptr) return out;
  for (size_t begin = 0; begin < texts.size(); begin += kEncoderBatch) {
    const size_t end = std::min(texts.size(), begin + kEncoderBatch);
    PLUMB_TRY(const auto answers, encoder->Classify({texts.begin() + static_cast<ptrdiff_t>(begin), texts.begin() + static_cast<ptrdiff_t>(end)}));
    for (size_t i = begin; i < end; ++i)
      for (const float probability : answers[i - begin]) out[i].encoder.push_back(static_cast<float>(Logit(probability)));
  }
  return out;
}

std::optional<size_t> HeadNamed(const std::vector<std::string>& heads, std::string_view name) {
  const auto found = std::find(heads.begin(), heads.end(), name);
  if (found == heads.end()) return std::nullopt;
  return static_cast<size_t>(found - heads.begin());
}

// The inputs of Stacked() for one clause; for "unsafe" the category with the largest head stands for it.
struct Inputs {
  double linear_own = 0, linear_any = 0, encoder_own = 0, encoder_any = 0, refusal = 0;
};

class InputReader {
 public:
  InputReader(const policy::Policy& policy, const LinearModel& linear, Classifier* encoder) : policy_(policy) {
    linear_any_ = linear.Head(kUnsafeHead);
    if (encoder) encoder_any_ = HeadNamed(encoder->heads(), kUnsafeHead);
    for (const policy::Category& category : policy.categories) {
      linear_.push_back(linear.Head(category.id));
      encoder_.push_back(encoder ? HeadNamed(encoder->heads(), category.id) : std::nullopt);
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

// The rows of one regression; the encoder's columns and the refusal's are there where they are asked for.
struct Problem {
  bool encoder, refusal = false;
  std::vector<double> x = {}, weight = {};
  std::vector<int8_t> y = {};
  void Add(const Inputs& in, int8_t label, double w) {
    x.insert(x.end(), {in.linear_own, in.linear_any});
    if (encoder) x.insert(x.end(), {in.encoder_own, in.encoder_any});
    if (refusal) x.push_back(in.refusal);
    y.push_back(label);
    weight.push_back(w);
  }
  StackWeights Solve() const {
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

 private:
  Problem WithoutRefusal() const {
    Problem out{encoder, false, {}, weight, y};
    const size_t dims = x.size() / y.size();
    for (size_t i = 0; i < x.size(); ++i)
      if (i % dims != dims - 1) out.x.push_back(x[i]);
    return out;
  }
};

// The same joint weight, of which the linear tier has at most `share`.
StackWeights WithLinearShare(StackWeights w, double share) {
  const double linear = w.linear_own + w.linear_any, encoder = w.encoder_own + w.encoder_any, all = linear + encoder;
  if (encoder <= 0 || linear <= share * all) return w;
  w.linear_own *= share * all / linear;
  w.linear_any *= share * all / linear;
  w.encoder_own *= (1 - share) * all / encoder;
  w.encoder_any *= (1 - share) * all / encoder;
  return w;
}

double Apply(const StackWeights& w, const Inputs& in) { return Stacked(w, in.linear_own, in.linear_any, in.encoder_own, in.encoder_any, in.refusal); }

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

namespace {

// Where the clauses' scores on benign rows lie.
template <class ScoreOf>
double Offset(const std::vector<Heads>& heads, const std::vector<bool>& benign, double quantile, ScoreOf score) {
  std::vector<double> values;
  for (size_t i = 0; i < heads.size(); ++i)
    if (benign[i]) values.push_back(score(heads[i]));
  return Quantile(std::move(values), quantile);
}

Result<Joining> FitPlain(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  std::vector<const TrainingRow*> rows;
  std::vector<bool> benign;
  for (const TrainingRow& row : set.rows) {
    const auto label = row.labels.find(std::string(kUnsafeHead));
    if (!row.joining || label == row.labels.end()) continue;
    rows.push_back(&row);
    benign.push_back(label->second == 0);
  }
  PLUMB_TRY(const std::vector<Heads> heads, HeadsOf(rows, linear, encoder));
  const InputReader reader(policy, linear, encoder);
  Problem unsafe{encoder != nullptr}, category{encoder != nullptr};
  for (size_t i = 0; i < rows.size(); ++i) {
    unsafe.Add(reader.Unsafe(heads[i]), !benign[i], rows[i]->weight);
    for (size_t c = 0; c < policy.categories.size(); ++c) {
      const auto label = rows[i]->labels.find(policy.categories[c].id);
      if (!reader.Knows(c) || label == rows[i]->labels.end()) continue;
      // Benign rows stand in every category's problem: together they count once.
      const double share = label->second ? 1 : 2.0 / static_cast<double>(policy.categories.size());
      category.Add(reader.Category(heads[i], c), label->second, rows[i]->weight * share);
    }
  }
  Joining joining{unsafe.Solve(), category.Solve(), {}};
  joining.offsets[std::string(kUnsafeHead)] = Offset(heads, benign, kOffsetQuantile, [&](const Heads& h) { return Apply(joining.unsafe, reader.Unsafe(h)); });
  for (size_t c = 0; c < policy.categories.size(); ++c)
    if (reader.Knows(c))
      joining.offsets[policy.categories[c].id] = kCategoryMargin + Offset(heads, benign, 1, [&](const Heads& h) { return Apply(joining.category, reader.Category(h, c)); });
  return joining;
}

// The inputs of a group's clauses: its own heads, and the plain "unsafe" for one that has none of categories.
class GroupReader {
 public:
  GroupReader(const policy::Policy& policy, std::string_view group, const LinearModel& linear, Classifier* encoder) {
    any_ = Places(HeadName(kUnsafeHead, group), linear, encoder);
    plain_ = Places(std::string(kUnsafeHead), linear, encoder);
    for (const policy::Category& category : policy.categories) own_.push_back(Places(HeadName(category.id, group), linear, encoder));
  }
  bool Knows(size_t category) const { return own_[category].linear || own_[category].encoder; }
  // Whether both detectors have a head of the group: nothing is joined where one would have to be silent.
  bool Complete(bool encoder) const {
    bool in_linear = any_.linear.has_value(), in_encoder = any_.encoder.has_value();
    for (const Place& place : own_) {
      in_linear |= place.linear.has_value();
      in_encoder |= place.encoder.has_value();
    }
    return in_linear && (in_encoder || !encoder);
  }
  Inputs Category(const Heads& heads, size_t c) const {
    Inputs in = Any(heads);
    in.linear_own = own_[c].linear ? heads.linear[*own_[c].linear] : in.linear_any;
    in.encoder_own = own_[c].encoder ? heads.encoder[*own_[c].encoder] : in.encoder_any;
    return in;
  }
  Inputs Unsafe(const Heads& heads) const {
    Inputs in = Any(heads);
    in.linear_own = Most(heads.linear, &Place::linear, At(heads.linear, plain_.linear, in.linear_any));
    in.encoder_own = Most(heads.encoder, &Place::encoder, At(heads.encoder, plain_.encoder, in.encoder_any));
    return in;
  }

 private:
  struct Place {
    std::optional<size_t> linear, encoder;
  };
  static Place Places(const std::string& head, const LinearModel& linear, Classifier* encoder) {
    return {linear.Head(head), encoder ? HeadNamed(encoder->heads(), head) : std::nullopt};
  }
  static double At(const std::vector<float>& values, std::optional<size_t> place, double fallback) {
    return place && *place < values.size() ? values[*place] : fallback;
  }
  double Most(const std::vector<float>& values, std::optional<size_t> Place::*which, double fallback) const {
    std::optional<double> most;
    for (const Place& place : own_)
      if (place.*which && *(place.*which) < values.size()) most = std::max<double>(most.value_or(-1e300), values[*(place.*which)]);
    return most.value_or(fallback);
  }
  Inputs Any(const Heads& heads) const {
    Inputs in;
    in.linear_any = any_.linear ? heads.linear[*any_.linear] : Most(heads.linear, &Place::linear, 0);
    in.encoder_any = any_.encoder && !heads.encoder.empty() ? heads.encoder[*any_.encoder] : Most(heads.encoder, &Place::encoder, 0);
    in.refusal = heads.refusal;
    return in;
  }
  Place any_, plain_;
  std::vector<Place> own_;
};

// What a row says of a group: its "unsafe", or any of its categories. Nothing where it says nothing.
std::optional<bool> GroupLabel(const TrainingRow& row, std::string_view group) {
  std::optional<bool> out;
  for (const auto& [head, label] : row.labels)
    if (ParseHead(head).second == group) out = out.value_or(false) || label != 0;
  return out;
}

// Nothing where the kept rows of the group do not hold both answers, or a detector has no head of it.
Result<std::optional<Joining>> FitGroup(const policy::Policy& policy, std::string_view group, const Joining& plain, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  const GroupReader reader(policy, group, linear, encoder);
  std::vector<const TrainingRow*> rows;
  std::vector<bool> benign;
  for (const TrainingRow& row : set.rows) {
    const std::optional<bool> label = GroupLabel(row, group);
    if (!row.joining || !label) continue;
    rows.push_back(&row);
    benign.push_back(!*label);
  }
  const auto fine = static_cast<size_t>(std::count(benign.begin(), benign.end(), true));
  if (!reader.Complete(encoder != nullptr) || fine == 0 || fine == rows.size()) return std::nullopt;
  PLUMB_TRY(std::vector<Heads> heads, HeadsOf(rows, linear, encoder));
  const bool answers = group == "output";
  if (answers)
    for (size_t i = 0; i < rows.size(); ++i) heads[i].refusal = RefusalLogit(RefusalScore(rows[i]->text, ""));
  Problem unsafe{encoder != nullptr, answers}, category = unsafe;
  for (size_t i = 0; i < rows.size(); ++i) {
    unsafe.Add(reader.Unsafe(heads[i]), !benign[i], rows[i]->weight);
    for (size_t c = 0; c < policy.categories.size(); ++c) {
      const auto label = rows[i]->labels.find(HeadName(policy.categories[c].id, group));
      if (reader.Knows(c) && label != rows[i]->labels.end()) category.Add(reader.Category(heads[i], c), label->second, rows[i]->weight);
    }
  }
  Joining joining{unsafe.Solve(), category.y.empty() ? plain.category : category.Solve(), {}};
  if (group == "document")
    for (StackWeights* weights : {&joining.unsafe, &joining.category}) *weights = WithLinearShare(*weights, kLinearShareOfDocuments);
  joining.offsets = plain.offsets;
  joining.offsets[std::string(kUnsafeHead)] = Offset(heads, benign, kOffsetQuantile, [&](const Heads& h) { return Apply(joining.unsafe, reader.Unsafe(h)); });
  for (size_t c = 0; c < policy.categories.size(); ++c)
    if (reader.Knows(c)) joining.offsets[policy.categories[c].id] = Offset(heads, benign, kOffsetQuantile, [&](const Heads& h) { return Apply(joining.category, reader.Category(h, c)); });
  return joining;
}

}  // namespace

Result<Stack> FitStack(const policy::Policy& policy, const TrainingSet& set, const LinearModel& linear, Classifier* encoder) {
  Stack stack;
  PLUMB_TRY(static_cast<Joining&>(stack), FitPlain(policy, set, linear, encoder));
  std::set<std::string> groups;
  for (const std::string& head : set.heads)
    if (const std::string_view group = ParseHead(head).second; !group.empty()) groups.emplace(group);
  for (const std::string& group : groups) {
    PLUMB_TRY(auto joining, FitGroup(policy, group, stack, set, linear, encoder));
    if (joining) stack.groups[group] = std::move(*joining);
  }
  return stack;
}

}  // namespace plumb::guard
