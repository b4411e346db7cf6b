#include "runtime/guard/joining_inputs.h"

#include "runtime/guard/cascade.h"

namespace plumb::guard {

Result<std::vector<Heads>> HeadsOf(const std::vector<const TrainingRow*>& rows, const LinearModel& linear, Classifier* encoder) {
  std::vector<Heads> out(rows.size());
  std::vector<std::string> texts;
  for (size_t i = 0; i < rows.size(); ++i) {
    out[i].linear = linear.Logits(rows[i]->text);
    texts.push_back(rows[i]->text);
  }
  if (encoder == nullptr) return out;
  for (size_t begin = 0; begin < texts.size(); begin += kEncoderBatch) {
    const size_t end = std::min(texts.size(), begin + kEncoderBatch);
    PLUMB_TRY(const auto answers, encoder->Classify({texts.begin() + static_cast<ptrdiff_t>(begin), texts.begin() + static_cast<ptrdiff_t>(end)}));
    for (size_t i = begin; i < end; ++i)
      for (const float probability : answers[i - begin]) out[i].encoder.push_back(static_cast<float>(Logit(probability)));
  }
  return out;
}

std::optional<size_t> HeadNamed(const std::vector<std::string>& heads, std::string_view name) {
  const auto found = std::find(heads.begin(), heads.end(), name);
  if (found == heads.end()) return std::nullopt;
  return static_cast<size_t>(found - heads.begin());
}

}  // namespace plumb::guard
