#include "model/train/packed_product.h"

#include <ATen/ops/zeros.h>

#include <memory>

#include "model/train/kernels.h"

namespace plumb::train {
namespace {

kernels::Bf16* Halves(const at::Tensor& t) { return static_cast<kernels::Bf16*>(t.data_ptr()); }

constexpr int64_t kTallEnough = 96;  // rows a thread takes before columns are split instead

}  // namespace

void ForParts(int64_t n, const std::function<void(int64_t, int64_t)>& f) {
  kernels::ForRange(n, 1, f);
}

float* PackScratch(int64_t floats) {
  thread_local std::unique_ptr<float[]> memory;
  thread_local int64_t size = 0;
  if (size < floats) {
    memory = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(floats));
    size = floats;
  }
  return memory.get();
}

PackedProduct::PackedProduct(int64_t k, int64_t extra, int64_t n)
    : k_(k + extra), n_(n), tiles_(at::zeros({n, k + extra}, at::kBFloat16)) {}

void PackedProduct::Set(int64_t at, const at::Tensor& w, bool transposed) {
  kernels::Bf16* to = Halves(tiles_) + at * 16;
  if (transposed)
    kernels::PackTilesTransposed(Halves(w), w.stride(0), n_, w.size(0), to, k_);
  else
    kernels::PackTiles(Halves(w), w.stride(0), n_, w.size(1), to, k_);
}

void PackedProduct::Run(const Left& a0, const Left& a1, int64_t begin, int64_t end,
                        const float* bias, kernels::Bf16* out, int64_t ldo, int64_t skip) const {
  const int64_t pairs = n_ / 32, blocks = (end - begin + 31) / 32;
  const kernels::Factor f0{a0.a, a0.ld, a0.k}, f1{a1.a, a1.ld, a1.k};
  auto run = [&](const kernels::Block& block) {
    kernels::Product(f0, f1, Halves(tiles_) + skip * 16, k_, block, bias, out, ldo,
                     PackScratch(kernels::ProductScratch(block)));
  };
  if (pairs < 8 || blocks * 32 >= kTallEnough * kernels::Threads())
    ForParts(blocks, [&](int64_t b, int64_t e) {
      run({begin + b * 32, std::min(begin + e * 32, end), 0, pairs});
    });
  else
    ForParts(pairs, [&](int64_t b, int64_t e) { run({begin, end, b, e}); });
}

}  // namespace plumb::train
