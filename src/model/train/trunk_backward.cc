// The backward pass, from the last layer to the lowest adapted one.
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_add.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sum.h>

#include "model/train/trunk_impl.h"

namespace plumb::train {

void Trunk::Impl::NormGradient(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& inv,
                               size_t at) const {
  parameters.grad(at).add_((dy.to(at::kFloat) * x * inv).sum(0));
}

// q and k of every head are normalised by themselves, with one weight for all heads.
void Trunk::Impl::HeadNormGradients(const Layer& l, const at::Tensor& dqkv,
                                    const at::Tensor& qkv) const {
  const int64_t n = qkv.size(0), d = config.head_dim;
  int64_t column = 0;
  for (const auto& [heads, at] :
       {std::pair{config.heads, l.q_norm_at}, {config.kv_heads, l.k_norm_at}}) {
    auto part = [&](const at::Tensor& t) {
      return t.narrow(1, column, heads * d).to(at::kFloat).view({n, heads, d});
    };
    const at::Tensor x = part(qkv),
                     inv = ((x * x).mean(-1, true) + config.rms_eps).rsqrt();
    parameters.grad(at).add_((part(dqkv) * x * inv).sum({0, 1}));
    column += heads * d;
  }
}

template <class T>
void Trunk::Impl::Backward(const TokenTrie& batch, at::Tensor dx) {
  const int64_t n = batch.nodes(), d = config.hidden, f = config.intermediate;
  const kernels::AttentionRows rows = batch.Rows();
  const kernels::AttentionShape shape = Shape(rows.longest);
  const at::Tensor staging = EmptyFloat(rows.positions, config.kv_heads * 2 * config.head_dim);
  const at::Tensor dy = Empty(n, d), dy1 = Empty(n, d), dgate_up = Empty(n, 2 * f),
                   dqkv = Empty(n, shape.width());
  at::Tensor dact = Empty(n, f), dn = Empty(n, d), d_o = Empty(n, config.heads * config.head_dim),
             none;
  for (size_t i = layers.size(); i-- > lowest;) {
    const Layer& l = layers[i];
    const Kept k = std::move(kept[i]);
    at::Tensor du_down = Empty(n, l.down.rank()), du_gate_up = Empty(n, l.gate_up.rank()),
               du_o = Empty(n, l.o.rank()), du_qkv = Empty(n, l.qkv.rank());
    ByRows(n, [&](const LoraGroup::Range& part) {
      const int64_t at = part.begin, m = part.end - part.begin;
      kernels::Cast<T>(Row<float>(dx, at), m, d, Row<T>(dy, at));
      l.down.Backward(dy, du_down, dact, part, DropOf(kept_key, i, 3));
      kernels::SwiGluBackward<T>(Row<T>(dact, at), f, Row<T>(k.gate_up, at), m, f,
                                 Row<T>(dgate_up, at));
      l.gate_up.Backward(dgate_up, du_gate_up, dn, part, DropOf(kept_key, i, 2));
      kernels::RmsNormBackward<T>(Row<T>(dn, at), d, Row<float>(k.x1, at), Data<float>(l.norm2),
                                  Row<float>(k.inv2, at), m, d, Row<float>(dx, at));
      kernels::Cast<T>(Row<float>(dx, at), m, d, Row<T>(dy1, at));
      l.o.Backward(dy1, du_o, d_o, part, DropOf(kept_key, i, 1));
    });
    if (full) NormGradient(dn, k.x1, k.inv2, l.norm2_at);
    kernels::AttentionBackward<T>(rows, shape, Data<T>(k.rotated_from), Data<T>(k.o), k.o.stride(0),
                                  Data<float>(k.lse), Data<T>(d_o), d_o.stride(0),
                                  Data<float>(staging), Data<T>(dqkv));
    if (full && config.qk_norm) HeadNormGradients(l, dqkv, k.qkv);
    const bool more = i > lowest || full;
    ByRows(n, [&](const LoraGroup::Range& part) {
      const int64_t at = part.begin, m = part.end - part.begin;
      if (config.qk_norm)
        kernels::HeadNormBackward<T>(Row<T>(dqkv, at), Row<T>(k.qkv, at), shape,
                                     Data<float>(l.q_norm), Data<float>(l.k_norm),
                                     static_cast<float>(config.rms_eps), m);
      l.qkv.Backward(dqkv, du_qkv, more ? dn : none, part, DropOf(kept_key, i, 0));
      if (more)
        kernels::RmsNormBackward<T>(Row<T>(dn, at), d, Row<float>(k.x, at), Data<float>(l.norm1),
                                    Row<float>(k.inv1, at), m, d, Row<float>(dx, at));
    });
    if (full) NormGradient(dn, k.x, k.inv1, l.norm1_at);
    l.down.Gradients(dy, du_down, k.act, DropOf(kept_key, i, 3), parameters);
    l.gate_up.Gradients(dgate_up, du_gate_up, k.n2, DropOf(kept_key, i, 2), parameters);
    l.o.Gradients(dy1, du_o, k.o, DropOf(kept_key, i, 1), parameters);
    l.qkv.Gradients(dqkv, du_qkv, k.n1, DropOf(kept_key, i, 0), parameters);
  }
  if (full)
    parameters.grad(full->embedding())
        .index_add_(0, at::from_blob(const_cast<int64_t*>(batch.ids().data()), {n}, at::kLong), dx);
}

template void Trunk::Impl::Backward<float>(const TokenTrie&, at::Tensor);
template void Trunk::Impl::Backward<kernels::Bf16>(const TokenTrie&, at::Tensor);

}  // namespace plumb::train
