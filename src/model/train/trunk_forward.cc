// The forward pass, layer by layer.
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

#include "model/train/trunk_impl.h"

namespace plumb::train {

void Trunk::Impl::ByRows(int64_t n, const std::function<void(const LoraGroup::Range&)>& f) const {
  if (!packed || dropout != 0) return f({0, n});
  kernels::ForRange((n + 31) / 32, 1,
                    [&](long begin, long end) { f({begin * 32, std::min<int64_t>(end * 32, n)}); });
}

Kept Trunk::Impl::Begin(const Layer& l, const at::Tensor& x) const {
  const int64_t n = x.size(0);
  Kept k;
  k.x = x;
  k.inv1 = EmptyFloat(n, 1);
  k.n1 = Empty(n, l.qkv.wide());
  k.qkv = Empty(n, l.qkv.out());
  k.rotated_from = config.qk_norm ? Empty(n, l.qkv.out()) : k.qkv;
  k.lse = EmptyFloat(n, config.heads);
  k.o = Empty(n, l.o.wide());
  k.x1 = EmptyFloat(n, config.hidden);
  k.inv2 = EmptyFloat(n, 1);
  k.n2 = Empty(n, l.gate_up.wide());
  k.gate_up = Empty(n, l.gate_up.out());
  k.act = Empty(n, l.down.wide());
  return k;
}

// From the residual stream to q, k and v.
template <class T>
void Trunk::Impl::Enter(size_t i, Kept& k, const PassOptions& options,
                        const LoraGroup::Range& rows) const {
  const Layer& l = layers[i];
  const int64_t at = rows.begin, n = rows.end - rows.begin;
  const float eps = static_cast<float>(config.rms_eps);
  kernels::RmsNorm<T>(Row<float>(k.x, at), Data<float>(l.norm1), eps, n, config.hidden,
                      Row<T>(k.n1, at), k.n1.stride(0), Row<float>(k.inv1, at));
  l.qkv.Forward(k.n1, k.qkv, rows, options.adapters, DropOf(options.drop_key, i, 0));
  if (config.qk_norm)
    kernels::HeadNorm<T>(Row<T>(k.qkv, at), {config.heads, config.kv_heads, config.head_dim},
                         Data<float>(l.q_norm), Data<float>(l.k_norm), eps, n,
                         Row<T>(k.rotated_from, at));
}

// From what attention gathered to the next residual stream.
template <class T>
void Trunk::Impl::Leave(size_t i, Kept& k, const PassOptions& options, const LoraGroup::Range& rows,
                        at::Tensor& passing, const at::Tensor& out) const {
  const Layer& l = layers[i];
  const int64_t at = rows.begin, n = rows.end - rows.begin, d = config.hidden;
  l.o.Forward(k.o, passing, rows, options.adapters, DropOf(options.drop_key, i, 1));
  kernels::Add<T>(Row<float>(k.x, at), Row<T>(passing, at), d, n, d, Row<float>(k.x1, at));
  kernels::RmsNorm<T>(Row<float>(k.x1, at), Data<float>(l.norm2),
                      static_cast<float>(config.rms_eps), n, d, Row<T>(k.n2, at), k.n2.stride(0),
                      Row<float>(k.inv2, at));
  l.gate_up.Forward(k.n2, k.gate_up, rows, options.adapters, DropOf(options.drop_key, i, 2));
  kernels::SwiGlu<T>(Row<T>(k.gate_up, at), n, config.intermediate, Row<T>(k.act, at),
                     k.act.stride(0));
  l.down.Forward(k.act, passing, rows, options.adapters, DropOf(options.drop_key, i, 3));
  kernels::Add<T>(Row<float>(k.x1, at), Row<T>(passing, at), d, n, d, Row<float>(out, at));
}

template <class T>
at::Tensor Trunk::Impl::Forward(const TokenTrie& batch, const PassOptions& options) {
  const int64_t n = batch.nodes();
  const kernels::AttentionRows rows = batch.Rows();
  const kernels::AttentionShape shape = Shape(rows.longest);
  const at::Tensor ids = at::from_blob(const_cast<int64_t*>(batch.ids().data()), {n}, at::kLong);
  at::Tensor x = below ? below->Read(batch) : at::Tensor();  // [n, hidden]
  const bool known = x.defined();
  if (!known) x = at::index_select(embedding, 0, ids).to(at::kFloat);
  if (options.keep) {
    kept.assign(layers.size(), {});
    kept_key = options.drop_key;
  }
  at::Tensor passing = Empty(n, config.hidden);
  size_t i = known ? lowest : 0;
  Kept k = Begin(layers[i], x);
  ByRows(n, [&](const LoraGroup::Range& part) { Enter<T>(i, k, options, part); });
  for (; i < layers.size(); ++i) {
    kernels::Attention<T>(rows, shape, Data<T>(k.rotated_from), Data<T>(k.o), k.o.stride(0),
                          Data<float>(k.lse));
    x = EmptyFloat(n, config.hidden);
    const bool more = i + 1 < layers.size();
    Kept next = more ? Begin(layers[i + 1], x) : Kept{};
    ByRows(n, [&](const LoraGroup::Range& part) {
      Leave<T>(i, k, options, part, passing, x);
      if (more) Enter<T>(i + 1, next, options, part);
    });
    if (below && !known && i + 1 == lowest) below->Add(batch, x);
    if (options.keep && i >= lowest) kept[i] = std::move(k);
    k = std::move(next);
  }
  return x;
}

template at::Tensor Trunk::Impl::Forward<float>(const TokenTrie&, const PassOptions&);
template at::Tensor Trunk::Impl::Forward<kernels::Bf16>(const TokenTrie&, const PassOptions&);

}  // namespace plumb::train
