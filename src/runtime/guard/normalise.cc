#include "runtime/guard/normalise.h"

#include <algorithm>

#include "runtime/guard/stream_hold.h"

namespace plumb::guard {
namespace {

class Layers {
 public:
  Layers(Normalised& out, const NormaliseLimits& limits) : out_(out), limits_(limits) {}

  // Adds the layer unless its text is there already. Returns whether it was new.
  bool Add(Layer layer) {
    for (const Layer& other : out_.layers)
      if (other.text == layer.text) return false;
    if (out_.layers.size() >= limits_.layers) {
      out_.cut = true;
      return false;
    }
    out_.layers.push_back(std::move(layer));
    return true;
  }

 private:
  Normalised& out_;
  const NormaliseLimits& limits_;
};

}  // namespace

Normalised Normalise(std::string_view text, const NormaliseLimits& limits) {
  Normalised out;
  // Layers are read while others are added: room for all of them keeps references good.
  out.layers.reserve(limits.layers + 1);
  out.layers.push_back(OriginalLayer(text));
  Layers layers(out, limits);
  if (IsUndisguised(text)) {
    for (Layer& layer : CipherLayers(out.layers[0])) {
      if (!layers.Add(std::move(layer))) continue;
      for (Layer& decoded : DecodedLayer(out.layers.back())) layers.Add(std::move(decoded));
    }
    return out;
  }

  // The trunk: plain, then decoded until nothing is left to decode. Each decoded layer may hide characters again.
  std::vector<size_t> trunk = {0};
  const auto grow = [&](std::vector<Layer> made) {
    for (Layer& layer : made)
      if (layers.Add(std::move(layer))) trunk.push_back(out.layers.size() - 1);
  };
  grow(PlainLayers(out.layers[0], limits.lookalikes));
  for (size_t t = trunk.size() > 1 ? 1 : 0, depth = 0; t < trunk.size(); ++t) {
    if (depth >= static_cast<size_t>(limits.decodings)) {
      out.cut |= !DecodedLayer(out.layers[trunk[t]]).empty();
      break;
    }
    const size_t before = trunk.size();
    grow(DecodedLayer(out.layers[trunk[t]]));
    if (trunk.size() > before) {
      ++depth;
      grow(PlainLayers(out.layers[trunk.back()], limits.lookalikes));
    }
  }
  // The branches: disguises of spelling and simple ciphers, of the last word of the trunk and of its first.
  std::vector<size_t> tips = {trunk.size() > 1 ? trunk[1] : 0};
  if (trunk.back() != tips[0]) tips.push_back(trunk.back());
  for (const size_t tip : tips) {
    size_t spelled = tip;
    for (const auto step : {JoinedLayer, LeetLayer})
      for (Layer& layer : step(out.layers[spelled]))
        if (layers.Add(std::move(layer))) spelled = out.layers.size() - 1;
    for (Layer& layer : CipherLayers(out.layers[tip])) {
      if (!layers.Add(std::move(layer))) continue;
      for (Layer& decoded : DecodedLayer(out.layers.back())) layers.Add(std::move(decoded));
    }
  }
  return out;
}

}  // namespace plumb::guard
