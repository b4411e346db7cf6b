#include "runtime/gateway/split.h"

#include <cmath>

#include "base/core/hash.h"

namespace plumb::gateway {
namespace {

// Uniform in (0, 1), of the first 52 bits.
double Uniform(std::string_view digest) {
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | static_cast<unsigned char>(digest[i]);
  return (static_cast<double>(bits >> 12) + 0.5) / static_cast<double>(1ull << 52);
}

}  // namespace

const policy::Arm* ChooseArm(const policy::Experiment& split, const SplitSubject& subject) {
  std::string_view by = split.by == "key" ? subject.key : split.by == "user" ? subject.user : subject.exchange;
  if (by.empty()) by = subject.exchange;
  // Weighted rendezvous: each arm draws for the subject, and the largest draw wins it.
  const policy::Arm* best = nullptr;
  double largest = 0;
  for (const policy::Arm& arm : split.arms) {
    if (arm.weight <= 0) continue;
    const double draw = -arm.weight / std::log(Uniform(Sha256(fmt::format("{}\n{}\n{}", split.name, arm.name, by))));
    if (best && draw <= largest) continue;
    best = &arm;
    largest = draw;
  }
  return best;
}

}  // namespace plumb::gateway
