// The parts of plumb.yaml that say who answers, and at what price (docs/providers.md).
//
//   providers:
//     azure: {url: https://shop.openai.azure.com/openai/v1}
//     gpu: {preset: vllm, url: http://10.0.0.7:8000/v1, first_token_s: 20}
//   models:
//     smollm2: local:smollm2
//     assistant: [openai:gpt-5-mini, mistral:mistral-large-latest]        # in order
//     mixed:
//       targets: [{target: "azure:gpt-5-mini", weight: 80}, {target: "gpu:qwen3", weight: 20, context: 32768}]
//       cache: {ttl: 1h, max_mb: 64}
//     guarded:
//       target: local:smollm2
//       in_doubt: {from: 0.3, model: careful}    # who answers what the guard lets pass with that score or more
//     careful: local:smollm2+align/first/adapter-in-doubt
//   prices: {gpt-5-mini: {input: 0.25, cached_input: 0.025, output: 2}}      # dollars per million tokens
#pragma once

#include "cli/config_reader.h"
#include "runtime/gateway/gateway.h"

namespace plumb::cli {

void ReadProviders(const Node& node, Reader& reader, std::vector<provider::ProviderConfig>& providers);
// `providers` are those of the file; the built-in ones are known anyway.
void ReadModels(const Node& node, Reader& reader, const std::vector<provider::ProviderConfig>& providers,
                std::vector<gateway::ModelRoute>& models);
void ReadPrices(const Node& node, Reader& reader, std::vector<provider::Price>& prices);

}  // namespace plumb::cli
