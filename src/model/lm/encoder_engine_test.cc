#include "model/lm/encoder_engine.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/full.h>

#include <cmath>

#include "model/lm/goldens_test.h"

namespace plumb::lm {
namespace {

std::vector<std::string> Sentences(std::vector<std::vector<double>>* embeddings = nullptr, const char* file = "embeddings.json") {
  auto golden = ReadJson(GoldenFile(file));
  std::vector<std::string> out;
  for (const auto& row : golden->as_array()) {
    out.emplace_back(row.at("text").as_string());
    if (!embeddings) continue;
    auto& values = embeddings->emplace_back();
    for (const auto& v : row.at("embedding").as_array()) values.push_back(v.to_number<double>());
  }
  return out;
}

double Cosine(const std::vector<float>& a, const std::vector<double>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) dot += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  return dot / std::sqrt(aa * bb);
}

// `model` gives the vectors that transformers gave.
void ExpectEmbeddings(const std::string& model, const char* golden) {
  PLUMB_NEEDS_MODEL(path, model);
  std::vector<std::vector<double>> expected;
  const auto texts = Sentences(&expected, golden);
  for (auto [precision, least] : {std::pair(Precision::kFloat32, 0.999999), std::pair(Precision::kBFloat16, 0.999)}) {
    auto embedder = Embedder::Load(path.string(), precision);
    PLUMB_ASSERT_OK(embedder);
    const auto result = (*embedder)->Embed(texts);
    double worst = 1;
    for (size_t i = 0; i < texts.size(); ++i) worst = std::min(worst, Cosine(result.embeddings[i], expected[i]));
    std::printf("%s: smallest cosine %.6f\n", precision == Precision::kFloat32 ? "f32" : "bf16", worst);
    EXPECT_GE(worst, least);
  }
}

TEST(EncoderEngine, MiniLmEmbeddingsAreThoseOfTransformers) { ExpectEmbeddings("minilm", "embeddings.json"); }
TEST(EncoderEngine, BgeEmbeddingsAreThoseOfTransformers) { ExpectEmbeddings("bge-small", "bge_embeddings.json"); }

TEST(EncoderEngine, ARowDoesNotDependOnItsCompany) {
  PLUMB_NEEDS_MODEL(path, "minilm");
  auto embedder = Embedder::Load(path.string(), Precision::kFloat32);
  PLUMB_ASSERT_OK(embedder);
  const auto texts = Sentences();
  const auto together = (*embedder)->Embed(texts);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ((*embedder)->Embed({texts[i]}).embeddings[0], together.embeddings[i]);
}

TEST(EncoderEngine, LongTextsAreCutAndSaidToBe) {
  PLUMB_NEEDS_MODEL(path, "minilm");
  auto embedder = Embedder::Load(path.string(), Precision::kBFloat16);
  PLUMB_ASSERT_OK(embedder);
  std::string longest;
  for (int i = 0; i < 1000; ++i) longest += "word ";
  const auto result = (*embedder)->Embed({longest, "short"});
  EXPECT_TRUE(result.truncated[0]);
  EXPECT_FALSE(result.truncated[1]);
}

// A classifier written, read back and asked, without training: the adapter is empty, the heads are chosen.
TEST(Classifier, SavesLoadsAndScoresByWindows) {
  PLUMB_NEEDS_MODEL(path, "minilm");
  TempFolder folder;
  auto encoder = Encoder::Load(path.string());
  PLUMB_ASSERT_OK(encoder);
  AdapterConfig config{.r = 2, .alpha = 4, .target_modules = {"query"}};
  for (auto& [name, linear] : (*encoder)->Linears())
    if (name.ends_with(".query")) linear->lora = Lora{at::full({2, 384}, 0.01), at::full({384, 2}, 0.01), 2};
  ClassifierHeads heads{{"one", "two"}, at::full({2, 384}, 0.1), at::tensor(std::vector<float>{0, -1}), "mean", 16};
  ASSERT_TRUE(SaveClassifier(folder.path() / "c", config, heads, **encoder));
  auto classifier = Classifier::Load("minilm+" + (folder.path() / "c").string(), Precision::kFloat32);
  PLUMB_ASSERT_OK(classifier);
  EXPECT_EQ((*classifier)->heads(), heads.names);
  std::string longer;
  for (int i = 0; i < 40; ++i) longer += "hello ";
  const auto result = (*classifier)->Classify({"hello", longer, ""});
  EXPECT_EQ(result.windows, 1 + 3 + 1);
  for (const auto& row : result.scores) EXPECT_GT(row[0], row[1]);
  EXPECT_EQ((*classifier)->Classify({"hello"}).scores[0], result.scores[0]);
  EXPECT_FALSE(Classifier::Load("minilm", Precision::kFloat32));
}

}  // namespace
}  // namespace plumb::lm
