// The local model as a provider, and the encoder as the guard's classifier: both speak to a plumb-lm of their own.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/provider/http_provider.h"
#include "runtime/provider/lm_process.h"

namespace plumb::provider {

struct TokenLogprobs {
  std::vector<std::string> tokens;
  std::vector<double> logprobs;  // of each token given those before it
  double total = 0;
};

// The generator. `model` is "MODEL" or "MODEL+ADAPTER_DIR".
class LocalProvider final : public HttpProvider {
 public:
  LocalProvider(asio::any_io_executor executor, const std::string& model, LmOptions options);
  LocalProvider(asio::any_io_executor executor, const std::string& model, LmOptions options, HttpOptions http);

  // One bulk request: plumb-lm batches it itself. What is unfinished when it falls over is kUnavailable.
  Result<std::vector<Result<ChatResponse>>> Batch(const std::vector<ChatRequest>& requests, size_t concurrency,
                                                  const OnDone& on_done) override;

  // Log-probability of `completions[i]` as what follows `prompts[i]` (chat messages). Blocks.
  Result<std::vector<TokenLogprobs>> Logprobs(const std::vector<json::array>& prompts,
                                              const std::vector<std::string>& completions);
  // A POST of `body` to an endpoint of docs/lm-protocol.md ("/v1/generate"), answered in one object. Blocks.
  Result<json::object> Call(std::string_view path, json::object body);
  // The same as a coroutine.
  asio::awaitable<Result<json::object>> CallAsync(std::string path, json::object body);

  LmProcess& process() { return process_; }
  const std::string& model() const { return model_; }

 private:
  asio::awaitable<Result<net::Url>> Base() override;
  asio::awaitable<Status> Generate(const std::vector<ChatRequest>& requests, const OnDone& on_done,
                                   std::vector<Result<ChatResponse>>& answers);

  std::string model_;
  LmProcess process_;
};

// The encoder's heads. Blocks; safe to call from any thread but executor's own. It has the shape of guard::Classifier,
// which a thin adapter in the room above turns it into.
class LocalEncoder {
 public:
  // `model` is "minilm" or "minilm+ADAPTER_DIR".
  LocalEncoder(asio::any_io_executor executor, const std::string& model, LmOptions options);

  // The names of the heads, asked once.
  Result<std::vector<std::string>> Heads();
  // Per text one score per head.
  Result<std::vector<std::vector<float>>> Classify(const std::vector<std::string>& texts);
  Result<std::vector<std::vector<float>>> Embed(const std::vector<std::string>& texts);
  LmProcess& process() { return provider_.process(); }

 private:
  LocalProvider provider_;
};

}  // namespace plumb::provider
