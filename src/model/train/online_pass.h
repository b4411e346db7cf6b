// Some completions as one batch. Private to the online objective.
#pragma once

#include "model/train/online.h"
#include "model/train/token_trie.h"

namespace plumb::train {

struct OnlineObjective::Pass {
  std::unique_ptr<TokenTrie> batch;
  Targets targets;              // of every completion's tokens, one completion after another
  std::vector<uint32_t> owner;  // of each target: the episode
};

}  // namespace plumb::train
