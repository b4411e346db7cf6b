// Decoding and encoding, tokens a second. Compare CPU times where the machine is busy.
//
//   cmake -DPLUMB_BENCH=ON …; build/release/lm_bench
#include <benchmark/benchmark.h>

#include "model/lm/chat_template.h"
#include "model/lm/encoder_engine.h"
#include "model/lm/generator.h"

namespace plumb::lm {
namespace {

void Decode(benchmark::State& state, Precision precision) {
  auto model = CausalLm::Load("smollm2");
  if (!model) return state.SkipWithError(model.error().Text().c_str());
  auto tokenizer = Tokenizer::Load((*model)->path());
  auto chat = ChatTemplate::Of(**tokenizer);
  auto engine = Engine::Make(**model, precision);
  constexpr int64_t kTokens = 64;
  for (auto _ : state) {
    Generator generator(**engine, **tokenizer, {.slots = state.range(0)});
    for (int64_t i = 0; i < state.range(0); ++i) {
      const json::array messages = {{{"role", "user"}, {"content", "Tell me about " + std::to_string(i)}}};
      (void)generator.Add({*chat->Encode(**tokenizer, messages, ChatTemplate::End::kAssistant), {.temperature = 0, .max_tokens = kTokens, .ignore_eos = true}});
    }
    while (generator.Step()) {
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * kTokens);
}
BENCHMARK_CAPTURE(Decode, bf16, Precision::kBFloat16)->Arg(1)->Arg(16)->Arg(32)->Arg(64)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(Decode, f32, Precision::kFloat32)->Arg(1)->Arg(32)->Unit(benchmark::kMillisecond)->UseRealTime();

void Embed(benchmark::State& state) {
  auto embedder = Embedder::Load("minilm", Precision::kBFloat16);
  if (!embedder) return state.SkipWithError(embedder.error().Text().c_str());
  std::vector<std::string> texts(64);
  for (size_t i = 0; i < texts.size(); ++i)
    for (int64_t j = 0; j < state.range(0) / 2 + static_cast<int64_t>(i * 7) % state.range(0); ++j) texts[i] += "the garden path ";
  int64_t tokens = 0;
  for (auto _ : state) tokens += (*embedder)->Embed(texts).tokens;
  state.SetItemsProcessed(tokens);
}
BENCHMARK(Embed)->Arg(10)->Arg(20)->Arg(60)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace plumb::lm
