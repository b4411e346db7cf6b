#include "model/train/parameters.h"

#include <ATen/ops/zeros.h>

#include <cmath>

#include "model/train/kernels.h"

namespace plumb::train {
namespace {

constexpr int64_t kManyElements = int64_t{1} << 25;  // more than any adapter of a small model

}  // namespace

size_t Parameters::Add(std::string name, std::vector<int64_t> shape, double rate, bool decays) {
  int64_t size = 1;
  for (int64_t n : shape) size *= n;
  entries_.push_back({std::move(name), std::move(shape), elements_, size, rate, decays});
  elements_ += size;
  return entries_.size() - 1;
}

void Parameters::Allocate() {
  for (at::Tensor* t : {&value_, &grad_, &m_, &v_}) *t = at::zeros({elements_}, at::kFloat);
}

at::Tensor Parameters::View(const at::Tensor& flat, size_t i) const {
  return flat.narrow(0, entries_[i].begin, entries_[i].size).view(entries_[i].shape);
}

at::Tensor Parameters::Stacked(const at::Tensor& flat, size_t first, size_t count) const {
  int64_t size = 0;
  for (size_t i = first; i < first + count; ++i) size += entries_[i].size;
  const at::Tensor all = flat.narrow(0, entries_[first].begin, size);
  return entries_[first].shape.size() < 2 ? all : all.view({-1, entries_[first].shape.back()});
}

void Parameters::ZeroGrad() { grad_.zero_(); }

double Parameters::GradNorm() const {
  const float* g = grad_.const_data_ptr<float>();
  double sum = 0;
  int64_t i = 0;
  if (elements_ > kManyElements) {  // a whole model: eight sums at once
    double sums[8] = {};
    for (; i + 8 <= elements_; i += 8)
      for (int64_t j = 0; j < 8; ++j) sums[j] += static_cast<double>(g[i + j]) * g[i + j];
    for (double part : sums) sum += part;
  }
  for (; i < elements_; ++i) sum += static_cast<double>(g[i]) * g[i];
  return std::sqrt(sum);
}

void Parameters::Step(const kernels::AdamWStep& step) {
  for (size_t first = 0, next; first < count(); first = next) {  // neighbours of one rate at once
    const double rate = entries_[first].rate;
    const bool decays = entries_[first].decays;
    const int64_t begin = entries_[first].begin;
    for (next = first + 1;
         next < count() && entries_[next].rate == rate && entries_[next].decays == decays;)
      ++next;
    const int64_t end = next < count() ? entries_[next].begin : elements_;
    kernels::AdamWStep part = step;
    part.lr = step.lr * rate;
    if (!decays) part.weight_decay = 0;
    kernels::AdamW(part, value_.data_ptr<float>() + begin, grad_.const_data_ptr<float>() + begin,
                   m_.data_ptr<float>() + begin, v_.data_ptr<float>() + begin, end - begin);
  }
}

Status Parameters::SetValues(const std::map<std::string, at::Tensor>& values) {
  for (size_t i = 0; i < count(); ++i) {
    auto found = values.find(name(i));
    if (found == values.end()) return Fail(Code::kInvalid, "{} is missing", name(i));
    if (found->second.sizes() != at::IntArrayRef(entries_[i].shape))
      return Fail(Code::kInvalid, "{} holds {} values, should hold {}", name(i),
                  found->second.numel(), entries_[i].size);
    value(i).copy_(found->second);
  }
  if (values.size() == count()) return {};
  for (const auto& [other, tensor] : values) {
    bool known = false;
    for (size_t i = 0; i < count() && !known; ++i) known = name(i) == other;
    if (!known)
      return Fail(Code::kInvalid, "{} is not among the {} matrices that are trained", other,
                  count());
  }
  return {};
}

std::map<std::string, at::Tensor> Parameters::Values() const {
  std::map<std::string, at::Tensor> out;
  for (size_t i = 0; i < count(); ++i) out[name(i)] = value(i);
  return out;
}

Status Parameters::SetMoments(const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq) {
  if (exp_avg.numel() != elements_ || exp_avg_sq.numel() != elements_)
    return Fail(Code::kInvalid, "the optimiser's state holds {} values, should hold {}",
                exp_avg.numel(), elements_);
  m_.copy_(exp_avg.view({elements_}));
  v_.copy_(exp_avg_sq.view({elements_}));
  return {};
}

}  // namespace plumb::train
