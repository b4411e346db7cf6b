#include "model/lm/kernels.h"

namespace plumb::lm {
namespace avx512 {
#include "model/lm/kernels.inl"
}

extern const KernelTable kAvx512Kernels;
const KernelTable kAvx512Kernels = avx512::MakeTable("avx512");

}  // namespace plumb::lm
