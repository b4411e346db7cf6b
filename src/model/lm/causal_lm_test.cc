#include "model/lm/causal_lm.h"

#include <ATen/ops/tensor.h>

#include "model/lm/encoder.h"
#include "model/lm/goldens_test.h"
#include "model/lm/tokenizer.h"

namespace plumb::lm {
namespace {

std::vector<int64_t> Ids(const json::value& array) {
  std::vector<int64_t> ids;
  for (const auto& id : array.as_array()) ids.push_back(id.as_int64());
  return ids;
}

at::Tensor ToTensor(const std::vector<int64_t>& ids) { return at::tensor(ids, at::kLong); }

TEST(CausalLmParity, LogitsAgreeWithTransformersTo1e3) {
  PLUMB_NEEDS_MODEL(path, "smollm2");
  auto model = CausalLm::Load(path.string());
  PLUMB_ASSERT_OK(model);
  auto golden = ReadJson(GoldenFile("logits.json"));
  PLUMB_ASSERT_OK(golden);
  const std::vector<int64_t> columns = Ids(golden->at("columns"));
  const int64_t stride = golden->at("stride").as_int64();
  double worst = 0;
  for (const auto& row : golden->at("rows").as_array()) {
    if (!row.as_object().contains("columns")) continue;
    std::vector<int64_t> ids = Ids(row.at("ids")), made = Ids(row.at("greedy"));
    ids.insert(ids.end(), made.begin(), made.end());
    const at::Tensor logits = (*model)->Logits((*model)->Hidden(ToTensor(ids), {static_cast<int64_t>(ids.size())}));
    const auto values = logits.accessor<float, 2>();
    const auto& lines = row.at("columns").as_array();
    for (size_t i = 0; i < lines.size(); ++i)
      for (size_t c = 0; c < columns.size(); ++c)
        worst = std::max(worst, std::abs(values[static_cast<int64_t>(i) * stride][columns[c]] - lines[i].as_array()[c].to_number<double>()));
    for (const auto& top : row.at("top").as_array())
      worst = std::max(worst, std::abs(values[logits.size(0) - 1][top.at(0).as_int64()] - top.at(1).to_number<double>()));
  }
  RecordProperty("max_abs_diff", std::to_string(worst));
  std::printf("max abs diff of logits: %.2e\n", worst);
  EXPECT_LE(worst, 1e-3);
}

TEST(EncoderParity, MiniLmEmbeddingsAgreeWithTransformers) {
  PLUMB_NEEDS_MODEL(path, "minilm");
  auto encoder = Encoder::Load(path.string());
  PLUMB_ASSERT_OK(encoder);
  auto tokenizer = Tokenizer::Load(path);
  PLUMB_ASSERT_OK(tokenizer);
  auto golden = ReadJson(GoldenFile("embeddings.json"));
  PLUMB_ASSERT_OK(golden);
  std::vector<int64_t> ids, lengths;
  for (const auto& row : golden->as_array()) {
    const auto text = (*tokenizer)->Encode(std::string(row.at("text").as_string()), {.special = true, .add_bos_eos = true});
    ids.insert(ids.end(), text.begin(), text.end());
    lengths.push_back(static_cast<int64_t>(text.size()));
  }
  const at::Tensor pooled = (*encoder)->Pool((*encoder)->Hidden(ToTensor(ids), lengths), lengths);
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto& expected = golden->as_array()[i].at("embedding").as_array();
    double dot = 0, norm = 0;
    for (size_t j = 0; j < expected.size(); ++j) {
      const double x = pooled[static_cast<int64_t>(i)][static_cast<int64_t>(j)].item<float>();
      dot += x * expected[j].to_number<double>();
      norm += x * x;
    }
    EXPECT_GE(dot / std::sqrt(norm), 0.9999) << i;
  }
}

}  // namespace
}  // namespace plumb::lm
