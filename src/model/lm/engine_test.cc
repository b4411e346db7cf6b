#include "model/lm/engine.h"

#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstring>

#include "model/lm/goldens_test.h"

namespace plumb::lm {
namespace {

// One model for all tests of this file: loading takes a second.
const CausalLm* Model() {
  static const auto model = CausalLm::Load("smollm2");
  return model ? model->get() : nullptr;
}
#define PLUMB_NEEDS_SMOLLM2() \
  if (!Model()) GTEST_SKIP() << "the embedded model is not installed"

struct Prompt {
  std::vector<int32_t> ids, greedy;
};

std::vector<Prompt> Prompts() {
  auto golden = ReadJson(GoldenFile("logits.json"));
  std::vector<Prompt> out;
  for (const auto& row : golden->at("rows").as_array()) {
    Prompt p;
    for (const auto& id : row.at("ids").as_array()) p.ids.push_back(static_cast<int32_t>(id.as_int64()));
    for (const auto& id : row.at("greedy").as_array()) p.greedy.push_back(static_cast<int32_t>(id.as_int64()));
    out.push_back(std::move(p));
  }
  return out;
}

TEST(Engine, GreedyTextOfFiftyPromptsIsTransformersOwn) {
  PLUMB_NEEDS_SMOLLM2();
  auto engine = Engine::Make(*Model(), Precision::kFloat32);
  PLUMB_ASSERT_OK(engine);
  const auto prompts = Prompts();
  ASSERT_EQ(prompts.size(), 50u);
  const int64_t vocab = (*engine)->config().vocab;
  std::vector<KvSequence> sequences(prompts.size());
  std::vector<std::vector<int32_t>> made(prompts.size());
  for (size_t i = 0; i < prompts.size(); ++i)
    made[i].push_back(static_cast<int32_t>(Kernels().argmax((*engine)->Step({{&sequences[i], prompts[i].ids, 1}}), vocab)));
  for (int step = 1; step < 32; ++step) {
    std::vector<Engine::Work> work;
    std::vector<size_t> who;
    for (size_t i = 0; i < prompts.size(); ++i)
      if (made[i].size() < prompts[i].greedy.size()) work.push_back({&sequences[i], std::span(&made[i].back(), 1), 1}), who.push_back(i);
    const float* logits = (*engine)->Step(work);
    for (size_t j = 0; j < who.size(); ++j)
      made[who[j]].push_back(static_cast<int32_t>(Kernels().argmax(logits + static_cast<int64_t>(j) * vocab, vocab)));
  }
  for (size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(made[i], prompts[i].greedy) << i;
}

TEST(Engine, AgreesWithTheDifferentiableForward) {
  PLUMB_NEEDS_SMOLLM2();
  auto engine = Engine::Make(*Model(), Precision::kFloat32);
  PLUMB_ASSERT_OK(engine);
  const Prompt prompt = Prompts()[0];
  KvSequence sequence;
  const auto n = static_cast<int64_t>(prompt.ids.size()), vocab = (*engine)->config().vocab;
  const float* logits = (*engine)->Step({{&sequence, prompt.ids, n}});
  const std::vector<int64_t> ids(prompt.ids.begin(), prompt.ids.end());
  const at::Tensor expected = Model()->Logits(Model()->Hidden(at::tensor(ids, at::kLong), {n}));
  float worst = 0;
  for (int64_t i = 0; i < n * vocab; ++i) worst = std::max(worst, std::abs(logits[i] - expected.const_data_ptr<float>()[i]));
  std::printf("engine against reference: %.2e\n", worst);
  EXPECT_LE(worst, 1e-3f);
}

// The promise of the deciding mode: alone or in company, in one piece or in several, the bits are the same.
void ExpectInvariance(Precision precision) {
  auto engine = Engine::Make(*Model(), precision);
  PLUMB_ASSERT_OK(engine);
  const auto prompts = Prompts();
  const int64_t vocab = (*engine)->config().vocab;
  std::vector<std::vector<float>> alone;
  for (size_t i = 0; i < 5; ++i) {
    KvSequence s;
    const float* logits = (*engine)->Step({{&s, prompts[i].ids, 1}});
    alone.emplace_back(logits, logits + vocab);
  }
  for (size_t batch : {2, 5}) {
    std::vector<KvSequence> sequences(batch);
    std::vector<Engine::Work> work;
    for (size_t i = 0; i < batch; ++i) work.push_back({&sequences[i], prompts[i].ids, 1});
    const float* logits = (*engine)->Step(work);
    for (size_t i = 0; i < batch; ++i)
      EXPECT_EQ(0, std::memcmp(logits + static_cast<int64_t>(i) * vocab, alone[i].data(), alone[i].size() * 4)) << batch << " " << i;
  }
  KvSequence cut;
  const std::span<const int32_t> ids = prompts[0].ids;
  (*engine)->Step({{&cut, ids.first(5), 0}});
  (*engine)->Step({{&cut, ids.subspan(5, 1), 0}});
  const float* logits = (*engine)->Step({{&cut, ids.subspan(6), 1}});
  EXPECT_EQ(0, std::memcmp(logits, alone[0].data(), alone[0].size() * 4));
}

TEST(Engine, Float32IsBitIdenticalAtAnyBatchSize) {
  PLUMB_NEEDS_SMOLLM2();
  ExpectInvariance(Precision::kFloat32);
}

TEST(Engine, BFloat16OnAmxIsBitIdenticalAtAnyBatchSize) {
  PLUMB_NEEDS_SMOLLM2();
  if (!HasAmx()) GTEST_SKIP() << "no AMX here: bfloat16 goes through libtorch, which promises nothing";
  ExpectInvariance(Precision::kBFloat16);
}

TEST(Engine, BFloat16StaysNearFloat32) {
  PLUMB_NEEDS_SMOLLM2();
  auto exact = Engine::Make(*Model(), Precision::kFloat32), fast = Engine::Make(*Model(), Precision::kBFloat16);
  PLUMB_ASSERT_OK(exact);
  PLUMB_ASSERT_OK(fast);
  const int64_t vocab = (*exact)->config().vocab;
  double worst = 0, divergence = 0;
  int same = 0, n = 0;
  auto prompts = Prompts();
  prompts.resize(20);
  for (const Prompt& prompt : prompts) {
    KvSequence a, b;
    const float* x = (*exact)->Step({{&a, prompt.ids, 1}});
    const float* y = (*fast)->Step({{&b, prompt.ids, 1}});
    const float zx = Kernels().log_sum_exp(x, vocab), zy = Kernels().log_sum_exp(y, vocab);
    double kl = 0;
    for (int64_t i = 0; i < vocab; ++i) {
      const double p = std::exp(x[i] - zx);
      kl += p * ((x[i] - zx) - (y[i] - zy));
      worst = std::max(worst, std::abs(static_cast<double>(x[i] - y[i])));
    }
    divergence += kl;
    same += Kernels().argmax(x, vocab) == Kernels().argmax(y, vocab);
    ++n;
  }
  std::printf("bf16 against f32: mean KL %.2e, worst logit %.2e, same top token %d of %d\n", divergence / n, worst, same, n);
  EXPECT_LE(divergence / n, 5e-3);
  EXPECT_GE(same, n - 2);
}

TEST(Kernels, BaselineAgreesWithTheFastTable) {
  std::vector<float> a(5 * 64), panels(2 * 64 * kPanel), fast(5 * 64), plain(5 * 64);
  for (size_t i = 0; i < a.size(); ++i) a[i] = std::sin(static_cast<float>(i));
  for (size_t i = 0; i < panels.size(); ++i) panels[i] = std::cos(static_cast<float>(i) * 0.7f);
  Kernels().gemm(a.data(), panels.data(), fast.data(), 64, 5, 64, 0, 2, false);
  BaselineKernels().gemm(a.data(), panels.data(), plain.data(), 64, 5, 64, 0, 2, false);
  for (size_t i = 0; i < fast.size(); ++i) EXPECT_NEAR(fast[i], plain[i], 1e-4);
  Kernels().swiglu(a.data(), 2, 64, fast.data(), nullptr);
  for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(fast[i], a[i] / (1 + std::exp(-a[i])) * a[i + 64], 1e-6);
}

}  // namespace
}  // namespace plumb::lm
