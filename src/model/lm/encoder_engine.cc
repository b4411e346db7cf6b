#include "model/lm/encoder_engine.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace plumb::lm {
namespace {

constexpr int64_t kBatchTokens = 1024;  // what goes through together: activations stay in the second-level cache

Buffer<float> CopyWeights(const at::Tensor& tensor) {
  const at::Tensor f = tensor.detach().to(at::kFloat).contiguous();
  Buffer<float> out(static_cast<size_t>(f.numel()));
  std::memcpy(out.data(), f.data_ptr<float>(), f.nbytes());
  return out;
}

template <class F>
void ParallelTokens(int64_t rows, const F& f) {
  at::parallel_for(0, rows, 32, f);
}

}  // namespace

Result<std::unique_ptr<EncoderEngine>> EncoderEngine::Make(const Encoder& encoder, Precision precision) {
  const EncoderConfig& c = encoder.config();
  if (c.hidden % 16 != 0 || c.intermediate % 16 != 0 || (c.hidden / c.heads) % 16 != 0)
    return Fail(Code::kUnsupported, "widths {} and {} and head size {} must be multiples of 16", c.hidden, c.intermediate, c.hidden / c.heads);
  try {
    const at::NoGradGuard no_grad;
    auto engine = std::make_unique<EncoderEngine>();
    engine->config_ = c;
    engine->precision_ = precision;
    engine->words_ = CopyWeights(encoder.words());
    engine->positions_ = CopyWeights(encoder.position_table());
    engine->types_ = CopyWeights(encoder.type_table());
    engine->norm_ = CopyWeights(encoder.embedding_norm().weight);
    engine->norm_bias_ = CopyWeights(encoder.embedding_norm().bias);
    for (const Encoder::Layer& l : encoder.layers()) {
      Layer out;
      out.qkv = PackedLinear({l.query.Merged(), l.key.Merged(), l.value.Merged()}, precision);
      out.qkv_bias.Resize(static_cast<size_t>(3 * c.hidden));
      const Linear* parts[] = {&l.query, &l.key, &l.value};
      for (int i = 0; i < 3; ++i) {
        const Buffer<float> bias = CopyWeights(parts[i]->bias);
        std::memcpy(out.qkv_bias.data() + i * c.hidden, bias.data(), static_cast<size_t>(c.hidden) * 4);
      }
      out.attention_output = PackedLinear({l.attention_output.Merged()}, precision);
      out.intermediate = PackedLinear({l.intermediate.Merged()}, precision);
      out.output = PackedLinear({l.output.Merged()}, precision);
      out.attention_bias = CopyWeights(l.attention_output.bias);
      out.intermediate_bias = CopyWeights(l.intermediate.bias);
      out.output_bias = CopyWeights(l.output.bias);
      out.attention_norm = CopyWeights(l.attention_norm.weight);
      out.attention_norm_bias = CopyWeights(l.attention_norm.bias);
      out.output_norm = CopyWeights(l.output_norm.weight);
      out.output_norm_bias = CopyWeights(l.output_norm.bias);
      engine->layers_.push_back(std::move(out));
    }
    return engine;
  } catch (const std::exception& e) {
    return Fail(Code::kExhausted, "the encoder cannot be packed: {}", e.what());
  }
}

// mixed_ [tokens, hidden] from wide_ [tokens, q | k | v]: every head of every sequence is a task of its own.
void EncoderEngine::Attend(const std::vector<int64_t>& lengths) {
  const int64_t h = config_.hidden, d = h / config_.heads, texts = static_cast<int64_t>(lengths.size());
  std::vector<int64_t> begins(lengths.size(), 0);
  for (size_t i = 1; i < lengths.size(); ++i) begins[i] = begins[i - 1] + lengths[i - 1];
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  at::parallel_for(0, config_.heads * texts, 1, [&](int64_t from, int64_t to) {
    Buffer<float> blocks, scores;
    std::vector<const float*> keys, values;
    for (int64_t task = from; task < to; ++task) {
      const int64_t head = task / texts, begin = begins[static_cast<size_t>(task % texts)], n = lengths[static_cast<size_t>(task % texts)];
      const int64_t count = (n + kKvBlock - 1) / kKvBlock, block = d * kKvBlock;
      blocks.Resize(static_cast<size_t>(2 * count * block));
      scores.Resize(static_cast<size_t>(kAttendRows * count * kKvBlock));
      keys.clear();
      values.clear();
      for (int64_t b = 0; b < count; ++b) {
        keys.push_back(blocks.data() + 2 * b * block);
        values.push_back(blocks.data() + (2 * b + 1) * block);
      }
      for (int64_t t = 0; t < n; ++t) {
        const float* k = wide_.data() + (begin + t) * 3 * h + h + head * d;
        float* key = blocks.data() + 2 * (t / kKvBlock) * block + t % kKvBlock;
        for (int64_t i = 0; i < d; ++i) key[i * kKvBlock] = k[i];
        std::memcpy(blocks.data() + (2 * (t / kKvBlock) + 1) * block + t % kKvBlock * d, k + h, static_cast<size_t>(d) * 4);
      }
      for (int64_t t = 0; t < n; t += kAttendRows) {
        QueryRow rows[kAttendRows];
        const int group = static_cast<int>(std::min<int64_t>(kAttendRows, n - t));
        for (int i = 0; i < group; ++i)
          rows[i] = {wide_.data() + (begin + t + i) * 3 * h + head * d, mixed_.data() + (begin + t + i) * h + head * d, n};
        Kernels().attend(rows, group, keys.data(), values.data(), d, scale, scores.data());
      }
    }
  });
}

template <class T>
const float* EncoderEngine::Hidden(const std::vector<const std::vector<int32_t>*>& sequences,
                                   const std::vector<const std::vector<int32_t>*>& types) {
  constexpr bool kFloats = std::is_same_v<T, float>;
  const KernelTable& kernels = Kernels();
  const int64_t h = config_.hidden, m = config_.intermediate;
  std::vector<int64_t> lengths;
  for (const auto* s : sequences) lengths.push_back(static_cast<int64_t>(s->size()));
  const int64_t n = std::accumulate(lengths.begin(), lengths.end(), int64_t{0}), padded = RoundUp(n, 32);
  x_.Resize(static_cast<size_t>(padded * h));
  wide_.Resize(static_cast<size_t>(padded * std::max(3 * h, m)));
  mixed_.Resize(static_cast<size_t>(padded * h));
  T* normal;
  if constexpr (kFloats) {
    normal_.Resize(static_cast<size_t>(padded * m));
    normal = normal_.data();
  } else {
    normal16_.Resize(static_cast<size_t>(padded * std::max(h, m)));
    normal = normal16_.data();
  }
  float* x = x_.data();
  for (size_t s = 0; s < sequences.size(); ++s)
    for (size_t t = 0; t < sequences[s]->size(); ++t, x += h) {
      const float* word = words_.data() + (*sequences[s])[t] * h;
      const float* position = positions_.data() + static_cast<int64_t>(t) * h;
      const float* type = types_.data() + (types.empty() ? 0 : (*types[s])[t]) * h;
      for (int64_t i = 0; i < h; ++i) x[i] = word[i] + position[i] + type[i];
    }
  // x_ = norm(x_ + bias); in bfloat16 the rounded copy that the next product reads is made on the way.
  auto norm = [&](const float* bias, const Buffer<float>& weight, const Buffer<float>& shift) {
    ParallelTokens(n, [&](int64_t begin, int64_t end) {
      bf16* rounded = nullptr;
      if constexpr (!kFloats) rounded = normal + begin * h;
      if (bias) kernels.add_bias(x_.data() + begin * h, bias, end - begin, h);
      kernels.layer_norm(x_.data() + begin * h, weight.data(), shift.data(), static_cast<float>(config_.eps), end - begin, h, rounded);
    });
  };
  auto input = [&]() -> const T* {  // what a product of x_ reads
    if constexpr (kFloats) return x_.data();
    else return normal;
  };
  norm(nullptr, norm_, norm_bias_);
  for (const Layer& layer : layers_) {
    layer.qkv.Multiply(input(), n, wide_.data());
    ParallelTokens(n, [&](int64_t begin, int64_t end) { kernels.add_bias(wide_.data() + begin * 3 * h, layer.qkv_bias.data(), end - begin, 3 * h); });
    Attend(lengths);
    if constexpr (kFloats) {
      layer.attention_output.Multiply(mixed_.data(), n, x_.data(), true);
    } else {
      ParallelTokens(n, [&](int64_t begin, int64_t end) { kernels.to_bf16(mixed_.data() + begin * h, (end - begin) * h, normal + begin * h); });
      layer.attention_output.Multiply(normal, n, x_.data(), true);
    }
    norm(layer.attention_bias.data(), layer.attention_norm, layer.attention_norm_bias);
    layer.intermediate.Multiply(input(), n, wide_.data());
    ParallelTokens(n, [&](int64_t begin, int64_t end) {
      float* out = nullptr;
      bf16* out16 = nullptr;
      if constexpr (kFloats) out = normal + begin * m;
      else out16 = normal + begin * m;
      kernels.gelu(wide_.data() + begin * m, layer.intermediate_bias.data(), end - begin, m, out, out16);
    });
    layer.output.Multiply(normal, n, x_.data(), true);
    norm(layer.output_bias.data(), layer.output_norm, layer.output_norm_bias);
  }
  return x_.data();
}

std::vector<float> EncoderEngine::Pool(const std::vector<std::vector<int32_t>>& sequences,
                                       const std::vector<std::vector<int32_t>>& types, std::string_view pooling) {
  const int64_t h = config_.hidden;
  std::vector<size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return sequences[a].size() < sequences[b].size(); });
  std::vector<float> out(sequences.size() * static_cast<size_t>(h));
  for (size_t begin = 0; begin < order.size();) {
    std::vector<const std::vector<int32_t>*> batch, batch_types;
    int64_t tokens = 0;
    size_t end = begin;
    for (; end < order.size() && (end == begin || tokens + static_cast<int64_t>(sequences[order[end]].size()) <= kBatchTokens); ++end) {
      batch.push_back(&sequences[order[end]]);
      if (!types.empty()) batch_types.push_back(&types[order[end]]);
      tokens += static_cast<int64_t>(sequences[order[end]].size());
    }
    const float* rows = precision_ == Precision::kFloat32 ? Hidden<float>(batch, batch_types) : Hidden<bf16>(batch, batch_types);
    for (size_t i = begin; i < end; ++i) {
      const auto n = static_cast<int64_t>(sequences[order[i]].size()), counted = pooling == "cls" ? int64_t{1} : n;
      float* to = out.data() + order[i] * static_cast<size_t>(h);
      for (int64_t t = 0; t < counted; ++t)
        for (int64_t j = 0; j < h; ++j) to[j] += rows[t * h + j];
      for (int64_t j = 0; j < h; ++j) to[j] /= static_cast<float>(counted);
      rows += n * h;
    }
    begin = end;
  }
  return out;
}

// ---- texts

namespace {

// [CLS] a stretch of the text [SEP]: the stretches overlap by an eighth.
void AddWindows(const std::vector<int32_t>& whole, int64_t limit, size_t owner, std::vector<std::vector<int32_t>>& windows,
                std::vector<size_t>& owners) {
  const auto size = static_cast<int64_t>(whole.size());  // with its two markers
  const int64_t inner = limit - 2, stride = inner - inner / 8;
  for (int64_t begin = 1;; begin += stride) {
    const int64_t end = std::min(begin + inner, size - 1);
    std::vector<int32_t> window = {whole.front()};
    window.insert(window.end(), whole.begin() + begin, whole.begin() + end);
    window.push_back(whole.back());
    windows.push_back(std::move(window));
    owners.push_back(owner);
    if (end >= size - 1) return;
  }
}

}  // namespace

Result<std::unique_ptr<Classifier>> Classifier::Load(const std::string& name, Precision precision) {
  PLUMB_TRY(ModelName parsed, ParseModelName(name));
  PLUMB_CHECK(FindModel(parsed.base));
  if (parsed.adapter.empty()) return Fail(Code::kInvalid, "'{}' has no heads: give ENCODER+ADAPTER_FOLDER", name);
  if (parsed.scale != 1) return Fail(Code::kUnsupported, "'{}': a classifier's adapter cannot be scaled, its heads were trained with it", name);
  PLUMB_TRY(auto encoder, Encoder::Load(parsed.base));
  auto out = std::make_unique<Classifier>();
  PLUMB_TRY(out->heads_, LoadClassifier(parsed.adapter, *encoder));
  PLUMB_TRY(out->tokenizer_, Tokenizer::Load(encoder->path()));
  PLUMB_TRY(out->engine_, EncoderEngine::Make(*encoder, precision));
  return out;
}

ClassifyResult Classifier::Classify(const std::vector<std::string>& texts) {
  std::vector<std::vector<int32_t>> windows;
  std::vector<size_t> owner;
  for (size_t i = 0; i < texts.size(); ++i)
    AddWindows(tokenizer_->Encode(texts[i], {.add_bos_eos = true}), heads_.max_tokens, i, windows, owner);
  return Score(windows, {}, owner, texts.size());
}

ClassifyResult Classifier::ClassifyPairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<std::vector<int32_t>> windows, types;
  std::vector<size_t> owner;
  for (size_t i = 0; i < pairs.size(); ++i) {
    std::vector<int32_t> kinds, ids = tokenizer_->EncodePair(pairs[i].first, pairs[i].second, &kinds);
    if (static_cast<int64_t>(ids.size()) > heads_.max_tokens) {
      const int32_t last = ids.back();
      ids.resize(static_cast<size_t>(heads_.max_tokens));
      kinds.resize(ids.size());
      ids.back() = last;
    }
    windows.push_back(std::move(ids));
    types.push_back(std::move(kinds));
    owner.push_back(i);
  }
  return Score(windows, types, owner, pairs.size());
}

ClassifyResult Classifier::Score(const std::vector<std::vector<int32_t>>& windows, const std::vector<std::vector<int32_t>>& types,
                                 const std::vector<size_t>& owner, size_t texts) {
  ClassifyResult result;
  const size_t heads = heads_.names.size(), h = static_cast<size_t>(engine_->config().hidden);
  result.scores.assign(texts, std::vector<float>(heads, 0));
  result.windows = static_cast<int64_t>(windows.size());
  const std::vector<float> pooled = engine_->Pool(windows, types, heads_.pooling);
  const float* weight = heads_.weight.const_data_ptr<float>();
  const float* bias = heads_.bias.const_data_ptr<float>();
  for (size_t w = 0; w < windows.size(); ++w) {
    result.tokens += static_cast<int64_t>(windows[w].size());
    for (size_t i = 0; i < heads; ++i) {
      double logit = bias[i];
      for (size_t j = 0; j < h; ++j) logit += static_cast<double>(weight[i * h + j]) * pooled[w * h + j];
      float& score = result.scores[owner[w]][i];
      score = std::max(score, static_cast<float>(1 / (1 + std::exp(-logit))));
    }
  }
  return result;
}

Result<std::unique_ptr<Embedder>> Embedder::Load(const std::string& name, Precision precision) {
  PLUMB_TRY(ModelName parsed, ParseModelName(name));
  PLUMB_TRY(auto encoder, Encoder::Load(parsed.base));
  if (!parsed.adapter.empty()) PLUMB_CHECK(AttachAdapter(parsed.adapter, encoder->Linears(), parsed.scale));
  auto out = std::make_unique<Embedder>();
  PLUMB_TRY(out->tokenizer_, Tokenizer::Load(encoder->path()));
  PLUMB_TRY(out->engine_, EncoderEngine::Make(*encoder, precision));
  return out;
}

EmbedResult Embedder::Embed(const std::vector<std::string>& texts) {
  EmbedResult result;
  std::vector<std::vector<int32_t>> sequences;
  for (const std::string& text : texts) {
    std::vector<int32_t> ids = tokenizer_->Encode(text, {.add_bos_eos = true});
    result.truncated.push_back(static_cast<int64_t>(ids.size()) > config().positions);
    if (result.truncated.back()) {
      ids[static_cast<size_t>(config().positions) - 1] = ids.back();
      ids.resize(static_cast<size_t>(config().positions));
    }
    result.tokens += static_cast<int64_t>(ids.size());
    sequences.push_back(std::move(ids));
  }
  const std::vector<float> pooled = engine_->Pool(sequences, {}, config().pooling);
  const auto h = static_cast<size_t>(config().hidden);
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<float> row(pooled.begin() + static_cast<ptrdiff_t>(i * h), pooled.begin() + static_cast<ptrdiff_t>((i + 1) * h));
    const double norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
    for (float& v : row) v = static_cast<float>(v / std::max(norm, 1e-12));
    result.embeddings.push_back(std::move(row));
  }
  return result;
}

}  // namespace plumb::lm
