// What training changes: named matrices in one float32 buffer, with gradients and AdamW's moments
// beside them.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "base/core/core.h"
#include "model/train/kernel_types.h"

namespace plumb::train {

class Parameters {
 public:
  // Adds a matrix of zeros; all must be added before Allocate. Returns its index. `rate`: times the
  // step's learning rate; `decays`: weight decay applies to it.
  size_t Add(std::string name, std::vector<int64_t> shape, double rate = 1, bool decays = true);
  void Allocate();

  size_t count() const { return entries_.size(); }
  int64_t elements() const { return elements_; }
  const std::string& name(size_t i) const { return entries_[i].name; }
  at::Tensor value(size_t i) const { return View(value_, i); }  // float32, shares memory
  at::Tensor grad(size_t i) const { return View(grad_, i); }
  // Neighbours of one width as one matrix, one above another (vectors: one after another).
  at::Tensor values(size_t first, size_t count) const { return Stacked(value_, first, count); }
  at::Tensor grads(size_t first, size_t count) const { return Stacked(grad_, first, count); }

  void ZeroGrad();
  // The Euclidean norm of all gradients together.
  double GradNorm() const;
  // One AdamW step over everything, each matrix at its own rate.
  void Step(const kernels::AdamWStep& step);

  // Values by name, e.g. from an adapter file. Errors: kInvalid (missing, of another shape,
  // unknown).
  Status SetValues(const std::map<std::string, at::Tensor>& values);
  std::map<std::string, at::Tensor> Values() const;
  const at::Tensor& flat() const { return value_; }  // every value, one after another
  // AdamW's moments, "exp_avg" and "exp_avg_sq" (torch's names), whole.
  const at::Tensor& exp_avg() const { return m_; }
  const at::Tensor& exp_avg_sq() const { return v_; }
  Status SetMoments(const at::Tensor& exp_avg, const at::Tensor& exp_avg_sq);

 private:
  struct Entry {
    std::string name;
    std::vector<int64_t> shape;
    int64_t begin = 0, size = 0;
    double rate = 1;
    bool decays = true;
  };
  at::Tensor View(const at::Tensor& flat, size_t i) const;
  at::Tensor Stacked(const at::Tensor& flat, size_t first, size_t count) const;

  std::vector<Entry> entries_;
  int64_t elements_ = 0;
  at::Tensor value_, grad_, m_, v_;
};

}  // namespace plumb::train
