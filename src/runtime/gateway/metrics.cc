#include "runtime/gateway/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace plumb::gateway {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;
const Buckets kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
const Buckets kShort = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
      .Name("plumb_http_requests_total").Help("HTTP requests by route and status").Register(registry);
  prometheus::Family<prometheus::Histogram>& request_seconds = prometheus::BuildHistogram()
      .Name("plumb_http_request_seconds").Help("Time to the end of the answer").Register(registry);
  prometheus::Family<prometheus::Counter>& exchanges = prometheus::BuildCounter()
      .Name("plumb_exchanges_total").Help("Exchanges by what was done, the route's mode and how they ended").Register(registry);
  prometheus::Family<prometheus::Counter>& clauses = prometheus::BuildCounter()
      .Name("plumb_clause_fired_total").Help("Verdicts in which a clause fired").Register(registry);
  prometheus::Family<prometheus::Counter>& tokens = prometheus::BuildCounter()
      .Name("plumb_tokens_total").Help("Tokens as the providers count them").Register(registry);
  prometheus::Family<prometheus::Histogram>& first_text = prometheus::BuildHistogram()
      .Name("plumb_time_to_first_text_seconds").Help("From the request to the first text released").Register(registry);
  prometheus::Family<prometheus::Histogram>& guard = prometheus::BuildHistogram()
      .Name("plumb_guard_seconds").Help("Time the guard took for one text").Register(registry);
  prometheus::Family<prometheus::Histogram>& ledger = prometheus::BuildHistogram()
      .Name("plumb_ledger_append_seconds").Help("Time until an entry was on disk").Register(registry);
  prometheus::Family<prometheus::Gauge>& lm_up = prometheus::BuildGauge()
      .Name("plumb_lm_up").Help("Whether a plumb-lm process answers").Register(registry);
  prometheus::Family<prometheus::Gauge>& lm_starts = prometheus::BuildGauge()
      .Name("plumb_lm_starts").Help("How often a plumb-lm process was started").Register(registry);
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::CountRequest(const std::string& route, int status, double seconds) {
  state_->requests.Add({{"route", route}, {"status", std::to_string(status)}}).Increment();
  state_->request_seconds.Add({{"route", route}}, kSeconds).Observe(seconds);
}

void Metrics::CountExchange(const Exchange& exchange) {
  state_->exchanges
      .Add({{"action", std::string(policy::ActionName(exchange.action))}, {"mode", exchange.mode}, {"status", exchange.status}})
      .Increment();
  for (const auto& [direction, verdict] : {std::pair{"input", &exchange.input}, std::pair{"output", &exchange.output}}) {
    if (!*verdict) continue;
    for (const auto& [id, category] : (*verdict)->categories) {
      if (category.fired) state_->clauses.Add({{"clause", id}, {"direction", direction}}).Increment();
    }
  }
  const auto add = [&](const char* type, int64_t n) {
    state_->tokens.Add({{"provider", exchange.provider}, {"type", type}}).Increment(static_cast<double>(n));
  };
  add("input", exchange.usage.input_tokens);
  add("output", exchange.usage.output_tokens);
  if (exchange.first_text_ms > 0) {
    state_->first_text.Add({{"provider", exchange.provider}}, kSeconds).Observe(exchange.first_text_ms / 1000);
  }
}

void Metrics::ObserveGuard(const std::string& direction, double seconds) {
  state_->guard.Add({{"direction", direction}}, kShort).Observe(seconds);
}

void Metrics::ObserveLedger(double seconds) { state_->ledger.Add({}, kShort).Observe(seconds); }

void Metrics::SetLm(const std::string& process, bool up, int starts) {
  state_->lm_up.Add({{"process", process}}).Set(up);
  state_->lm_starts.Add({{"process", process}}).Set(starts);
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(state_->registry.Collect()); }

}  // namespace plumb::gateway
