// What is in force for a request from its first byte to its last: one policy with its guards, the models and who answers
// for them, the keys. Immutable: a reload makes a new one, and every request keeps the one it began under. Private to
// this room.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "runtime/gateway/exchange.h"
#include "runtime/gateway/gateway.h"
#include "runtime/gateway/overlay.h"
#include "runtime/guard/aligned.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/llm_judge.h"

namespace plumb::gateway {

// The plain policy's stance, and what stands beside it.
struct InForce : Stance {
  std::shared_ptr<guard::Encoder> encoder;                      // shared with the one before where it is the same
  std::shared_ptr<guard::AlignedModel> aligned;                 // the same; null where the guard has none
  std::shared_ptr<guard::LlmJudge> judge;                       // null where there is none
  std::shared_ptr<ShadowEncoders> shadow_encoders;              // of shadows with a guard of their own
  Stances stances;                                              // under overlays, for arms and shadows
  std::vector<ModelRoute> models;                               // the first is the default
  std::map<std::string, std::shared_ptr<provider::Provider>> providers;  // by "local:MODEL" or the provider's name
  // Those of `models` with several targets or a cache, by name; and how their targets fare, over reloads too.
  std::map<std::string, std::shared_ptr<provider::Provider>> routes;
  std::map<std::string, std::shared_ptr<provider::TargetHealth>> health;
  provider::PriceList prices;
  KeyRing keys;
  std::string config_sha256;                                    // of plumb.yaml; empty where there is none
  std::map<std::string, std::pair<int64_t, int64_t>> examples;  // by clause, how many violate and how many do not
  bool passes = false;                                          // some route passes requests on as they are
  Time since;

  // {"policy":{"id","version","hash"},"guard","config","beside"}: what a reload's record names.
  json::object Identity() const;
};
using Force = std::shared_ptr<const InForce>;

// Makes one in two steps, since files are read where they hold nobody up and processes belong to the gateway's thread.
class ForceBuilder {
 public:
  // On the gateway's thread. `before` may be null; what is the same in it is kept: the encoder, local models.
  ForceBuilder(asio::any_io_executor executor, const FixedOptions& fixed, Force before)
      : executor_(std::move(executor)), fixed_(fixed), before_(std::move(before)) {}

  // Any thread, blocks: reads and checks the guard's folder. Errors: the guard's.
  Status ReadGuard(const ForceOptions& options);
  // The gateway's thread, at once: the processes of the encoder and the aligned model. Errors: kNotFound, kCorrupt.
  Status OpenModels(const ForceOptions& options);
  // Any thread, blocks: the guards.
  Status MakeGuards(const ForceOptions& options);
  // The gateway's thread, at once: providers and the rest. Errors: kInvalid (no model, no key beyond loopback), the
  // providers'.
  Result<Force> Finish(ForceOptions options);

 private:
  Status OpenProviders(const ForceOptions& options);
  Status OpenRoutes(const ForceOptions& options, const provider::OpenOptions& open);

  asio::any_io_executor executor_;
  const FixedOptions& fixed_;
  Force before_;
  std::shared_ptr<InForce> made_ = std::make_shared<InForce>();
  std::optional<guard::GuardRecord> record_;
};

// All four steps at once, for the start.
Result<Force> MakeForce(asio::any_io_executor executor, const FixedOptions& fixed, ForceOptions options);

}  // namespace plumb::gateway
