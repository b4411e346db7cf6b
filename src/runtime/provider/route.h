// One name of plumb.yaml's `models`, opened: its targets, in order or by weight, and its cache.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/provider/breaker.h"
#include "runtime/provider/cache.h"
#include "runtime/provider/target.h"

namespace plumb::provider {

struct TargetConfig {
  std::string target;          // "openai:gpt-5-mini"; "openai:*" passes the name on
  double weight = 0;           // its share of first attempts; 0 on all: they are asked in order
  int64_t context_tokens = 0;  // what its model takes; 0: not said
  // In place of its provider's own limits:
  std::optional<Millis> connect, first_byte, first_token, idle, overall;
};

struct RouteConfig {
  std::string name;
  std::vector<TargetConfig> targets;
  std::optional<CachePolicy> cache;  // none: answers are not kept
};

// What the routes of one gateway share.
struct Opened {
  std::map<std::string, std::shared_ptr<Provider>> providers;    // by provider and limits; "local:MODEL"
  std::map<std::string, std::shared_ptr<TargetHealth>> health;   // by target
};

// A Failover over the targets, with a cache before it where one is wanted. `salt` stands for all that decides an answer
// beside the request: the policy's and the guard's hash. options.executor must be set. Errors: as OpenTarget.
Result<std::shared_ptr<Provider>> OpenRoute(const RouteConfig& config, const OpenOptions& options, const std::string& salt,
                                            Opened& opened);

}  // namespace plumb::provider
