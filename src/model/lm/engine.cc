#include "model/lm/engine.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstring>

namespace plumb::lm {
namespace {

Buffer<float> CopyFloats(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  const at::Tensor f = tensor.detach().to(at::kFloat).contiguous();
  Buffer<float> out(static_cast<size_t>(f.numel()));
  std::memcpy(out.data(), f.data_ptr<float>(), f.nbytes());
  return out;
}

// Work below this many values is not worth waking another thread for.
constexpr int64_t kGrain = 1 << 14;

template <class F>
void ParallelRows(int64_t rows, int64_t width, const F& f) {
  at::parallel_for(0, rows, std::max<int64_t>(1, kGrain / width), f);
}

}  // namespace

KvSequence KvSequence::Prefix(int64_t tokens) const {
  KvSequence out;
  out.length = tokens / kKvBlock * kKvBlock;
  out.pages.assign(pages.begin(), pages.begin() + out.length / kKvBlock);
  return out;
}

std::shared_ptr<KvPage> KvPool::Take(size_t values, bool float32) {
  constexpr size_t kMostFree = 256;
  std::unique_ptr<KvPage> page;
  if (free_->empty()) {
    page = std::make_unique<KvPage>();
    float32 ? page->f32.Resize(values) : page->b16.Resize(values);
  } else {
    page = std::move(free_->back());
    free_->pop_back();
  }
  return {page.release(), [free = free_](KvPage* done) {
            if (free->size() < kMostFree) free->emplace_back(done);
            else delete done;
          }};
}

size_t Engine::PageBytes() const {
  return static_cast<size_t>(PageOffset(config_.layers, 0)) * (precision_ == Precision::kFloat32 ? 4 : 2);
}

Result<std::unique_ptr<Engine>> Engine::Make(const CausalLm& model, Precision precision) {
  const LmConfig& c = model.config();
  if (c.head_dim % 16 != 0 || c.hidden % 16 != 0 || c.intermediate % 16 != 0)
    return Fail(Code::kUnsupported, "widths {}, {} and head size {} must be multiples of 16", c.hidden, c.intermediate, c.head_dim);
  try {
    const at::NoGradGuard no_grad;
    auto engine = std::make_unique<Engine>();
    engine->config_ = c;
    engine->precision_ = precision;
    engine->embedding_ = model.embedding().detach().to(precision == Precision::kFloat32 ? at::kFloat : at::kBFloat16).contiguous();
    engine->final_norm_ = CopyFloats(model.final_norm());
    for (const CausalLm::Layer& l : model.layers()) {
      Layer out;
      out.input_norm = CopyFloats(l.input_norm);
      out.post_norm = CopyFloats(l.post_norm);
      out.q_norm = CopyFloats(l.q_norm);
      out.k_norm = CopyFloats(l.k_norm);
      out.qkv = PackedLinear({l.q.Merged(), l.k.Merged(), l.v.Merged()}, precision);
      if (c.qkv_bias) {
        out.qkv_bias.Resize(static_cast<size_t>(out.qkv.out()));
        float* to = out.qkv_bias.data();
        for (const Linear* part : {&l.q, &l.k, &l.v}) {
          const at::Tensor bias = part->bias.detach().to(at::kFloat).contiguous();
          std::memcpy(to, bias.data_ptr<float>(), bias.nbytes());
          to += bias.numel();
        }
      }
      out.o = PackedLinear({l.o.Merged()}, precision);
      out.gate_up = PackedLinear({l.gate.Merged(), l.up.Merged()}, precision);
      out.down = PackedLinear({l.down.Merged()}, precision);
      engine->layers_.push_back(std::move(out));
    }
    engine->lm_head_ = PackedLinear({model.lm_head().Merged()}, precision);
    std::vector<int64_t> positions(static_cast<size_t>(std::min<int64_t>(c.context, 1 << 17)));
    for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int64_t>(i);
    engine->config_.context = static_cast<int64_t>(positions.size());
    const auto [cos, sin] = RopeTable(c, positions);
    engine->cos_ = CopyFloats(cos);
    engine->sin_ = CopyFloats(sin);
    return engine;
  } catch (const std::exception& e) {
    return Fail(Code::kExhausted, "the model cannot be packed: {}", e.what());
  }
}

void Engine::Embed(const std::vector<Work>& work) {
  rows_.clear();
  const int64_t h = config_.hidden;
  int64_t total = 0;
  for (const Work& w : work) total += static_cast<int64_t>(w.tokens.size());
  x_.Resize(static_cast<size_t>(RoundUp(total, 32) * h));
  float* x = x_.data();
  for (const Work& w : work) {
    KvSequence& s = *w.sequence;
    for (int32_t token : w.tokens) {
      rows_.push_back({&s, s.length++});
      if (precision_ == Precision::kFloat32) {
        std::memcpy(x, embedding_.const_data_ptr<float>() + token * h, static_cast<size_t>(h) * 4);
      } else {
        Kernels().from_bf16(static_cast<const bf16*>(embedding_.const_data_ptr()) + token * h, h, x);
      }
      x += h;
    }
    while (static_cast<int64_t>(s.pages.size()) * kKvBlock < s.length) {
      s.pages.push_back(pool_.Take(static_cast<size_t>(PageOffset(config_.layers, 0)), precision_ == Precision::kFloat32));
    }
  }
}

namespace {

template <class T>
T* PageData(KvPage& page) {
  if constexpr (std::is_same_v<T, float>) return page.f32.data();
  else return page.b16.data();
}

template <class T>
T Narrow(float x) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    const auto u = std::bit_cast<uint32_t>(x);
    return static_cast<T>((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
  }
}

}  // namespace

// Norms (Qwen3), rotates and stores what wide_ holds as [rows][q | k | v].
template <class T>
void Engine::StoreKeysAndValues(const Layer& layer, int64_t index) {
  const int64_t d = config_.head_dim, half = d / 2, kv = config_.kv_heads, heads = config_.heads, width = (heads + 2 * kv) * d;
  ParallelRows(static_cast<int64_t>(rows_.size()), width, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* row = wide_.data() + r * width;
      if (config_.qkv_bias) Kernels().add_bias(row, layer.qkv_bias.data(), 1, width);
      const int64_t position = rows_[static_cast<size_t>(r)].position;
      const float* cos = cos_.data() + position * half;
      const float* sin = sin_.data() + position * half;
      for (int64_t head = 0; head < heads + kv; ++head) {
        float* v = row + head * d;
        if (config_.qk_norm)
          Kernels().rms_norm(v, (head < heads ? layer.q_norm : layer.k_norm).data(), static_cast<float>(config_.rms_eps), 1, d, v, nullptr);
        for (int64_t i = 0; i < half; ++i) {
          const float a = v[i], b = v[i + half];
          v[i] = a * cos[i] - b * sin[i];
          v[i + half] = b * cos[i] + a * sin[i];
        }
      }
      KvPage& page = *rows_[static_cast<size_t>(r)].sequence->pages[static_cast<size_t>(position / kKvBlock)];
      const int64_t slot = position % kKvBlock;
      for (int64_t g = 0; g < kv; ++g) {
        T* keys = PageData<T>(page) + PageOffset(index, g);
        T* values = keys + d * kKvBlock + slot * d;
        const float* k = row + (heads + g) * d;
        const float* v = row + (heads + kv + g) * d;
        for (int64_t i = 0; i < d; ++i) {
          keys[i * kKvBlock + slot] = Narrow<T>(k[i]);
          values[i] = Narrow<T>(v[i]);
        }
      }
    }
  });
}

template <class T>
void Engine::Attend(int64_t layer) {
  const int64_t d = config_.head_dim, kv = config_.kv_heads, heads = config_.heads, group = heads / kv, width = (heads + 2 * kv) * d;
  const float scale = 1.0f / std::sqrt(static_cast<float>(d));
  at::parallel_for(0, static_cast<int64_t>(rows_.size()) * kv, 1, [&](int64_t begin, int64_t end) {
    std::vector<const T*> keys, values;
    Buffer<float> scores;
    for (int64_t task = begin; task < end; ++task) {
      const int64_t r = task / kv, g = task % kv;
      const Row& row = rows_[static_cast<size_t>(r)];
      const int64_t count = row.position + 1, blocks = (count + kKvBlock - 1) / kKvBlock;
      keys.clear();
      values.clear();
      for (int64_t b = 0; b < blocks; ++b) {
        const T* at = PageData<T>(*row.sequence->pages[static_cast<size_t>(b)]) + PageOffset(layer, g);
        keys.push_back(at);
        values.push_back(at + d * kKvBlock);
      }
      scores.Resize(static_cast<size_t>(kAttendRows * blocks * kKvBlock));
      for (int64_t first = 0; first < group; first += kAttendRows) {
        QueryRow queries[kAttendRows];
        const int n = static_cast<int>(std::min<int64_t>(kAttendRows, group - first));
        for (int i = 0; i < n; ++i) {
          const int64_t head = g * group + first + i;
          queries[i] = {wide_.data() + r * width + head * d, mixed_.data() + (r * heads + head) * d, count};
        }
        if constexpr (std::is_same_v<T, float>) {
          Kernels().attend(queries, n, keys.data(), values.data(), d, scale, scores.data());
        } else {
          Kernels().attend16(queries, n, keys.data(), values.data(), d, scale, scores.data());
        }
      }
    }
  });
}

template <class T>
const float* Engine::Run(const std::vector<Work>& work) {
  constexpr bool kFloats = std::is_same_v<T, float>;
  const KernelTable& kernels = Kernels();
  Embed(work);
  const int64_t n = static_cast<int64_t>(rows_.size()), padded = RoundUp(n, 32), h = config_.hidden, m = config_.intermediate;
  const int64_t q = config_.heads * config_.head_dim;
  const float eps = static_cast<float>(config_.rms_eps);
  const int64_t widest = std::max({2 * m, layers_[0].qkv.out(), q});
  wide_.Resize(static_cast<size_t>(padded * widest));
  mixed_.Resize(static_cast<size_t>(padded * q));
  const auto narrow = static_cast<size_t>(padded * std::max({h, m, q}));
  kFloats ? normal_.Resize(narrow) : normal16_.Resize(narrow);
  T* normal;
  if constexpr (kFloats) normal = normal_.data();
  else normal = normal16_.data();
  // Where a kernel writes its result: float32 rows, or rounded ones.
  auto f32 = [&](int64_t at) -> float* {
    if constexpr (kFloats) return normal + at;
    else return nullptr;
  };
  auto b16 = [&](int64_t at) -> bf16* {
    if constexpr (kFloats) return nullptr;
    else return normal + at;
  };
  auto norm = [&](const float* x, const Buffer<float>& weight, int64_t rows) {
    ParallelRows(rows, h, [&](int64_t begin, int64_t end) {
      kernels.rms_norm(x + begin * h, weight.data(), eps, end - begin, h, f32(begin * h), b16(begin * h));
    });
  };
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    norm(x_.data(), layer.input_norm, n);
    layer.qkv.Multiply(normal, n, wide_.data());
    StoreKeysAndValues<T>(layer, static_cast<int64_t>(i));
    Attend<T>(static_cast<int64_t>(i));
    if constexpr (kFloats) {
      layer.o.Multiply(mixed_.data(), n, x_.data(), true);
    } else {
      kernels.to_bf16(mixed_.data(), n * q, normal);
      layer.o.Multiply(normal, n, x_.data(), true);
    }
    norm(x_.data(), layer.post_norm, n);
    layer.gate_up.Multiply(normal, n, wide_.data());
    ParallelRows(n, m, [&](int64_t begin, int64_t end) {
      kernels.swiglu(wide_.data() + begin * 2 * m, end - begin, m, f32(begin * m), b16(begin * m));
    });
    layer.down.Multiply(normal, n, x_.data(), true);
  }
  // The rows that want logits, moved together.
  int64_t wanted = 0, at = 0;
  for (const Work& w : work) {
    const auto size = static_cast<int64_t>(w.tokens.size());
    for (int64_t j = size - std::min(w.logits, size); j < size; ++j)
      std::memmove(x_.data() + wanted++ * h, x_.data() + (at + j) * h, static_cast<size_t>(h) * 4);
    at += size;
  }
  logits_.Resize(static_cast<size_t>(RoundUp(wanted, 32) * config_.vocab));
  if (wanted == 0) return logits_.data();
  norm(x_.data(), final_norm_, wanted);
  lm_head_.Multiply(normal, wanted, logits_.data());
  return logits_.data();
}

const float* Engine::Step(const std::vector<Work>& work) {
  return precision_ == Precision::kFloat32 ? Run<float>(work) : Run<bf16>(work);
}

}  // namespace plumb::lm
