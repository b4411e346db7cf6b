// The softmax over the vocabulary of one token: statistics, and the gradient in place of the
// logits.

// Sixteen logits from j on; beyond the vocabulary's end a value no softmax sees.
template <class T>
PLUMB_INLINE V LoadTail(const T* x, long j, long n, float fill) {
  if (j + kLanes <= n) return Load(x + j);
  V v = Splat(fill);
  for (long i = j; i < n; ++i) v[i - j] = Get(x + i);
  return v;
}
template <class T>
PLUMB_INLINE void StoreTail(T* x, long j, long n, V v) {
  if (j + kLanes <= n) return Store(x + j, v);
  for (long i = j; i < n; ++i) Put(x + i, v[i - j]);
}

struct LogSum {
  float top, log_total;  // log Σ e^x = top + log_total
};

template <class T>
PLUMB_INLINE LogSum LogSumExp(const T* x, long n) {
  V m = Splat(-1e30f), s{};
  for (long j = 0; j < n; j += kLanes) m = Max(m, LoadTail(x, j, n, -1e30f));
  const float top = Largest(m);
  for (long j = 0; j < n; j += kLanes) s += Exp(LoadTail(x, j, n, -1e30f) - top);
  return {top, __builtin_logf(Sum(s))};
}

template <class T>
TokenStats SoftmaxRow(T* x, const T* base, long n, int64_t target, const float* coef,
                      const float* anchor_coef) {
  const LogSum z = LogSumExp(x, n);
  const float lse = z.top + z.log_total, goal = Get(x + target);
  TokenStats out;
  V sum{}, weighted{};
  for (long j = 0; j < n; j += kLanes) {
    const V v = LoadTail(x, j, n, 0.0f), e = Exp(LoadTail(x, j, n, -1e30f) - lse);
    sum += v;
    weighted += e * v;
  }
  out.logp = goal - lse;
  out.entropy = lse - Sum(weighted);
  out.mean_logit = Sum(sum) / static_cast<float>(n);
  out.top1 = goal >= z.top;
  for (int64_t j = 0; out.top1 && j < target; ++j)
    out.top1 = Get(x + j) < goal;  // ties go to the first
  float base_lse = 0;
  if (base) {
    const LogSum b = LogSumExp(base, n);
    base_lse = b.top + b.log_total;
    V kl{};
    for (long j = 0; j < n; j += kLanes) {
      const V lb = LoadTail(base, j, n, -1e30f) - base_lse, lm = LoadTail(x, j, n, -1e30f) - lse;
      kl += Exp(lb) * (lb - lm);
    }
    out.kl = Sum(kl);
  }
  if (!coef) return out;
  const float c = *coef, a = base ? *anchor_coef : 0.0f;
  for (long j = 0; j < n; j += kLanes) {
    V d = (c + a) * Exp(LoadTail(x, j, n, -1e30f) - lse);
    if (base) d -= a * Exp(LoadTail(base, j, n, -1e30f) - base_lse);
    StoreTail(x, j, n, d);
  }
  // In full precision and rounded once: p − 1 where p is near 1 would be lost otherwise.
  float at_target = c * (__builtin_expf(goal - lse) - 1.0f);
  if (base) at_target = Get(x + target) - c;
  Put(x + target, at_target);
  return out;
}
