// A text as its reader, a model, would understand it: layers with disguises taken off, each byte traceable.
//
//   Normalised n = Normalise("how to make a b0mb");
//   for (const Layer& layer : n.layers) … scan(layer.text), then layer.Source(begin, end) …
//
// Layers, each only where it differs from those before:
//   text      the original
//   plain     NFKC for Latin, Greek, Cyrillic and presentation forms; letters of mixed-script words, mathematical,
//             small-capital, circled and turned letters → ASCII; accents dropped; zero-width, bidi-control, variation
//             and tag characters and control bytes removed; typographic quotes, dashes and spaces → ASCII
//   tags      what tag characters (U+E0000…) and variation selectors hide, read out
//   decoded   base64, hexadecimal, binary, percent, HTML and \u escapes replaced by what they say; repeated, nested
//   joined    letters set apart ("k i l l", "k.i.l.l", "k*ll") brought together
//   leet      digits and signs standing for letters
//   rotated   rot13 and other Caesar shifts of passages that read as English only then
//   reversed  passages that read as English only backwards
//
// Layers build on one another ("plain/decoded/leet"). Normalise is a function of its argument, in time linear in the
// text, and never fails: bytes that are not UTF-8 stand for themselves in `text` and as U+FFFD in `plain`.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/guard/layer.h"

namespace plumb::guard {

enum class LookalikeWords { kAsTheTextIs, kLatin, kForeign };

struct NormaliseLimits {
  size_t layers = 12;         // further ones are not made, and `cut` is set
  int decodings = 4;          // nested encodings taken off
  // Words made wholly of foreign letters that look like Latin ones are read as Latin in a text that is mostly Latin. Of a
  // part of a text that is not known: it is read both ways.
  LookalikeWords lookalikes = LookalikeWords::kAsTheTextIs;
};

struct Normalised {
  std::vector<Layer> layers;  // never empty; [0] is the original
  bool cut = false;           // a limit was met
};

Normalised Normalise(std::string_view text, const NormaliseLimits& limits = {});

// The single steps; nothing where the step changes nothing.
std::vector<Layer> PlainLayers(const Layer& layer, LookalikeWords lookalikes = LookalikeWords::kAsTheTextIs);  // plain, tags
std::vector<Layer> DecodedLayer(const Layer& layer);
std::vector<Layer> JoinedLayer(const Layer& layer);
std::vector<Layer> LeetLayer(const Layer& layer);
std::vector<Layer> CipherLayers(const Layer& layer);  // rotated, reversed

}  // namespace plumb::guard
