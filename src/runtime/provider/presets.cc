#include "runtime/provider/presets.h"

#include <algorithm>

namespace plumb::provider {
namespace {

// What OpenAI keeps for its own books or its own machines; the answer is the same without.
const std::vector<std::string> kBooks = {"store", "metadata", "user", "safety_identifier", "service_tier",
                                         "prompt_cache_key", "prompt_cache_retention"};

std::vector<std::string> BooksAnd(std::vector<std::string> more) {
  more.insert(more.end(), kBooks.begin(), kBooks.end());
  return more;
}

// o-series and gpt-5 refuse max_tokens; every OpenAI chat model takes max_completion_tokens.
// The base models and one instructed one complete texts, and do nothing else.
const Dialect kOpenAi = {.max_tokens = "max_completion_tokens", .completers = {"gpt-3.5-turbo-instruct", "davinci-", "babbage-"}};

const Dialect kAzure = {.max_tokens = "max_completion_tokens", .key_as_api_key = true, .deployments = true};

// Refuses with 422 (extra_forbidden) every field it does not know, stream_options among them; its last chunk carries
// usage anyway.
const Dialect kMistral = {
    .max_tokens = "max_tokens",
    .seed = "random_seed",
    .stream_options = false,
    .developer = false,
    .names = false,
    .only = {"model", "messages", "temperature", "top_p", "max_tokens", "stream", "stop", "random_seed", "response_format",
             "tools", "tool_choice", "parallel_tool_calls", "presence_penalty", "frequency_penalty", "n", "prediction",
             "prompt_mode", "reasoning_effort", "safe_prompt"}};

// Refuses with 400 ("Unknown name") what it has no field for; leaves thinking out of completion_tokens.
const Dialect kGemini = {.max_tokens = "max_tokens",
                         .seed = "",
                         .developer = false,
                         .hidden_reasoning = true,
                         .without = BooksAnd({"logit_bias", "verbosity"})};

// 400 for messages[].name; counts under x_groq as well.
const Dialect kGroq = {.max_tokens = "max_completion_tokens",
                       .names = false,
                       .without = {"store", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"}};

// A model's own chat template decides which roles there are: "developer" is in few of them. They take what they do not
// know in silence, and max_completion_tokens only in newer versions: max_tokens is understood by all.
const Dialect kServer = {.max_tokens = "max_tokens", .developer = false, .completers = {""}};

}  // namespace

const std::vector<Preset>& Presets() {
  static const std::vector<Preset> presets = {
      {"openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY", kOpenAi},
      {"anthropic", "anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", {}},
      {"azure", "openai", "", "AZURE_OPENAI_API_KEY", kAzure},
      {"mistral", "openai", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", kMistral},
      {"gemini", "openai", "https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", kGemini},
      {"groq", "openai", "https://api.groq.com/openai/v1", "GROQ_API_KEY", kGroq},
      {"vllm", "openai", "http://127.0.0.1:8000/v1", "", kServer},
      {"sglang", "openai", "http://127.0.0.1:30000/v1", "", kServer},
      {"llama-server", "openai", "http://127.0.0.1:8080/v1", "", kServer},
      {"ollama", "openai", "http://127.0.0.1:11434/v1", "", kServer},
  };
  return presets;
}

const Preset* FindPreset(std::string_view name) {
  const auto found = std::ranges::find(Presets(), name, &Preset::name);
  return found == Presets().end() ? nullptr : &*found;
}

}  // namespace plumb::provider
