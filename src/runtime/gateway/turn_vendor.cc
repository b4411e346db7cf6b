#include "runtime/gateway/turn_vendor.h"

namespace plumb::gateway {
namespace {

// Where there was a choice of targets, the answer names the model that gave it, as vendors do for their own aliases.
void TakeTarget(Turn& turn, const std::string& target, const std::string& model, bool cached) {
  Exchange& exchange = turn.exchange;
  if (!target.empty()) {
    exchange.target = target;
    exchange.provider = target.substr(0, target.find(':'));
    if (!model.empty()) turn.head.model = model;
  }
  exchange.cached = cached;
  turn.out.headers.Set("x-plumb-target", exchange.target);
  if (cached) turn.out.headers.Set("x-plumb-cache", "hit");
}

}  // namespace

void PrepareAsk(Turn& turn) {
  provider::ChatRequest& request = turn.call.request;
  turn.exchange.attempts = request.attempts = std::make_shared<std::vector<provider::Attempt>>();
  request.scope = turn.exchange.key;
  request.fresh = turn.asked.headers.Get("cache-control").find("no-cache") != std::string_view::npos;
  request.gone = [&out = turn.out] { return out.PeerGone(); };
  // Marks of a vendor's own that decide how it reads the request.
  for (const char* name : {"anthropic-beta", "openai-beta"}) {
    if (const auto value = turn.asked.headers.Get(name); !value.empty()) request.headers.emplace_back(name, value);
  }
}

void TakeSpeaker(Turn& turn, const provider::ChatDelta& first) {
  if (!first.target.empty() || !first.model.empty() || first.cached) TakeTarget(turn, first.target, first.model, first.cached);
}

void TakeVendor(Turn& turn, const provider::ChatResponse& response) {
  if (!turn.out.started()) TakeTarget(turn, response.target, response.model, response.cached);
  Exchange& exchange = turn.exchange;
  exchange.cached = response.cached;
  exchange.cost = turn.force->prices.Cost(exchange.target, response);
}

void KeepAnswer(const Turn& turn, const provider::ChatResponse& response) {
  if (response.keep && turn.exchange.status == "ok" && turn.exchange.action <= guard::Action::kFlag) response.keep();
}

}  // namespace plumb::gateway
