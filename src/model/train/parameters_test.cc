#include "model/train/parameters.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/train/kernel_table.h"
#include "model/train/random.h"

namespace plumb::train {
namespace {

// torch.optim.AdamW, three steps (tests/goldens/train/make_small_goldens.py).
TEST(Parameters, AdamWIsTorchs) {
  Parameters p;
  const size_t a = p.Add("a", {3}), b = p.Add("b", {1});
  p.Allocate();
  const float start[] = {0.5f, -1, 2};
  std::copy(start, start + 3, p.value(a).data_ptr<float>());
  const float expected[3][4] = {{0.39499998f, -0.88999999f, 1.88000035f, -0.1f},
                                {0.29466251f, -0.78109998f, 1.76120067f, -0.16615802f},
                                {0.19616251f, -0.67328894f, 1.64358902f, -0.15590973f}};
  for (int k = 0; k < 3; ++k) {
    const float grad[] = {0.1f * static_cast<float>(k + 1), -2, 0.003f,
                          1.0f - static_cast<float>(k)};
    std::copy(grad, grad + 3, p.grad(a).data_ptr<float>());
    p.grad(b).data_ptr<float>()[0] = grad[3];
    p.Step(
        {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-8, .weight_decay = 0.1, .step = k + 1});
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(p.value(a).data_ptr<float>()[i], expected[k][i], 1e-6);
    EXPECT_NEAR(p.value(b).data_ptr<float>()[0], expected[k][3], 1e-6);
  }
}

TEST(Parameters, ValuesOfAnotherShapeOrNameAreRefused) {
  Parameters p;
  p.Add("a", {2, 2});
  p.Allocate();
  EXPECT_EQ(p.SetValues({}).error().message, "a is missing");
  Parameters other;
  other.Add("a", {3});
  other.Allocate();
  EXPECT_EQ(p.SetValues(other.Values()).error().message, "a holds 3 values, should hold 4");
}

// The two instruction sets compute the same to rounding.
TEST(Kernels, WideAndBaselineAgree) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    GTEST_SKIP() << "this machine has no AVX-512";
  using namespace kernels;
  constexpr long n = 5, f = 48, vocab = 50;
  Random random(1);
  std::vector<float> x(n * 2 * f), a(n * f), b(n * f);
  for (float& v : x) v = static_cast<float>(8 * random.Uniform() - 4);
  Avx512Table().f32.swiglu(x.data(), 0, n, f, a.data(), f);
  BaselineTable().f32.swiglu(x.data(), 0, n, f, b.data(), f);
  for (long i = 0; i < n * f; ++i) {
    const float g = x[i / f * 2 * f + i % f], up = x[i / f * 2 * f + f + i % f];
    EXPECT_NEAR(a[i], g / (1 + std::exp(-g)) * up, 1e-5);
    EXPECT_NEAR(a[i], b[i], 1e-6);
  }
  Avx512Table().f32.gelu(x.data(), 0, n, f, a.data(), f);
  for (long i = 0; i < n * f; ++i)
    EXPECT_NEAR(a[i], 0.5 * x[i] * (1 + std::erf(x[i] / std::sqrt(2.0))), 1e-5);
  std::vector<float> wide(x.begin(), x.begin() + vocab), base = wide;
  const float one = 1;
  const TokenStats s = Avx512Table().f32.softmax(wide.data(), nullptr, vocab, 49, &one, nullptr);
  const TokenStats t = BaselineTable().f32.softmax(base.data(), nullptr, vocab, 49, &one, nullptr);
  EXPECT_NEAR(s.logp, t.logp, 1e-5);
  EXPECT_NEAR(s.entropy, t.entropy, 1e-5);
  double total = 0;
  for (long i = 0; i < vocab; ++i) {
    EXPECT_NEAR(wide[i], base[i], 1e-6);
    total += wide[i];
  }
  EXPECT_NEAR(total, 0, 1e-5);  // Σ (p − onehot)
#else
  GTEST_SKIP() << "not an x86 machine";
#endif
}

}  // namespace
}  // namespace plumb::train
