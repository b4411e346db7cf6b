// model/lm: one language model, loaded, measured and generated from; and one encoder.
//
//   tensors.h        safetensors and GGUF files
//   tokenizer.h      text ↔ token ids
//   chat_template.h  conversation → text, by the model's own template
//   causal_lm.h      the decoder as mathematics, differentiable (training, parity)
//   encoder.h        the BERT family
//   adapter.h        PEFT adapters
//   engine.h         the fast decoder: packed weights, KV cache, float32 that is the same at any batch size, bfloat16
//   generator.h      continuous batching: requests in, text out
//   classifier.h     encoder + heads
//
//   PLUMB_TRY(auto tokenizer, lm::Tokenizer::Load(path));
//   PLUMB_TRY(auto model, lm::CausalLm::Load("smollm2"));
//
// Everything is safe to read from several threads once loaded; a Generator is driven by one thread. Errors are values;
// exceptions of libtorch stop here.
#pragma once

#include "model/lm/adapter.h"
#include "model/lm/causal_lm.h"
#include "model/lm/tokenizer.h"
