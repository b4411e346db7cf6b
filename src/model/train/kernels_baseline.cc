// The kernels for any machine.
#define PLUMB_KERNELS baseline
#include "model/train/kernel_table.inl"

namespace plumb::train::kernels {
const Table& BaselineTable() { return baseline::kTable; }
}  // namespace plumb::train::kernels
