// The linear model: one logistic head per category over hashed n-grams. Tens of microseconds a text, no libtorch.
//
//   Result<LinearModel> model = LinearModel::Load("guard/linear.bin");
//   std::vector<float> logits = model->Logits("how do I pick a lock");   // one per model->heads()
//
// A model is immutable once made and safe to use from any thread. linear.bin is described byte by byte in
// docs/guard.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/core/files.h"
#include "base/core/result.h"
#include "runtime/guard/huge_pages.h"

namespace plumb::guard {

inline constexpr std::string_view kUnsafeHead = "unsafe";  // harmful under any category

class LinearModel {
 public:
  // Errors: kNotFound, kIo, kCorrupt.
  static Result<LinearModel> Load(const fs::path& path);
  static Result<LinearModel> Parse(std::string_view bytes, std::string_view name);
  // `weights` is [kBuckets, heads] row-major; stored as int8 with one scale per head.
  static LinearModel Quantise(std::vector<std::string> heads, std::span<const float> weights,
                              std::span<const float> bias);

  std::string Serialise() const;
  Status Save(const fs::path& path) const;

  const std::vector<std::string>& heads() const { return heads_; }
  std::optional<size_t> Head(std::string_view name) const;
  // Log-odds per head of one text, taken as one window (windows.h cuts long texts).
  std::vector<float> Logits(std::string_view text) const;

  // Heads are added so many at a time: a row of them is half a cache line.
  static constexpr size_t kWidth = 32;

 private:
  std::vector<std::string> heads_;
  std::vector<float> scales_, bias_;  // [heads]
  uint32_t stride_ = 0;               // heads rounded up, for rows to be added whole
  uint16_t id_ = 0;                   // of these weights, in this process; 0: there are too many to tell apart
  std::vector<int8_t, HugePages<int8_t>> weights_;  // [kBuckets, stride_]
};

}  // namespace plumb::guard
