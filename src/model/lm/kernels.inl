// Included by kernels_avx512.cc and kernels_baseline.cc, inside namespaces of their own. No standard library here: an
// inline function compiled for AVX-512 must not be the one the linker keeps.

typedef float V __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t VI __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t VU __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t VH __attribute__((vector_size(32), aligned(2), may_alias));
#define PLUMB_INLINE static inline __attribute__((always_inline))

PLUMB_INLINE V Load(const float* p) { return *reinterpret_cast<const V*>(p); }
PLUMB_INLINE V Load(const bf16* p) {
  return reinterpret_cast<V>(__builtin_convertvector(*reinterpret_cast<const VH*>(p), VU) << 16);
}
PLUMB_INLINE void Store(float* p, V v) { *reinterpret_cast<V*>(p) = v; }
// Round to nearest, ties to even.
PLUMB_INLINE void Store(bf16* p, V v) {
  const VU u = reinterpret_cast<VU>(v);
  *reinterpret_cast<VH*>(p) = __builtin_convertvector((u + 0x7FFF + ((u >> 16) & 1)) >> 16, VH);
}
PLUMB_INLINE V Splat(float x) { return V{} + x; }

PLUMB_INLINE float Sum(V v) {
  float s[16];
  Store(s, v);
  for (int half = 8; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) s[i] += s[i + half];
  return s[0];
}

// e^x: Cephes' polynomial after reduction by ln 2; 1 ulp or so.
PLUMB_INLINE V Exp(V x) {
  x = x < -87.0f ? Splat(-87.0f) : x;
  x = x > 88.0f ? Splat(88.0f) : x;
  const V magic = Splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to a whole number
  V n = x * 1.44269504088896341f + magic;
  n = n - magic;
  V r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  V p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const VI power = (__builtin_convertvector(n, VI) + 127) << 23;
  return p * reinterpret_cast<V>(power);
}

// Abramowitz and Stegun 7.1.26, |error| ≤ 1.5e-7.
PLUMB_INLINE V Erf(V x) {
  const V a = x < 0.0f ? -x : x;
  const V t = 1.0f / (1.0f + 0.3275911f * a);
  V p = t * 1.061405429f - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const V y = 1.0f - p * t * Exp(-a * a);
  return x < 0.0f ? -y : y;
}

// ---- matrix product

constexpr int64_t kDepth = 192;  // of a panel at a time: 24 KB stay in the first-level cache for all rows

// Continues the sums in `out` over `k` more terms, or begins them at zero.
template <int R>
PLUMB_INLINE void GemmRows(const float* a, int64_t lda, const float* panel, float* out, int64_t ldo, int64_t k, bool begin) {
  V left[R], right[R];
  for (int r = 0; r < R; ++r) {
    left[r] = begin ? V{} : Load(out + r * ldo);
    right[r] = begin ? V{} : Load(out + r * ldo + 16);
  }
  for (int64_t i = 0; i < k; ++i) {
    __builtin_prefetch(panel + (i + 24) * kPanel);
    __builtin_prefetch(panel + (i + 24) * kPanel + 16);
    const V b0 = Load(panel + i * kPanel), b1 = Load(panel + i * kPanel + 16);
    for (int r = 0; r < R; ++r) {
      const float x = a[r * lda + i];
      left[r] += x * b0;
      right[r] += x * b1;
    }
  }
  for (int r = 0; r < R; ++r) {
    Store(out + r * ldo, left[r]);
    Store(out + r * ldo + 16, right[r]);
  }
}

static void Gemm(const float* a, const float* panels, float* out, int64_t ldo, int64_t m, int64_t k, int64_t begin,
                 int64_t end, bool accumulate) {
  for (int64_t p = begin; p < end; ++p)
    for (int64_t from = 0; from < k; from += kDepth) {
      const int64_t n = k - from < kDepth ? k - from : kDepth;
      const float* panel = panels + (p * k + from) * kPanel;
      const bool zero = from == 0 && !accumulate;
      const float* x = a + from;
      float* y = out + p * kPanel;
      int64_t row = 0;
      for (; row + 12 <= m; row += 12) GemmRows<12>(x + row * k, k, panel, y + row * ldo, ldo, n, zero);
      for (; row + 4 <= m; row += 4) GemmRows<4>(x + row * k, k, panel, y + row * ldo, ldo, n, zero);
      for (; row < m; ++row) GemmRows<1>(x + row * k, k, panel, y + row * ldo, ldo, n, zero);
    }
}

// ---- elementwise and norms; widths are multiples of 16

PLUMB_INLINE void Put(V v, int64_t at, float* out, bf16* out16) {
  if (out) Store(out + at, v);
  else Store(out16 + at, v);
}

static void RmsNorm(const float* x, const float* weight, float eps, int64_t rows, int64_t width, float* out, bf16* out16) {
  for (int64_t r = 0; r < rows; ++r, x += width) {
    V sum{};
    for (int64_t i = 0; i < width; i += 16) sum += Load(x + i) * Load(x + i);
    const float scale = 1.0f / __builtin_sqrtf(Sum(sum) / static_cast<float>(width) + eps);
    for (int64_t i = 0; i < width; i += 16) Put(Load(x + i) * scale * Load(weight + i), r * width + i, out, out16);
  }
}

static void LayerNorm(float* x, const float* weight, const float* bias, float eps, int64_t rows, int64_t width, bf16* out16) {
  for (int64_t r = 0; r < rows; ++r, x += width) {
    V sum{};
    for (int64_t i = 0; i < width; i += 16) sum += Load(x + i);
    const float mean = Sum(sum) / static_cast<float>(width);
    V squares{};
    for (int64_t i = 0; i < width; i += 16) {
      const V d = Load(x + i) - mean;
      squares += d * d;
    }
    const float scale = 1.0f / __builtin_sqrtf(Sum(squares) / static_cast<float>(width) + eps);
    for (int64_t i = 0; i < width; i += 16) {
      const V y = (Load(x + i) - mean) * scale * Load(weight + i) + Load(bias + i);
      Store(x + i, y);
      if (out16) Store(out16 + r * width + i, y);
    }
  }
}

static void Swiglu(const float* in, int64_t rows, int64_t width, float* out, bf16* out16) {
  for (int64_t r = 0; r < rows; ++r, in += 2 * width)
    for (int64_t i = 0; i < width; i += 16) {
      const V gate = Load(in + i);
      Put(gate / (1.0f + Exp(-gate)) * Load(in + width + i), r * width + i, out, out16);
    }
}

static void Gelu(const float* in, const float* bias, int64_t rows, int64_t width, float* out, bf16* out16) {
  for (int64_t r = 0; r < rows; ++r, in += width)
    for (int64_t i = 0; i < width; i += 16) {
      const V x = Load(in + i) + Load(bias + i);
      Put(0.5f * x * (1.0f + Erf(x * 0.70710678118654752f)), r * width + i, out, out16);
    }
}

static void AddBias(float* x, const float* bias, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; ++r, x += width)
    for (int64_t i = 0; i < width; i += 16) Store(x + i, Load(x + i) + Load(bias + i));
}

static void ToBf16(const float* x, int64_t n, bf16* out) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) Store(out + i, Load(x + i));
  for (; i < n; ++i) {
    uint32_t u;
    __builtin_memcpy(&u, x + i, 4);
    out[i] = static_cast<bf16>((u + 0x7FFF + ((u >> 16) & 1)) >> 16);
  }
}

static void FromBf16(const bf16* x, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t u = static_cast<uint32_t>(x[i]) << 16;
    __builtin_memcpy(out + i, &u, 4);
  }
}

// ---- attention

// scores[r][0, 64) of one block for R rows.
template <int R, class T>
PLUMB_INLINE void Scores(const QueryRow* rows, const T* keys, int64_t dim, float scale, float* scores, int64_t stride) {
  for (int64_t j = 0; j < kKvBlock; j += 32) {
    V s0[R], s1[R];
    for (int r = 0; r < R; ++r) s0[r] = s1[r] = V{};
    for (int64_t d = 0; d < dim; ++d) {
      const V k0 = Load(keys + d * kKvBlock + j), k1 = Load(keys + d * kKvBlock + j + 16);
      for (int r = 0; r < R; ++r) {
        const float q = rows[r].q[d];
        s0[r] += q * k0;
        s1[r] += q * k1;
      }
    }
    for (int r = 0; r < R; ++r) {
      Store(scores + r * stride + j, s0[r] * scale);
      Store(scores + r * stride + j + 16, s1[r] * scale);
    }
  }
}

// Turns scores into weights, in place; those past `count` become 0.
PLUMB_INLINE void Softmax(float* s, int64_t count, int64_t padded) {
  for (int64_t i = count; i < padded; ++i) s[i] = -3e38f;
  V top = Load(s);
  for (int64_t i = 16; i < padded; i += 16) {
    const V x = Load(s + i);
    top = x > top ? x : top;
  }
  float t[16];
  Store(t, top);
  float most = t[0];
  for (int i = 1; i < 16; ++i) most = t[i] > most ? t[i] : most;
  V sum{};
  for (int64_t i = 0; i < padded; i += 16) {
    const V x = Load(s + i);
    const V e = x < -1e38f ? V{} : Exp(x - most);
    Store(s + i, e);
    sum += e;
  }
  const float scale = 1.0f / Sum(sum);
  for (int64_t i = 0; i < padded; i += 16) Store(s + i, Load(s + i) * scale);
}

// out[r] = sum over keys of weight · value, W vectors of the head at a time.
template <int R, int W, class T>
PLUMB_INLINE void MixColumns(const QueryRow* rows, int64_t longest, const T* const* values, int64_t dim, int64_t d,
                             const float* scores, int64_t stride) {
  V o[R][W];
  for (int r = 0; r < R; ++r)
    for (int w = 0; w < W; ++w) o[r][w] = V{};
  for (int64_t b = 0; b * kKvBlock < longest; ++b) {
    const int64_t n = longest - b * kKvBlock < kKvBlock ? longest - b * kKvBlock : kKvBlock;
    const T* block = values[b] + d;
    const float* weights = scores + b * kKvBlock;
    for (int64_t j = 0; j < n; ++j) {
      V v[W];
      for (int w = 0; w < W; ++w) v[w] = Load(block + j * dim + 16 * w);
      for (int r = 0; r < R; ++r)
        for (int w = 0; w < W; ++w) o[r][w] += weights[r * stride + j] * v[w];
    }
  }
  for (int r = 0; r < R; ++r)
    for (int w = 0; w < W; ++w) Store(rows[r].out + d + 16 * w, o[r][w]);
}

template <int R, class T>
PLUMB_INLINE void Mix(const QueryRow* rows, int64_t longest, const T* const* values, int64_t dim, const float* scores,
                      int64_t stride) {
  int64_t d = 0;
  for (; d + 32 <= dim; d += 32) MixColumns<R, 2>(rows, longest, values, dim, d, scores, stride);
  for (; d < dim; d += 16) MixColumns<R, 1>(rows, longest, values, dim, d, scores, stride);
}

template <int R, class T>
static void AttendRows(const QueryRow* rows, const T* const* keys, const T* const* values, int64_t dim, float scale,
                       float* scores) {
  int64_t longest = 0;
  for (int r = 0; r < R; ++r) longest = rows[r].count > longest ? rows[r].count : longest;
  const int64_t padded = (longest + kKvBlock - 1) / kKvBlock * kKvBlock;
  for (int64_t b = 0; b * kKvBlock < longest; ++b)
    Scores<R>(rows, keys[b], dim, scale, scores + b * kKvBlock, padded);
  for (int r = 0; r < R; ++r) Softmax(scores + r * padded, rows[r].count, padded);
  Mix<R>(rows, longest, values, dim, scores, padded);
}

template <class T>
static void AttendAny(const QueryRow* rows, int n, const T* const* keys, const T* const* values, int64_t dim, float scale,
                      float* scores) {
  switch (n) {
    case 1: return AttendRows<1, T>(rows, keys, values, dim, scale, scores);
    case 2: return AttendRows<2, T>(rows, keys, values, dim, scale, scores);
    case 3: return AttendRows<3, T>(rows, keys, values, dim, scale, scores);
    case 4: return AttendRows<4, T>(rows, keys, values, dim, scale, scores);
    case 5: return AttendRows<5, T>(rows, keys, values, dim, scale, scores);
    case 6: return AttendRows<6, T>(rows, keys, values, dim, scale, scores);
    case 7: return AttendRows<7, T>(rows, keys, values, dim, scale, scores);
    default: return AttendRows<8, T>(rows, keys, values, dim, scale, scores);
  }
}

// ---- over a vocabulary

static int64_t Argmax(const float* x, int64_t n) {
  V top = Splat(-3e38f);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const V v = Load(x + i);
    top = v > top ? v : top;
  }
  float t[16];
  Store(t, top);
  float most = t[0];
  for (int j = 1; j < 16; ++j) most = t[j] > most ? t[j] : most;
  for (int64_t j = i; j < n; ++j) most = x[j] > most ? x[j] : most;
  for (int64_t j = 0; j < n; ++j)
    if (x[j] == most) return j;
  return 0;
}

static float LogSumExp(const float* x, int64_t n) {
  const float most = x[Argmax(x, n)];
  V sum{};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) sum += Exp(Load(x + i) - most);
  float total = Sum(sum);
  for (; i < n; ++i) total += __builtin_expf(x[i] - most);
  return most + __builtin_logf(total);
}

static constexpr KernelTable MakeTable(const char* name) {
  return {name, Gemm, RmsNorm, LayerNorm, Swiglu, Gelu, AddBias, ToBf16, FromBf16, AttendAny<float>, AttendAny<bf16>, Argmax, LogSumExp};
}
