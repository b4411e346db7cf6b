#include "model/train/lora_group.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "model/train/random.h"

namespace plumb::train {
namespace {

at::Tensor Noise(std::vector<int64_t> shape, Random& random, double scale) {
  at::Tensor t = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < t.numel(); ++i)
    t.data_ptr<float>()[i] = static_cast<float>((2 * random.Uniform() - 1) * scale);
  return t;
}

// Three projections of 64 inputs: adapted by rank 8, not adapted, adapted by rank 16.
struct Projections {
  Parameters parameters;
  std::vector<LoraSlot> slots;
  std::vector<at::Tensor> weights, biases;

  explicit Projections(at::ScalarType type = at::kBFloat16) {
    Random random(3);
    for (auto [out, rank] : {std::pair<int64_t, int64_t>{64, 8}, {32, 0}, {96, 16}}) {
      LoraSlot slot{.out = out, .rank = rank};
      if (rank > 0) {
        slot.a = parameters.Add(fmt::format("{}.lora_A.weight", out), {rank, 64});
        slot.b = parameters.Add(fmt::format("{}.lora_B.weight", out), {out, rank});
      }
      slots.push_back(slot);
      weights.push_back(Noise({out, 64}, random, 0.2).to(at::kBFloat16).to(type));
      biases.push_back(Noise({out}, random, 0.5).to(at::kBFloat16).to(type));
    }
    parameters.Allocate();
    for (size_t i = 0; i < parameters.count(); ++i)
      parameters.value(i).copy_(
          Noise(parameters.value(i).sizes().vec(), random, 0.3).to(at::kBFloat16));
  }
  LoraGroup Group(LoraGroup::Path path) {
    LoraGroup group(weights, biases, slots, 2, path);
    group.Refresh(parameters);
    return group;
  }
};

struct Results {
  at::Tensor y, base, dx;
  std::vector<at::Tensor> gradients;
};

constexpr int64_t kRows = 128;

Results RunOn(const LoraGroup& group, Projections& p, const LoraGroup::Drop& drop, at::ScalarType type) {
  Random random(17);
  at::Tensor x = at::empty({kRows, group.wide()}, type);
  x.narrow(1, 0, 64).copy_(Noise({kRows, 64}, random, 1).to(at::kBFloat16));
  const at::Tensor dy = Noise({kRows, 192}, random, 1).to(at::kBFloat16).to(type);
  Results r;
  r.base = group.Forward(x, false, {});
  r.y = group.Forward(x, true, drop);
  p.parameters.ZeroGrad();
  r.dx = group.Backward(dy, x, true, drop, p.parameters).narrow(1, 0, 64);
  for (size_t i = 0; i < p.parameters.count(); ++i)
    r.gradients.push_back(p.parameters.grad(i).clone());
  return r;
}

Results RunGroup(Projections& p, LoraGroup::Path path, const LoraGroup::Drop& drop, at::ScalarType type) {
  return RunOn(p.Group(path), p, drop, type);
}

double Gap(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kFloat), y = b.to(at::kFloat);
  return ((x - y).norm() / y.norm()).item<double>();
}

// The same products from blocks of 4 bits as from the weights that those stand for, forward, backward and in every gradient.
TEST(BlockGroup, IsThePlainPathOnTheWeightsThatItsBlocksStandFor) {
  for (const double drop : {0.0, 0.3})
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      Projections p(type), exact(at::kFloat);
      std::vector<std::shared_ptr<const lm::QuantisedMatrix>> blocks;
      for (size_t i = 0; i < p.weights.size(); ++i) {
        auto made = lm::QuantisedMatrix::Make(p.weights[i].to(at::kFloat));
        ASSERT_TRUE(made);
        EXPECT_GT(Gap((*made)->Expanded(at::kFloat), p.weights[i]), 1e-3) << "four bits are not all of it";
        blocks.push_back(*made);
        p.weights[i] = (*made)->Expanded(type);
        exact.weights[i] = (*made)->Expanded(at::kFloat);
      }
      LoraGroup group(blocks, p.biases, p.slots, 2, type);
      EXPECT_FALSE(group.packed());
      group.Refresh(p.parameters);
      const Results mine = RunOn(group, p, {drop, 77}, type);
      const Results plain = RunGroup(p, LoraGroup::Path::kPlain, {drop, 77}, type),
                    truth = RunGroup(exact, LoraGroup::Path::kPlain, {drop, 77}, at::kFloat);
      const auto expect = [&](const at::Tensor& a, const at::Tensor& b, const at::Tensor& right, const std::string& what) {
        EXPECT_LT(Gap(a, right), type == at::kFloat ? 1e-6 : 1.2 * Gap(b, right)) << what;
      };
      expect(mine.base, plain.base, truth.base, "base");
      expect(mine.y, plain.y, truth.y, "y");
      expect(mine.y - mine.base, plain.y - plain.base, truth.y - truth.base, "what the adapter adds");
      expect(mine.dx, plain.dx, truth.dx, "dx");
      for (size_t i = 0; i < mine.gradients.size(); ++i) expect(mine.gradients[i], plain.gradients[i], truth.gradients[i], p.parameters.name(i));
    }
}

class PackedGroup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Projections().Group(LoraGroup::Path::kBest).packed())
      GTEST_SKIP() << "no AMX here: the plain path is the only one";
  }
};

class PackedGroupDropping : public PackedGroup, public ::testing::WithParamInterface<double> {};

// Both against float32 from the same rounded numbers: the packed path is as near as the plain one.
TEST_P(PackedGroupDropping, IsThePlainPathWithinRounding) {
  const LoraGroup::Drop drop{GetParam(), 77};
  Projections p, exact(at::kFloat);
  const Results packed = RunGroup(p, LoraGroup::Path::kBest, drop, at::kBFloat16),
                plain = RunGroup(p, LoraGroup::Path::kPlain, drop, at::kBFloat16),
                truth = RunGroup(exact, LoraGroup::Path::kPlain, drop, at::kFloat);
  auto expect = [](const at::Tensor& mine, const at::Tensor& other, const at::Tensor& right,
                   const std::string& what) {
    EXPECT_LT(Gap(mine, right), 5e-3) << what;
    EXPECT_LT(Gap(mine, right), 1.2 * Gap(other, right)) << what;
  };
  expect(packed.base, plain.base, truth.base, "base");
  expect(packed.y, plain.y, truth.y, "y");
  expect(packed.dx, plain.dx, truth.dx, "dx");
  for (size_t i = 0; i < packed.gradients.size(); ++i)
    expect(packed.gradients[i], plain.gradients[i], truth.gradients[i], p.parameters.name(i));
}
INSTANTIATE_TEST_SUITE_P(Dropout, PackedGroupDropping, ::testing::Values(0.0, 0.3));

TEST_F(PackedGroup, ThreadsChangeNoBit) {
  Projections p;
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Results one = RunGroup(p, LoraGroup::Path::kBest, {}, at::kBFloat16);
  at::set_num_threads(3);
  const Results three = RunGroup(p, LoraGroup::Path::kBest, {}, at::kBFloat16);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(one.y, three.y));
  EXPECT_TRUE(at::equal(one.dx, three.dx));
  for (size_t i = 0; i < one.gradients.size(); ++i)
    EXPECT_TRUE(at::equal(one.gradients[i], three.gradients[i])) << p.parameters.name(i);
}

// Sums longer than the product takes at once, and columns that are split among threads instead of
// rows.
TEST_F(PackedGroup, LongSumsAgreeWithFloat32) {
  Random random(5);
  const int64_t in = 2080, out = 512, n = 64;
  const at::Tensor w = Noise({out, in}, random, 0.1).to(at::kBFloat16);
  const LoraGroup group({w}, {at::Tensor()}, {{.out = out}}, 1);
  ASSERT_TRUE(group.packed());
  at::Tensor x = Noise({n, in}, random, 1).to(at::kBFloat16);
  const at::Tensor y = group.Forward(x, true, {});
  EXPECT_LT(Gap(y, at::mm(x.to(at::kFloat), w.to(at::kFloat).t())), 4e-3);
  Parameters none;
  const at::Tensor dx = group.Backward(y, x, true, {}, none);
  EXPECT_LT(Gap(dx, at::mm(y.to(at::kFloat), w.to(at::kFloat))), 4e-3);
}

}  // namespace
}  // namespace plumb::train
