// The kernels over ranges [begin, end) of rows or units, for the instruction set the including file
// is compiled for.
#include "model/train/attention.inl"
#include "model/train/softmax.inl"

template <class T>
void RmsNorm(const float* x, const float* w, float eps, long begin, long end, long d, T* y,
             long ldy, float* inv) {
  for (long i = begin; i < end; ++i) {
    const float* xi = x + i * d;
    V s{};
    for (long j = 0; j < d; j += kLanes) {
      const V v = Load(xi + j);
      s += v * v;
    }
    const float r = 1.0f / __builtin_sqrtf(Sum(s) / static_cast<float>(d) + eps);
    inv[i] = r;
    for (long j = 0; j < d; j += kLanes) Store(y + i * ldy + j, Load(xi + j) * r * Load(w + j));
  }
}

template <class T>
void RmsNormBackward(const T* dy, long lddy, const float* x, const float* w, const float* inv,
                     long begin, long end, long d, float* dx) {
  for (long i = begin; i < end; ++i) {
    const float* xi = x + i * d;
    const T* gi = dy + i * lddy;
    V s{};
    for (long j = 0; j < d; j += kLanes) s += Load(gi + j) * Load(w + j) * Load(xi + j);
    const float r = inv[i], c = Sum(s) * r * r * r / static_cast<float>(d);
    for (long j = 0; j < d; j += kLanes)
      Store(dx + i * d + j,
            Load(dx + i * d + j) + Load(gi + j) * Load(w + j) * r - Load(xi + j) * c);
  }
}

template <class T>
void LayerNorm(const float* x, const float* w, const float* b, float eps, long begin, long end,
               long d, float* y32, T* y, long ldy, float* stats) {
  for (long i = begin; i < end; ++i) {
    const float* xi = x + i * d;
    V s{};
    for (long j = 0; j < d; j += kLanes) s += Load(xi + j);
    const float mean = Sum(s) / static_cast<float>(d);
    V q{};
    for (long j = 0; j < d; j += kLanes) {
      const V v = Load(xi + j) - mean;
      q += v * v;
    }
    const float r = 1.0f / __builtin_sqrtf(Sum(q) / static_cast<float>(d) + eps);
    stats[2 * i] = mean;
    stats[2 * i + 1] = r;
    for (long j = 0; j < d; j += kLanes) {
      const V v = (Load(xi + j) - mean) * r * Load(w + j) + Load(b + j);
      Store(y32 + i * d + j, v);
      Store(y + i * ldy + j, v);
    }
  }
}

static void LayerNormBackward(const float* dy, const float* x, const float* w, const float* stats,
                              long begin, long end, long d, float* dx) {
  for (long i = begin; i < end; ++i) {
    const float mean = stats[2 * i], r = stats[2 * i + 1];
    V s{}, q{};
    for (long j = 0; j < d; j += kLanes) {
      const V g = Load(dy + i * d + j) * Load(w + j);
      s += g;
      q += g * (Load(x + i * d + j) - mean) * r;
    }
    const float a = Sum(s) / static_cast<float>(d), c = Sum(q) / static_cast<float>(d);
    for (long j = 0; j < d; j += kLanes) {
      const V g = Load(dy + i * d + j) * Load(w + j);
      Store(dx + i * d + j, (g - a - (Load(x + i * d + j) - mean) * r * c) * r);
    }
  }
}

template <class T>
void SwiGlu(const T* gate_up, long begin, long end, long f, T* act, long ldact) {
  for (long i = begin; i < end; ++i) {
    const T* g = gate_up + i * 2 * f;
    for (long j = 0; j < f; j += kLanes) {
      const V x = Load(g + j);
      Store(act + i * ldact + j, x * Sigmoid(x) * Load(g + f + j));
    }
  }
}

template <class T>
void SwiGluBackward(const T* dact, long lddact, const T* gate_up, long begin, long end, long f,
                    T* dgate_up) {
  for (long i = begin; i < end; ++i) {
    const T* g = gate_up + i * 2 * f;
    T* dg = dgate_up + i * 2 * f;
    for (long j = 0; j < f; j += kLanes) {
      const V x = Load(g + j), up = Load(g + f + j), dy = Load(dact + i * lddact + j),
              s = Sigmoid(x);
      Store(dg + j, dy * up * s * (1.0f + x * (1.0f - s)));
      Store(dg + f + j, dy * x * s);
    }
  }
}

// Abramowitz & Stegun 7.1.26: |error| < 1.5e-7.
PLUMB_INLINE V Erf(V x) {
  const V a = x < 0.0f ? -x : x;
  const V t = 1.0f / (1.0f + 0.3275911f * a);
  V p = Splat(1.061405429f);
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const V y = 1.0f - p * t * Exp(-a * a);
  return x < 0.0f ? -y : y;
}

template <class T>
void Gelu(const T* x, long begin, long end, long f, T* act, long ldact) {
  for (long i = begin; i < end; ++i)
    for (long j = 0; j < f; j += kLanes) {
      const V v = Load(x + i * f + j);
      Store(act + i * ldact + j, 0.5f * v * (1.0f + Erf(v * 0.70710678f)));
    }
}

template <class T>
void GeluBackward(const T* dact, long lddact, const T* x, long begin, long end, long f, T* dx) {
  for (long i = begin; i < end; ++i)
    for (long j = 0; j < f; j += kLanes) {
      const V v = Load(x + i * f + j);
      const V slope = 0.5f * (1.0f + Erf(v * 0.70710678f)) + v * 0.39894228f * Exp(-0.5f * v * v);
      Store(dx + i * f + j, Load(dact + i * lddact + j) * slope);
    }
}

template <class T>
void Add(const float* x, const T* y, long ldy, long begin, long end, long d, float* z) {
  for (long i = begin; i < end; ++i)
    for (long j = 0; j < d; j += kLanes)
      Store(z + i * d + j, Load(x + i * d + j) + Load(y + i * ldy + j));
}

template <class T>
void Cast(const float* x, long begin, long end, long d, T* y) {
  for (long i = begin * d; i < end * d; i += kLanes) Store(y + i, Load(x + i));
}

template <class T>
void HeadNorm(const T* qkv, const AttentionShape& s, const float* qw, const float* kw, float eps,
              long begin, long end, T* out) {
  const long d = s.head_dim;
  for (long i = begin; i < end; ++i)
    for (long h = 0; h < s.heads + 2 * s.kv_heads; ++h) {
      const T* x = qkv + i * s.width() + h * d;
      T* y = out + i * s.width() + h * d;
      const float* w = h < s.heads ? qw : kw;
      float sum = 0;
      for (long j = 0; j < d; ++j) sum += Get(x + j) * Get(x + j);
      const float r = 1.0f / __builtin_sqrtf(sum / static_cast<float>(d) + eps);
      for (long j = 0; j < d; ++j)
        Put(y + j, h < s.heads + s.kv_heads ? Get(x + j) * r * w[j] : Get(x + j));
    }
}

template <class T>
void HeadNormBackward(T* dqkv, const T* qkv, const AttentionShape& s, const float* qw,
                      const float* kw, float eps, long begin, long end) {
  const long d = s.head_dim;
  for (long i = begin; i < end; ++i)
    for (long h = 0; h < s.heads + s.kv_heads; ++h) {
      const T* x = qkv + i * s.width() + h * d;
      T* g = dqkv + i * s.width() + h * d;
      const float* w = h < s.heads ? qw : kw;
      float sum = 0, dot = 0;
      for (long j = 0; j < d; ++j) {
        sum += Get(x + j) * Get(x + j);
        dot += Get(g + j) * w[j] * Get(x + j);
      }
      const float r = 1.0f / __builtin_sqrtf(sum / static_cast<float>(d) + eps);
      const float c = dot * r * r * r / static_cast<float>(d);
      for (long j = 0; j < d; ++j) Put(g + j, Get(g + j) * w[j] * r - Get(x + j) * c);
    }
}

static void AdamW(const AdamWStep& s, double correction1, double correction2, float* p,
                  const float* g, float* m, float* v, long begin, long end) {
  const float decay = static_cast<float>(1 - s.lr * s.weight_decay),
              b1 = static_cast<float>(1 - s.beta1), b2 = static_cast<float>(s.beta2),
              c2 = static_cast<float>(1 - s.beta2),
              root = static_cast<float>(__builtin_sqrt(correction2)),
              rate = static_cast<float>(s.lr / correction1), eps = static_cast<float>(s.eps),
              scale = s.grad_scale;
  for (long i = begin; i < end; ++i) {
    const float gi = g[i] * scale;
    const float mi = m[i] + b1 * (gi - m[i]);
    const float vi = v[i] * b2 + c2 * gi * gi;
    m[i] = mi;
    v[i] = vi;
    p[i] = p[i] * decay - rate * mi / (__builtin_sqrtf(vi) / root + eps);
  }
}

// SplitMix64's finaliser: 64 well-mixed bits of a counter.
PLUMB_INLINE uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

template <class T>
void Dropout(const T* x, long ldx, long begin, long end, long d, float p, uint64_t key, T* y) {
  const uint32_t limit = static_cast<uint32_t>(p * 4294967295.0f);
  const float grow = 1.0f / (1.0f - p);
  for (long i = begin; i < end; ++i)
    for (long j = 0; j < d; ++j) {
      const bool keep =
          static_cast<uint32_t>(Mix(key ^ static_cast<uint64_t>(i * d + j)) >> 32) >= limit;
      Put(y + i * d + j, keep ? Get(x + i * ldx + j) * grow : 0.0f);
    }
}

template <class T>
void DropoutBackwardAdd(const T* dy, long begin, long end, long d, float p, uint64_t key, T* dx,
                        long lddx) {
  const uint32_t limit = static_cast<uint32_t>(p * 4294967295.0f);
  const float grow = 1.0f / (1.0f - p);
  for (long i = begin; i < end; ++i)
    for (long j = 0; j < d; ++j)
      if (static_cast<uint32_t>(Mix(key ^ static_cast<uint64_t>(i * d + j)) >> 32) >= limit)
        Put(dx + i * lddx + j, Get(dx + i * lddx + j) + Get(dy + i * d + j) * grow);
}
