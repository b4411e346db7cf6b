// A matrix kept in ggml's blocks (blocks.h), expanded a few rows at a time: the frozen base of an adapter where memory is short.
#pragma once

#include <memory>

#include "model/lm/tensors.h"

namespace plumb::lm {

class QuantisedMatrix {
 public:
  // A matrix as the file stores it, in blocks of any kind; its bytes stay in the file's map. Error: kUnsupported (not in blocks).
  static Result<std::shared_ptr<const QuantisedMatrix>> Of(const StoredTensor& stored);
  // `w` float32 [rows, columns] as Q4_0. Error: kUnsupported (columns that are not whole blocks of 32).
  static Result<std::shared_ptr<const QuantisedMatrix>> Make(const at::Tensor& w);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  size_t bytes() const { return bytes_.size(); }
  // The same rows in another order: row i becomes that which was order[i].
  std::shared_ptr<const QuantisedMatrix> Ordered(const std::vector<int64_t>& order) const;
  // Rows [begin, end) as float32, to [end − begin][columns].
  void Expand(int64_t begin, int64_t end, float* out) const;
  at::Tensor Expanded(at::ScalarType type) const;

 private:
  QuantisedMatrix() = default;

  DType type_ = DType::kQ4_0;
  int64_t rows_ = 0, columns_ = 0;
  std::string_view bytes_;
  std::shared_ptr<const MappedFile> file_;  // keeps `bytes_` alive, or
  std::string own_;
};

}  // namespace plumb::lm
