// Vectors of 16 floats, bfloat16 loads and stores, exp, and a small matrix product: what
// kernels.inl is made of. Included once for each instruction set, inside a namespace of its own; no
// standard library here, so that no inline function compiled for a newer machine can be linked into
// code for an older one.

typedef float V __attribute__((vector_size(64)));
typedef int VI __attribute__((vector_size(64)));
typedef float VU __attribute__((vector_size(64), aligned(4), may_alias));
typedef unsigned short H __attribute__((vector_size(32)));
typedef unsigned short HU __attribute__((vector_size(32), aligned(2), may_alias));
typedef unsigned int VW __attribute__((vector_size(64)));

#define PLUMB_INLINE static inline __attribute__((always_inline))
constexpr int kLanes = 16;

PLUMB_INLINE V Splat(float x) { return V{} + x; }
PLUMB_INLINE V Load(const float* p) { return *reinterpret_cast<const VU*>(p); }
PLUMB_INLINE void Store(float* p, V v) { *reinterpret_cast<VU*>(p) = v; }
PLUMB_INLINE V Load(const Bf16* p) {
  const H h = *reinterpret_cast<const HU*>(p);
  const VW w = __builtin_convertvector(h, VW) << 16;
  return reinterpret_cast<V>(w);
}
// Rounds to nearest, ties to even.
PLUMB_INLINE void Store(Bf16* p, V v) {
  VW w = reinterpret_cast<VW>(v);
  w = (w + 0x7fffu + ((w >> 16) & 1u)) >> 16;
  *reinterpret_cast<HU*>(p) = __builtin_convertvector(w, H);
}
PLUMB_INLINE float Get(const float* p) { return *p; }
PLUMB_INLINE float Get(const Bf16* p) {
  unsigned int w = static_cast<unsigned int>(*p) << 16;
  float f;
  __builtin_memcpy(&f, &w, 4);
  return f;
}
PLUMB_INLINE void Put(float* p, float x) { *p = x; }
PLUMB_INLINE void Put(Bf16* p, float x) {
  unsigned int w;
  __builtin_memcpy(&w, &x, 4);
  *p = static_cast<Bf16>((w + 0x7fffu + ((w >> 16) & 1u)) >> 16);
}

PLUMB_INLINE float Sum(V v) {
  float s = 0;
  for (int i = 0; i < kLanes; ++i) s += v[i];
  return s;
}
PLUMB_INLINE float Largest(V v) {
  float m = v[0];
  for (int i = 1; i < kLanes; ++i) m = v[i] > m ? v[i] : m;
  return m;
}
PLUMB_INLINE V Max(V a, V b) { return a > b ? a : b; }

// e^x to about 1 part in 10^7; 0 below -87, finite above 88.
PLUMB_INLINE V Exp(V x) {
  const V low = Splat(-87.3f), high = Splat(88.3f);
  const VI under = x < low;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const V magic = Splat(12582912.0f);  // 1.5 · 2^23: adding it rounds to a whole number
  const V n = (x * 1.44269504f + magic) - magic;
  V r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  V p = Splat(1.9875691500e-4f);  // Cephes expf
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const VI bits = reinterpret_cast<VI>(p) + (__builtin_convertvector(n, VI) << 23);
  const VI kept = bits & ~under;
  return reinterpret_cast<V>(kept);
}
PLUMB_INLINE V Sigmoid(V x) { return 1.0f / (1.0f + Exp(-x)); }

// C[rows, 16·NV] (+)= A[rows, k] · B[k, 16·NV], up to four rows; A's strides are free, so it may be
// read transposed.
template <int NV, int R, bool kAdd>
PLUMB_INLINE void GemmTile(const float* a, long a_row, long a_k, const float* b, long ldb, long k,
                           float* c, long ldc) {
  V acc[R][NV];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < NV; ++j) acc[i][j] = kAdd ? Load(c + i * ldc + j * kLanes) : V{};
  for (long t = 0; t < k; ++t) {
    V bv[NV];
    for (int j = 0; j < NV; ++j) bv[j] = Load(b + t * ldb + j * kLanes);
    for (int i = 0; i < R; ++i) {
      const V av = Splat(a[i * a_row + t * a_k]);
      for (int j = 0; j < NV; ++j) acc[i][j] += av * bv[j];
    }
  }
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < NV; ++j) Store(c + i * ldc + j * kLanes, acc[i][j]);
}
template <int NV, bool kAdd>
PLUMB_INLINE void GemmRows(long rows, const float* a, long a_row, long a_k, const float* b,
                           long ldb, long k, float* c, long ldc) {
  long i = 0;
  for (; i + 4 <= rows; i += 4)
    GemmTile<NV, 4, kAdd>(a + i * a_row, a_row, a_k, b, ldb, k, c + i * ldc, ldc);
  for (; i < rows; ++i)
    GemmTile<NV, 1, kAdd>(a + i * a_row, a_row, a_k, b, ldb, k, c + i * ldc, ldc);
}
// C[m, n] (+)= A · B, n a multiple of 16.
template <bool kAdd>
static void Gemm(long m, long n, long k, const float* a, long a_row, long a_k, const float* b,
                 long ldb, float* c, long ldc) {
  long j = 0;
  for (; j + 64 <= n; j += 64) GemmRows<4, kAdd>(m, a, a_row, a_k, b + j, ldb, k, c + j, ldc);
  for (; j + 32 <= n; j += 32) GemmRows<2, kAdd>(m, a, a_row, a_k, b + j, ldb, k, c + j, ldc);
  for (; j < n; j += 16) GemmRows<1, kAdd>(m, a, a_row, a_k, b + j, ldb, k, c + j, ldc);
}
