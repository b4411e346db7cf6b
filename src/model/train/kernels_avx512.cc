// The kernels for x86-64-v4 (AVX-512); elsewhere this file holds nothing.
#if defined(__AVX512F__)
#define PLUMB_KERNELS avx512
#include "model/train/kernel_table.inl"

namespace plumb::train::kernels {
const Table& Avx512Table() { return avx512::kTable; }
}  // namespace plumb::train::kernels
#endif
