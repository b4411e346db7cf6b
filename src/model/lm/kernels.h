// The arithmetic of the fast decoder and encoder, written once with vector types (kernels.inl) and compiled for AVX-512
// and for the baseline; plus a bfloat16 matrix product on AMX tiles.
//
// Every output value is computed by a chain of operations whose order depends on its own row alone, never on how many
// rows there are or which thread runs it: this is what makes results the same at any batch size. Plain pointers, no
// allocation, no exceptions.
#pragma once

#include <cstdint>

namespace plumb::lm {

using bf16 = uint16_t;  // the upper half of a float32

constexpr int64_t kPanel = 32;    // columns of a packed float32 weight panel: panels[n / 32][k][32]
constexpr int64_t kKvBlock = 64;  // tokens in a block of the key-value cache
constexpr int kAttendRows = 8;    // query rows that share one pass over the keys

// One query row: `count` keys are visible to it.
struct QueryRow {
  const float* q;
  float* out;
  int64_t count;
};

struct KernelTable {
  const char* name;
  // out[m][ldo] (+)= a[m][k] · W over panels [begin, end); `out` points at column 0.
  void (*gemm)(const float* a, const float* panels, float* out, int64_t ldo, int64_t m, int64_t k, int64_t begin,
               int64_t end, bool accumulate);
  // Root-mean-square norm of rows; writes `out`, or `out16` where `out` is null.
  void (*rms_norm)(const float* x, const float* weight, float eps, int64_t rows, int64_t width, float* out, bf16* out16);
  void (*layer_norm)(float* x, const float* weight, const float* bias, float eps, int64_t rows, int64_t width,
                     bf16* out16);  // in place; out16 may be null
  // in [rows][2 · width]: silu(left) · right.
  void (*swiglu)(const float* in, int64_t rows, int64_t width, float* out, bf16* out16);
  // gelu(in + bias), exact (erf).
  void (*gelu)(const float* in, const float* bias, int64_t rows, int64_t width, float* out, bf16* out16);
  void (*add_bias)(float* x, const float* bias, int64_t rows, int64_t width);
  void (*to_bf16)(const float* x, int64_t n, bf16* out);
  void (*from_bf16)(const bf16* x, int64_t n, float* out);
  // Softmax attention of up to kAttendRows rows over blocks: keys [dim][kKvBlock], values [kKvBlock][dim], each block
  // at its own address. `scores` holds rows · (count rounded up to kKvBlock) floats. dim is a multiple of 16.
  void (*attend)(const QueryRow* rows, int n, const float* const* keys, const float* const* values, int64_t dim,
                 float scale, float* scores);
  void (*attend16)(const QueryRow* rows, int n, const bf16* const* keys, const bf16* const* values, int64_t dim,
                   float scale, float* scores);
  // The largest value's place (the first of equals), and log(sum(exp(x))).
  int64_t (*argmax)(const float* x, int64_t n);
  float (*log_sum_exp)(const float* x, int64_t n);
};

// The best table this machine can run.
const KernelTable& Kernels();
const KernelTable& BaselineKernels();

// bfloat16 on AMX: tiles packed as [n / 16][k / 32][16][32], k in pairs. k is a multiple of 32, n of 32; `a` and `out`
// have room for m rounded up to 32 rows.
bool HasAmx();
void PackAmx(const bf16* weight, int64_t n, int64_t k, bf16* packed);
// out[m][ldo] (+)= a[m][k] · W over column pairs of tiles [begin, end), 32 columns each.
void GemmAmx(const bf16* a, const bf16* packed, float* out, int64_t ldo, int64_t m, int64_t k, int64_t begin,
             int64_t end, bool accumulate);

}  // namespace plumb::lm
