// Completions from a server: anything that speaks OpenAI's /v1/completions and gives each token's log-probability (plumb-lm, vLLM,
// llama-cpp-python).
//
// The server must have the weights that are learned from. plumb-lm takes the adapter by its folder in the model's name; a server
// with vLLM's /v1/load_lora_adapter is given it by name; both read the folder, so they share this machine's files. Any other keeps
// the weights it has: that is only done where asked for (Sync::kNone), and the objective corrects for it as for any sampler that
// is not the trainer (online.h).
//
// Prompts go as text, and the server's own count of their tokens must be ours: a server with another tokenizer is refused. A
// completion's tokens are the ids the server names ("token_ids", "id", "token_id:7"), else the tokens' texts looked up in the
// vocabulary; there, a token that is part of a character ends what is known of its completion, which then counts as cut off.
#pragma once

#include <memory>

#include "base/net/address.h"
#include "model/lm/tokenizer.h"
#include "model/train/parameters.h"
#include "model/train/rollout.h"

namespace plumb::train {

class RemoteRoller : public Roller {
 public:
  enum class Sync { kAuto, kPlumb, kLora, kNone };
  struct Options {
    std::string url;      // "http://host:8000", with or without /v1, or "unix:/run/lm.sock"
    Sync sync = Sync::kAuto;
    std::string model;    // the base, as the job names it
    fs::path folder;      // adapters are handed over below it
    lm::Sampling sampling;
    int concurrency = 64;
  };
  // Asks the server what it is. Borrows tokenizer and parameters; `save` writes the adapter as it is now. Errors: kInvalid (an
  // address that is none; a server whose sync must be said), kUnavailable, kUnsupported.
  static Result<std::unique_ptr<RemoteRoller>> Connect(Options options, const lm::Tokenizer& tokenizer, const Parameters& parameters,
                                                       std::function<Status(const fs::path&)> save);
  ~RemoteRoller() override;

  // Hands over the adapter first, where it changed. Errors: kUnavailable, kCorrupt (an answer without log-probabilities, tokens
  // that the vocabulary has not), kInvalid (the server counts a prompt's tokens differently).
  Result<std::vector<Completion>> Roll(const std::vector<std::vector<int32_t>>& prompts, const std::vector<uint64_t>& seeds) override;
  bool Exact() const override { return false; }
  Sync sync() const { return options_.sync; }

 private:
  struct Wire;
  RemoteRoller(Options options, const lm::Tokenizer& tokenizer, const Parameters& parameters, std::function<Status(const fs::path&)> save);
  Status Detect();
  Status HandOver();
  Result<Completion> Read(const json::object& answer, size_t prompt_tokens) const;

  Options options_;
  const lm::Tokenizer& tokenizer_;
  const Parameters& parameters_;
  std::function<Status(const fs::path&)> save_;
  std::unique_ptr<Wire> wire_;
  std::string model_;      // as the server calls the weights to sample from
  at::Tensor handed_over_;  // the values it has
  int64_t generation_ = 0;
};

Result<RemoteRoller::Sync> ParseRolloutSync(std::string_view name);

}  // namespace plumb::train
