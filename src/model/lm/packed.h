// A projection packed for the kernels, in the precision it is computed in.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/lm/kernels.h"

namespace plumb::lm {

// kFloat32 decides: bit-identical at any batch size. kBFloat16 is fast: weights and activations are rounded to
// bfloat16, sums and the residual stream stay float32; on AMX it is independent of the batch as well.
enum class Precision { kFloat32, kBFloat16 };

// Memory aligned to 64 bytes that is not touched before it is used; rows are rounded up as the kernels ask.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(size_t n) { Resize(n); }
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { ::operator delete[](data_, std::align_val_t(64)); }
  // Grows to at least `n`; what was there is lost.
  void Resize(size_t n) {
    if (n <= size_) return;
    ::operator delete[](data_, std::align_val_t(64));
    data_ = nullptr;
    data_ = static_cast<T*>(::operator new[](n * sizeof(T), std::align_val_t(64)));
    size_ = n;
  }
  T* data() { return data_; }
  const T* data() const { return data_; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

class PackedLinear {
 public:
  PackedLinear() = default;
  // Rows of `weights` one under another: several projections of the same input as one product.
  PackedLinear(const std::vector<at::Tensor>& weights, Precision precision);

  int64_t out() const { return n_; }
  int64_t in() const { return k_; }
  // out [m, out()] (+)= a · Wᵀ. `a` is float32 or bfloat16 as the precision says; both have room for m rounded up to 32.
  void Multiply(const float* a, int64_t m, float* out, bool accumulate = false) const;
  void Multiply(const bf16* a, int64_t m, float* out, bool accumulate = false) const;

 private:
  int64_t n_ = 0, k_ = 0, padded_n_ = 0;
  Buffer<float> panels_;
  Buffer<bf16> tiles_;
  at::Tensor plain_;  // bfloat16 [n, k], where AMX is not there or the shape does not fit its tiles
};

inline int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace plumb::lm
