#include "model/lm/kernels.h"

namespace plumb::lm {
namespace baseline {
#include "model/lm/kernels.inl"
}

extern const KernelTable kAvx512Kernels;

const KernelTable& BaselineKernels() {
  static const KernelTable table = baseline::MakeTable("baseline");
  return table;
}

const KernelTable& Kernels() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return has ? kAvx512Kernels : BaselineKernels();
}

}  // namespace plumb::lm
