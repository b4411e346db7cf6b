#include "runtime/guard/linear.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "base/core/json.h"
#include "runtime/guard/features.h"

namespace plumb::guard {
namespace {

constexpr std::string_view kLinearMagic = "PLBLIN01";
constexpr size_t kMaxHeads = 256;

void PutVarint(std::string& out, uint32_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

bool GetVarint(std::string_view bytes, size_t& at, uint32_t& value) {
  value = 0;
  for (int shift = 0; shift < 35 && at < bytes.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    value |= static_cast<uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

size_t StrideFor(size_t heads) { return (heads + LinearModel::kWidth - 1) / LinearModel::kWidth * LinearModel::kWidth; }

uint16_t NewWeightsId() {
  static std::atomic<uint64_t> last{0};
  const uint64_t id = ++last;
  return id <= UINT16_MAX ? static_cast<uint16_t>(id) : uint16_t{0};
}

}  // namespace

LinearModel LinearModel::Quantise(std::vector<std::string> heads, std::span<const float> weights,
                                  std::span<const float> bias) {
  LinearModel model;
  const size_t n = heads.size();
  model.heads_ = std::move(heads);
  model.stride_ = static_cast<uint32_t>(StrideFor(n));
  model.id_ = NewWeightsId();
  model.bias_.assign(bias.begin(), bias.end());
  model.scales_.assign(n, 0);
  model.weights_.assign(static_cast<size_t>(kBuckets) * model.stride_, 0);
  for (size_t h = 0; h < n; ++h) {
    float largest = 0;
    for (size_t b = 0; b < kBuckets; ++b) largest = std::max(largest, std::abs(weights[b * n + h]));
    model.scales_[h] = largest / 127;
    if (largest == 0) continue;
    for (size_t b = 0; b < kBuckets; ++b)
      model.weights_[b * model.stride_ + h] =
          static_cast<int8_t>(std::lround(weights[b * n + h] / model.scales_[h]));
  }
  return model;
}

std::optional<size_t> LinearModel::Head(std::string_view name) const {
  const auto found = std::find(heads_.begin(), heads_.end(), name);
  if (found == heads_.end()) return std::nullopt;
  return static_cast<size_t>(found - heads_.begin());
}

// magic ‖ u32 header length ‖ JSON header ‖ for each bucket that is not all zero: varint distance from the one before,
// then one int8 per head.
std::string LinearModel::Serialise() const {
  json::array names, scales, bias;
  for (size_t h = 0; h < heads_.size(); ++h) {
    names.emplace_back(heads_[h]);
    scales.emplace_back(scales_[h]);
    bias.emplace_back(bias_[h]);
  }
  std::string rows;
  uint32_t count = 0, last = 0;
  for (uint32_t b = 0; b < kBuckets; ++b) {
    const int8_t* row = weights_.data() + static_cast<size_t>(b) * stride_;
    if (std::all_of(row, row + heads_.size(), [](int8_t w) { return w == 0; })) continue;
    PutVarint(rows, b - last);
    rows.append(reinterpret_cast<const char*>(row), heads_.size());
    last = b;
    ++count;
  }
  const json::value header = {{"bias", bias}, {"bucket_bits", kBucketBits}, {"char_ngrams", {3, 5}}, {"heads", names},
                              {"rows", count}, {"scales", scales}, {"word_ngrams", {1, 3}}};
  const std::string text = ToJson(header);
  std::string out(kLinearMagic);
  const auto length = static_cast<uint32_t>(text.size());
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(length >> shift);
  return out + text + rows;
}

Status LinearModel::Save(const fs::path& path) const { return WriteFileAtomic(path, Serialise()); }

Result<LinearModel> LinearModel::Load(const fs::path& path) {
  PLUMB_TRY(const std::string bytes, ReadFile(path));
  return Parse(bytes, path.string());
}

Result<LinearModel> LinearModel::Parse(std::string_view bytes, std::string_view name) {
  const std::string where(name);
  if (bytes.size() < 12 || bytes.substr(0, 8) != kLinearMagic)
    return FailAt(where, Code::kCorrupt, "not a linear model: it does not begin with {}", kLinearMagic);
  uint32_t length = 0;
  for (int i = 0; i < 4; ++i) length |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[8 + i])) << (8 * i);
  if (length > bytes.size() - 12) return FailAt(where, Code::kCorrupt, "the header is cut off at byte {}", bytes.size());
  PLUMB_TRY(const json::value header, ParseJson(bytes.substr(12, length), name));
  const json::object* object = header.if_object();
  const json::array* names = object ? FindArray(*object, "heads") : nullptr;
  const json::array* scales = object ? FindArray(*object, "scales") : nullptr;
  const json::array* bias = object ? FindArray(*object, "bias") : nullptr;
  if (!names || !scales || !bias || names->empty() || names->size() > kMaxHeads || scales->size() != names->size() ||
      bias->size() != names->size())
    return FailAt(where, Code::kCorrupt, "the header needs heads, scales and bias of one length, 1 to {}", kMaxHeads);
  PLUMB_TRY(const int64_t bits, GetInt(*object, "bucket_bits"));
  PLUMB_TRY(const int64_t rows, GetInt(*object, "rows"));
  if (bits != kBucketBits) return FailAt(where, Code::kUnsupported, "bucket_bits is {}, must be {}", bits, kBucketBits);

  LinearModel model;
  for (size_t h = 0; h < names->size(); ++h) {
    const json::string* head = (*names)[h].if_string();
    if (!head || !(*scales)[h].is_number() || !(*bias)[h].is_number())
      return FailAt(where, Code::kCorrupt, "head {} of the header has a wrong type", h);
    model.heads_.emplace_back(*head);
    model.scales_.push_back((*scales)[h].to_number<float>());
    model.bias_.push_back((*bias)[h].to_number<float>());
  }
  const size_t n = model.heads_.size();
  model.stride_ = static_cast<uint32_t>(StrideFor(n));
  model.id_ = NewWeightsId();
  model.weights_.assign(static_cast<size_t>(kBuckets) * model.stride_, 0);
  size_t at = 12 + length;
  uint64_t bucket = 0;
  for (int64_t row = 0; row < rows; ++row) {
    uint32_t distance = 0;
    if (!GetVarint(bytes, at, distance) || bytes.size() - at < n)
      return FailAt(where, Code::kCorrupt, "row {} of {} is cut off at byte {}", row, rows, at);
    bucket += distance;
    if (bucket >= kBuckets || (row > 0 && distance == 0))
      return FailAt(where, Code::kCorrupt, "row {} of {} names bucket {} of {}", row, rows, bucket, kBuckets);
    std::memcpy(model.weights_.data() + bucket * model.stride_, bytes.data() + at, n);
    at += n;
  }
  if (at != bytes.size()) return FailAt(where, Code::kCorrupt, "{} bytes follow the last row", bytes.size() - at);
  return model;
}

}  // namespace plumb::guard
