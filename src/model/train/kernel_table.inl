// The table of the instruction set this is compiled for; PLUMB_KERNELS names its namespace.
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a call that is not inlined

#include "model/train/kernel_table.h"

namespace plumb::train::kernels {
namespace PLUMB_KERNELS {

// clang-format off: in this order
#include "model/train/vector_math.inl"
#include "model/train/kernels.inl"
// clang-format on

template <class T>
constexpr TypedTable<T> Typed() {
  return {RmsNorm<T>,
          RmsNormBackward<T>,
          LayerNorm<T>,
          SwiGlu<T>,
          SwiGluBackward<T>,
          Gelu<T>,
          GeluBackward<T>,
          Add<T>,
          Cast<T>,
          HeadNorm<T>,
          HeadNormBackward<T>,
          AttentionUnit<T>,
          AttentionBackwardUnit<T>,
          AttentionGather<T>,
          SoftmaxRow<T>,
          Dropout<T>,
          DropoutBackwardAdd<T>};
}

static long Scratch(long longest, long head_dim) { return ScratchFloats(longest, head_dim); }

static const Table kTable = {Typed<float>(), Typed<Bf16>(), LayerNormBackward, AdamW, Scratch};

}  // namespace PLUMB_KERNELS
}  // namespace plumb::train::kernels
