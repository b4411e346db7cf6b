#include "model/lm/quantised.h"

#include <ATen/ops/empty.h>

#include "model/lm/blocks.h"

namespace plumb::lm {

Result<std::shared_ptr<const QuantisedMatrix>> QuantisedMatrix::Of(const StoredTensor& stored) {
  if (!FindBlocks(stored.type) || stored.shape.size() != 2)
    return Fail(Code::kUnsupported, "a tensor of {} is not stored in blocks", DTypeName(stored.type));
  std::shared_ptr<QuantisedMatrix> made(new QuantisedMatrix);
  made->type_ = stored.type;
  made->rows_ = stored.shape[0];
  made->columns_ = stored.shape[1];
  made->bytes_ = stored.bytes;
  made->file_ = stored.file;
  return made;
}

Result<std::shared_ptr<const QuantisedMatrix>> QuantisedMatrix::Make(const at::Tensor& w) {
  const at::Tensor values = w.contiguous();
  const int64_t block = static_cast<int64_t>(FindBlocks(DType::kQ4_0)->values);
  if (values.size(1) % block)
    return Fail(Code::kUnsupported, "4 bits a weight need rows of whole blocks of {}; this matrix has rows of {}", block, values.size(1));
  std::shared_ptr<QuantisedMatrix> made(new QuantisedMatrix);
  made->rows_ = values.size(0);
  made->columns_ = values.size(1);
  PLUMB_TRY(made->own_, Quantise(DType::kQ4_0, values.const_data_ptr<float>(), static_cast<size_t>(values.numel())));
  made->bytes_ = made->own_;
  return made;
}

std::shared_ptr<const QuantisedMatrix> QuantisedMatrix::Ordered(const std::vector<int64_t>& order) const {
  std::shared_ptr<QuantisedMatrix> made(new QuantisedMatrix);
  made->type_ = type_;
  made->rows_ = rows_;
  made->columns_ = columns_;
  const size_t row = DTypeBytes(type_, static_cast<size_t>(columns_));
  made->own_.reserve(bytes_.size());
  for (int64_t from : order) made->own_ += bytes_.substr(static_cast<size_t>(from) * row, row);
  made->bytes_ = made->own_;
  return made;
}

void QuantisedMatrix::Expand(int64_t begin, int64_t end, float* out) const {
  const size_t row = DTypeBytes(type_, static_cast<size_t>(columns_));
  Dequantise(type_, bytes_.substr(static_cast<size_t>(begin) * row), out, static_cast<size_t>((end - begin) * columns_));
}

at::Tensor QuantisedMatrix::Expanded(at::ScalarType type) const {
  const at::Tensor out = at::empty({rows_, columns_}, at::kFloat);
  Expand(0, rows_, out.data_ptr<float>());
  return out.to(type);
}

}  // namespace plumb::lm
