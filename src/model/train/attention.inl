// Attention of one row and one key-value head: causal or not, rotated (RoPE) on the way in, grouped
// queries.
//
// Everything is float32 in scratch laid out for the small products of vector_math.inl: keys and
// values also transposed, widths padded to 16. Queries run from the row's own beginning; keys from
// its first token.

PLUMB_INLINE long Pad(long n) { return (n + kLanes - 1) / kLanes * kLanes; }

PLUMB_INLINE long ScratchFloats(long longest, long head_dim) {
  const long t = Pad(longest), d = Pad(head_dim);
  return 10 * t * d + 2 * t * t + t;
}

// y = the rotated head vector x at position t; without tables a plain copy. y has Pad(d) floats.
template <class T>
PLUMB_INLINE void Rotate(const AttentionShape& s, const T* x, long t, float* y) {
  const long d = s.head_dim, half = d / 2;
  for (long j = d; j < Pad(d); ++j) y[j] = 0;
  if (!s.cos) {
    for (long j = 0; j < d; ++j) y[j] = Get(x + j);
    return;
  }
  const float *c = s.cos + t * half, *n = s.sin + t * half;
  for (long j = 0; j < half; ++j) {
    const float a = Get(x + j), b = Get(x + half + j);
    y[j] = a * c[j] - b * n[j];
    y[half + j] = b * c[j] + a * n[j];
  }
}
template <class T>
PLUMB_INLINE void RotateBack(const AttentionShape& s, const float* g, long t, T* x) {
  const long d = s.head_dim, half = d / 2;
  if (!s.cos) {
    for (long j = 0; j < d; ++j) Put(x + j, g[j]);
    return;
  }
  const float *c = s.cos + t * half, *n = s.sin + t * half;
  for (long j = 0; j < half; ++j) {
    Put(x + j, g[j] * c[j] + g[half + j] * n[j]);
    Put(x + half + j, g[half + j] * c[j] - g[j] * n[j]);
  }
}

PLUMB_INLINE void Transpose(const float* a, long rows, long d, long lda, float* at, long ldat) {
  for (long j = 0; j < d; ++j) {
    for (long t = 0; t < rows; ++t) at[j * ldat + t] = a[t * lda + j];
    for (long t = rows; t < ldat; ++t) at[j * ldat + t] = 0;
  }
}

struct HeadView {
  long len, own, queries, tp, dp;  // tokens, first query, queries, padded tokens, padded head width
  const int32_t* node;
  // Keys that the block of four queries at i reads.
  long Keys(bool causal, long i) const {
    if (!causal) return tp;
    const long n = Pad(own + i + 4);
    return n < tp ? n : tp;
  }
};

PLUMB_INLINE HeadView View(const AttentionRows& r, const AttentionShape& s, long row) {
  const long len = r.begin[row + 1] - r.begin[row], own = r.own[row];
  return {len, own, len - own, Pad(len), Pad(s.head_dim), r.node + r.begin[row]};
}

template <class T>
void AttentionUnit(const AttentionRows& r, const AttentionShape& s, const T* qkv, T* out,
                   long ldout, float* lse, long unit, float* scratch) {
  const long row = unit / s.kv_heads, g = unit % s.kv_heads, d = s.head_dim,
             group = s.heads / s.kv_heads;
  const HeadView v = View(r, s, row);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(d));
  float* k = scratch;
  float* kt = k + v.tp * v.dp;
  float* val = kt + v.tp * v.dp;
  float* q = val + v.tp * v.dp;
  float* o = q + v.tp * v.dp;
  float* p = o + v.tp * v.dp;
  for (long t = 0; t < v.tp; ++t) {
    if (t >= v.len) {
      for (long j = 0; j < v.dp; ++j) val[t * v.dp + j] = 0;
      continue;
    }
    const T* x = qkv + v.node[t] * s.width() + (s.heads + g) * d;
    Rotate(s, x, t, k + t * v.dp);
    for (long j = 0; j < v.dp; ++j) val[t * v.dp + j] = j < d ? Get(x + s.kv_heads * d + j) : 0.0f;
  }
  Transpose(k, v.len, d, v.dp, kt, v.tp);
  for (long h = g * group; h < (g + 1) * group; ++h) {
    for (long i = 0; i < v.queries; ++i)
      Rotate(s, qkv + v.node[v.own + i] * s.width() + h * d, v.own + i, q + i * v.dp);
    for (long i = 0; i < v.queries; i += 4) {
      const long n = v.Keys(s.causal, i), rows = v.queries - i < 4 ? v.queries - i : 4;
      Gemm<false>(rows, n, d, q + i * v.dp, v.dp, 1, kt, v.tp, p, v.tp);
      float total[4];
      for (long a = 0; a < rows; ++a) {
        float* pa = p + a * v.tp;
        const long seen = s.causal ? v.own + i + a + 1 : v.len;
        for (long j = seen; j < n; ++j) pa[j] = -1e30f;
        V m = Splat(-1e30f), sum{};
        for (long j = 0; j < n; j += kLanes) m = Max(m, Load(pa + j));
        const float top = Largest(m);
        for (long j = 0; j < n; j += kLanes) {
          const V e = Exp((Load(pa + j) - top) * scale);
          sum += e;
          Store(pa + j, e);
        }
        total[a] = Sum(sum);
        lse[v.node[v.own + i + a] * s.heads + h] = top * scale + __builtin_logf(total[a]);
      }
      Gemm<false>(rows, v.dp, n, p, v.tp, 1, val, v.dp, o, v.dp);
      for (long a = 0; a < rows; ++a) {
        T* y = out + v.node[v.own + i + a] * ldout + h * d;
        for (long j = 0; j < d; ++j) Put(y + j, o[a * v.dp + j] / total[a]);
      }
    }
  }
}

// Gradients of q go to dqkv (each query belongs to one row); those of k and v to staging,
// [position, kv head, {k, v}].
template <class T>
void AttentionBackwardUnit(const AttentionRows& r, const AttentionShape& s, const T* qkv,
                           const T* out, long ldout, const float* lse, const T* dout, long lddout,
                           float* staging, T* dqkv, long unit, float* scratch) {
  const long row = unit / s.kv_heads, g = unit % s.kv_heads, d = s.head_dim,
             group = s.heads / s.kv_heads;
  const HeadView v = View(r, s, row);
  const float scale = 1.0f / __builtin_sqrtf(static_cast<float>(d));
  const long size = v.tp * v.dp;
  float *k = scratch, *kt = k + size, *val = kt + size, *vt = val + size, *q = vt + size,
        *go = q + size, *dk = go + size, *dv = dk + size, *dq = dv + size, *delta = dq + size,
        *p = delta + v.tp, *dp = p + v.tp * v.tp;
  for (long t = 0; t < v.tp; ++t) {
    for (long j = 0; j < v.dp; ++j)
      k[t * v.dp + j] = val[t * v.dp + j] = dk[t * v.dp + j] = dv[t * v.dp + j] = 0;
    if (t >= v.len) continue;
    const T* x = qkv + v.node[t] * s.width() + (s.heads + g) * d;
    Rotate(s, x, t, k + t * v.dp);
    for (long j = 0; j < d; ++j) val[t * v.dp + j] = Get(x + s.kv_heads * d + j);
  }
  Transpose(k, v.len, d, v.dp, kt, v.tp);
  Transpose(val, v.len, d, v.dp, vt, v.tp);
  for (long h = g * group; h < (g + 1) * group; ++h) {
    for (long i = 0; i < v.queries; ++i) {
      const long node = v.node[v.own + i];
      Rotate(s, qkv + node * s.width() + h * d, v.own + i, q + i * v.dp);
      const T *y = out + node * ldout + h * d, *dy = dout + node * lddout + h * d;
      float sum = 0;
      for (long j = 0; j < v.dp; ++j) {
        go[i * v.dp + j] = j < d ? Get(dy + j) : 0.0f;
        if (j < d) sum += Get(dy + j) * Get(y + j);
      }
      delta[i] = sum;
    }
    for (long i = 0; i < v.queries; i += 4) {
      const long n = v.Keys(s.causal, i), rows = v.queries - i < 4 ? v.queries - i : 4;
      Gemm<false>(rows, n, d, q + i * v.dp, v.dp, 1, kt, v.tp, p + i * v.tp, v.tp);
      Gemm<false>(rows, n, d, go + i * v.dp, v.dp, 1, vt, v.tp, dp + i * v.tp, v.tp);
      for (long a = i; a < i + rows; ++a) {
        float *pa = p + a * v.tp, *da = dp + a * v.tp;
        const long seen = s.causal ? v.own + a + 1 : v.len;
        for (long j = seen; j < n; ++j) pa[j] = -1e30f;
        const float l = lse[v.node[v.own + a] * s.heads + h];
        for (long j = 0; j < n; j += kLanes) {
          const V e = Exp(Load(pa + j) * scale - l);
          Store(pa + j, e);
          Store(da + j, e * (Load(da + j) - delta[a]) * scale);
        }
      }
      Gemm<false>(rows, v.dp, n, dp + i * v.tp, v.tp, 1, k, v.dp, dq + i * v.dp, v.dp);
    }
    for (long j = 0; j < v.len; j += 4) {  // queries before key j see none of it
      const long first = s.causal && j > v.own ? (j - v.own) / 4 * 4 : 0, count = v.queries - first;
      if (count <= 0) break;
      Gemm<true>(4, v.dp, count, dp + first * v.tp + j, 1, v.tp, q + first * v.dp, v.dp,
                 dk + j * v.dp, v.dp);
      Gemm<true>(4, v.dp, count, p + first * v.tp + j, 1, v.tp, go + first * v.dp, v.dp,
                 dv + j * v.dp, v.dp);
    }
    for (long i = 0; i < v.queries; ++i)
      RotateBack(s, dq + i * v.dp, v.own + i, dqkv + v.node[v.own + i] * s.width() + h * d);
  }
  for (long t = 0; t < v.len; ++t) {
    float* to = staging + ((r.begin[row] + t) * s.kv_heads + g) * 2 * d;
    for (long j = 0; j < d; ++j) {
      to[j] = dk[t * v.dp + j];
      to[d + j] = dv[t * v.dp + j];
    }
  }
}

// Adds up what each node's keys and values received in all the rows it stands in.
template <class T>
void AttentionGather(const AttentionRows& r, const AttentionShape& s, const float* staging, T* dqkv,
                     long begin, long end, float* scratch) {
  const long d = s.head_dim;
  for (long i = begin; i < end; ++i)
    for (long g = 0; g < s.kv_heads; ++g) {
      for (long j = 0; j < 2 * d; ++j) scratch[j] = 0;
      for (long u = r.use_begin[i]; u < r.use_begin[i + 1]; ++u) {
        const float* from = staging + (r.used[u] * s.kv_heads + g) * 2 * d;
        for (long j = 0; j < 2 * d; ++j) scratch[j] += from[j];
      }
      T* to = dqkv + i * s.width() + (s.heads + g) * d;
      RotateBack(s, scratch, r.depth[i], to);
      for (long j = 0; j < d; ++j) Put(to + s.kv_heads * d + j, scratch[d + j]);
    }
}
