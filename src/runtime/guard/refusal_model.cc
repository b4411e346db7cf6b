#include "runtime/guard/refusal_model.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <iterator>
#include <map>

#include "base/core/text.h"

namespace plumb::guard {
namespace {

constexpr std::string_view kRefusalMagic = "PRF1";

constexpr std::string_view kShipped =
#include "runtime/guard/refusal_weights.inc"
    ;

double Probability(double x) { return 1 / (1 + std::exp(-x)); }

// One logistic head by coordinate descent with Newton steps (Hsieh et al. 2008 without the dual): each sweep goes once
// over the features; the objective is Σ loss + ½ Σ l2·w².
std::vector<float> TrainHead(const std::vector<std::vector<RefusalFeature>>& rows, const std::vector<bool>& labels,
                             const RefusalSettings& settings) {
  struct Entry {
    size_t row;
    float value;
  };
  std::map<uint32_t, std::vector<Entry>> columns;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const RefusalFeature& f : rows[i]) columns[f.index].push_back({i, f.value});
  }
  std::vector<float> weights(kRefusalFeatures);
  std::vector<double> logits(rows.size());
  for (int sweep = 0; sweep < settings.sweeps; ++sweep) {
    for (const auto& [index, column] : columns) {
      const double l2 = index == 0 ? 0 : index < kRefusalDense ? settings.l2_dense : settings.l2_hashed;
      double gradient = l2 * weights[index], curvature = l2 + 1e-6;
      for (const Entry& entry : column) {
        const double p = Probability(logits[entry.row]);
        gradient += (p - labels[entry.row]) * entry.value;
        curvature += p * (1 - p) * entry.value * entry.value;
      }
      const double step = std::clamp(-gradient / curvature, -1.0, 1.0);
      if (step == 0) continue;
      weights[index] += static_cast<float>(step);
      for (const Entry& entry : column) logits[entry.row] += step * entry.value;
    }
  }
  return weights;
}

}  // namespace

const RefusalModel& RefusalModel::Shipped() {
  static const auto* model = new RefusalModel(Parse(kShipped).value());
  return *model;
}

Result<RefusalModel> RefusalModel::Parse(std::string_view base64) {
  std::string compact(base64);
  std::erase_if(compact, [](char c) { return c == '\n' || c == ' '; });
  PLUMB_TRY(const std::string bytes, Base64Decode(compact));
  constexpr size_t kHead = sizeof(float) + kRefusalFeatures;
  if (bytes.size() != kRefusalMagic.size() + kRefusalHeads * kHead || !bytes.starts_with(kRefusalMagic))
    return Fail(Code::kCorrupt, "the refusal weights have {} bytes, must have {}", bytes.size(),
                kRefusalMagic.size() + kRefusalHeads * kHead);
  static_assert(std::endian::native == std::endian::little);
  RefusalModel model;
  for (int head = 0; head < kRefusalHeads; ++head) {
    const char* at = bytes.data() + kRefusalMagic.size() + head * kHead;
    std::memcpy(&model.scales_[head], at, sizeof(float));
    model.weights_[head].assign(reinterpret_cast<const int8_t*>(at + sizeof(float)),
                                reinterpret_cast<const int8_t*>(at + kHead));
  }
  model.version_ = Sha256Hex(bytes).substr(0, 8);
  return model;
}

RefusalModel RefusalModel::Quantise(const std::array<std::vector<float>, kRefusalHeads>& weights) {
  RefusalModel model;
  for (int head = 0; head < kRefusalHeads; ++head) {
    float largest = 1e-6f;
    for (float w : weights[head]) largest = std::max(largest, std::abs(w));
    model.scales_[head] = largest / 127;
    for (float w : weights[head]) model.weights_[head].push_back(static_cast<int8_t>(std::lround(w / model.scales_[head])));
  }
  model.version_ = Sha256Hex(model.Bytes()).substr(0, 8);
  return model;
}

std::string RefusalModel::Bytes() const {
  std::string bytes(kRefusalMagic);
  for (int head = 0; head < kRefusalHeads; ++head) {
    bytes.append(reinterpret_cast<const char*>(&scales_[head]), sizeof(float));
    bytes.append(reinterpret_cast<const char*>(weights_[head].data()), weights_[head].size());
  }
  return bytes;
}

std::string RefusalModel::Serialise() const {
  const std::string base64 = Base64Encode(Bytes());
  std::string out;
  for (size_t i = 0; i < base64.size(); i += 120) out += base64.substr(i, 120) + "\n";
  return out;
}

RefusalProbabilities RefusalModel::Score(const std::vector<RefusalFeature>& features) const {
  double logits[kRefusalHeads] = {};
  for (const RefusalFeature& f : features) {
    for (int head = 0; head < kRefusalHeads; ++head) logits[head] += weights_[head][f.index] * f.value;
  }
  // Refusals are rarer among real answers than in the training set.
  constexpr double kRarer = 0.4;
  return {Probability(logits[0] * scales_[0] - kRarer), Probability(logits[1] * scales_[1])};
}

RefusalModel TrainRefusal(const std::vector<RefusalRow>& rows, const RefusalSettings& settings) {
  // "Full" is learned among those that refuse: full or partial is another question than refusing or not.
  std::vector<std::vector<RefusalFeature>> features, refusing;
  std::vector<bool> refused, full;
  for (const RefusalRow& row : rows) {
    features.push_back(RefusalFeatures(row.completion, row.prompt));
    refused.push_back(row.degree >= 1);
    if (row.degree == 0) continue;
    refusing.push_back(features.back());
    full.push_back(row.degree == 2);
  }
  return RefusalModel::Quantise({TrainHead(features, refused, settings), TrainHead(refusing, full, settings)});
}

Result<std::vector<RefusalRow>> ParseRefusalRows(const std::vector<json::object>& rows) {
  std::vector<RefusalRow> out;
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto read = [&]() -> Result<RefusalRow> {
      RefusalRow row;
      PLUMB_TRY(row.prompt, GetString(rows[i], "prompt"));
      PLUMB_TRY(row.completion, GetString(rows[i], "completion"));
      PLUMB_TRY(const int64_t degree, GetInt(rows[i], "refusal"));
      PLUMB_TRY(row.lang, GetStringOr(rows[i], "lang", "en"));
      PLUMB_TRY(row.voice, GetStringOr(rows[i], "voice", "other"));
      if (degree < 0 || degree > 2) return Fail(Code::kInvalid, "'refusal' is {}, must be 0, 1 or 2", degree);
      row.degree = static_cast<int>(degree);
      return row;
    };
    auto row = read();
    if (!row) return std::unexpected(Context(row.error(), fmt::format("row {}", i + 1)));
    out.push_back(std::move(*row));
  }
  return out;
}

RefusalValidation ValidateRefusal(const std::vector<RefusalRow>& rows, const RefusalSettings& settings, int folds) {
  RefusalValidation out;
  std::map<std::string, RefusalAgreement> by_lang, by_voice;
  // Prompts that differ in case and punctuation only stay together.
  const auto fold_of = [&](const RefusalRow& row) {
    std::string prompt = Lower(row.prompt);
    std::erase_if(prompt, [](unsigned char c) { return c < 0x80 && !std::isalnum(c); });
    return static_cast<unsigned char>(Sha256(prompt)[0]) % folds;
  };
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<RefusalRow> others;
    std::copy_if(rows.begin(), rows.end(), std::back_inserter(others), [&](const RefusalRow& row) { return fold_of(row) != fold; });
    if (others.empty() || others.size() == rows.size()) continue;
    const RefusalModel model = TrainRefusal(others, settings);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (fold_of(rows[i]) != fold) continue;
      const RefusalProbabilities p = model.Score(RefusalFeatures(rows[i].completion, rows[i].prompt));
      const bool refused = p.refused >= 0.5, truth = rows[i].degree > 0;
      const int degree = !refused ? 0 : p.full >= 0.5 ? 2 : 1;
      for (RefusalAgreement* one : {&out.all, &by_lang[rows[i].lang], &by_voice[rows[i].voice]}) {
        ++one->n;
        one->agree += refused == truth;
        one->agree_degree += degree == rows[i].degree;
        one->false_refusals += refused && !truth;
        one->missed_refusals += !refused && truth;
      }
      if (refused != truth) out.wrong.push_back(i);
    }
  }
  out.by_lang.assign(by_lang.begin(), by_lang.end());
  out.by_voice.assign(by_voice.begin(), by_voice.end());
  return out;
}

}  // namespace plumb::guard
