#include "runtime/gateway/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>

#include "base/net/otlp.h"
#include "runtime/gateway/in_force.h"
#include "runtime/gateway/metrics_series.h"
#include "runtime/provider/breaker.h"
#include "runtime/provider/cost.h"

namespace plumb::gateway {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;
const Buckets kSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
const Buckets kShort = {0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};
const Buckets kTokens = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576};

// A counter whose value is read off something that counts by itself.
void RaiseTo(prometheus::Counter& counter, double value) {
  if (value > counter.Value()) counter.Increment(value - counter.Value());
}

}  // namespace

struct Metrics::State {
  prometheus::Registry registry;

  Counters Count(const char* name, const char* help, std::vector<std::string> labels) {
    return {prometheus::BuildCounter().Name(name).Help(help).Register(registry), std::move(labels)};
  }
  Gauges Gauge(const char* name, const char* help, std::vector<std::string> labels) {
    return {prometheus::BuildGauge().Name(name).Help(help).Register(registry), std::move(labels)};
  }
  Histograms Time(const char* name, const char* help, std::vector<std::string> labels, const Buckets& buckets) {
    return {prometheus::BuildHistogram().Name(name).Help(help).Register(registry), std::move(labels), buckets};
  }

  Counters requests = Count("plumb_http_requests_total", "HTTP requests by route and status", {"route", "status"});
  Histograms request_seconds = Time("plumb_http_request_seconds", "Time to the end of the answer", {"route"}, kSeconds);
  Counters exchanges = Count("plumb_exchanges_total", "Exchanges by what was done, the route's mode and how they ended",
                             {"action", "mode", "status"});
  Gauges in_progress = Gauge("plumb_exchanges_in_progress", "Exchanges that have begun and not ended", {});
  Counters clauses = Count("plumb_clause_fired_total", "Verdicts in which a clause fired", {"clause", "direction"});
  Counters tokens = Count("plumb_tokens_total", "Tokens as the providers count them", {"model", "provider", "type"});
  Histograms token_usage = Time("plumb_exchange_tokens", "Tokens of one exchange", {"model", "type"}, kTokens);
  Counters cost = Count("plumb_cost_usd_total", "What answers cost by the configured prices", {"model", "provider"});
  Counters cached = Count("plumb_cached_answers_total", "Answers given from our own cache", {"model"});
  Counters attempts = Count("plumb_provider_attempts_total", "Askings of a provider, by what came of them", {"provider", "outcome"});
  Histograms first_text = Time("plumb_time_to_first_text_seconds", "From the request to the first text released", {"provider"}, kSeconds);
  Histograms provider_seconds = Time("plumb_provider_seconds", "From asking the provider to the end of its answer", {"model", "provider"}, kSeconds);
  Histograms provider_first = Time("plumb_provider_first_chunk_seconds", "From asking the provider to the first piece of its stream",
                                   {"model", "provider"}, kSeconds);
  Histograms chunk_seconds = Time("plumb_provider_chunk_seconds", "Between two pieces of a provider's stream", {"provider"},
                                  Buckets(std::begin(Spread::kBounds), std::end(Spread::kBounds)));
  Histograms guard = Time("plumb_guard_seconds", "Time the guard took for one text", {"direction"}, kShort);
  Histograms detector = Time("plumb_guard_detector_seconds", "Time one tier of the guard took for one text", {"detector", "direction"}, kShort);
  Counters detector_runs = Count("plumb_guard_detector_runs_total", "Texts a tier of the guard was asked about, by what came of it",
                                 {"detector", "direction", "status"});
  Gauges guard_stale = Gauge("plumb_guard_stale", "1 where the guard's thresholds are stale for this reason", {"reason"});
  Gauges drift_texts = Gauge("plumb_guard_drift_texts", "Texts whose score was held against the calibration texts'", {"direction", "stack"});
  Gauges drift_evidence = Gauge("plumb_guard_drift_evidence_ratio", "Largest evidence that traffic drifted, as a share of what raises the alarm", {"direction", "stack"});
  Histograms ledger = Time("plumb_ledger_append_seconds", "Time until an entry was on disk", {}, kShort);
  Counters unrecorded = Count("plumb_unrecorded_exchanges_total", "Exchanges that the ledger could not take, by what was done", {"result"});
  Counters shadows = Count("plumb_shadow_verdicts_total", "What shadow policies said, against what was done", {"policy", "result"});
  Counters reloads = Count("plumb_reloads_total", "Reloads of policy and configuration by what became of them", {"result"});
  Gauges reload_good = Gauge("plumb_last_reload_successful", "0 where the newest reload was refused and what was in force stayed", {});
  Gauges lm_up = Gauge("plumb_lm_up", "Whether a plumb-lm process answers", {"process"});
  Counters lm_starts = Count("plumb_lm_starts_total", "How often a plumb-lm process was started", {"process"});
  Gauges breaker = Gauge("plumb_breaker_state", "Which state a target's circuit breaker is in", {"target", "state"});
  Counters breaker_opened = Count("plumb_breaker_opened_total", "How often a target's circuit breaker opened", {"target"});
  Gauges connections = Gauge("plumb_open_connections", "Connections that are open", {});
  Gauges in_force_since = Gauge("plumb_in_force_timestamp_seconds", "Since when policy, guard and configuration are in force", {});
  prometheus::Family<prometheus::Gauge>& policy_info = prometheus::BuildGauge()
      .Name("plumb_policy_info").Help("The policy in force").Register(registry);
  Gauges build_info = Gauge("plumb_build_info", "The program's version", {"version"});
  Counters otlp_items = Count("plumb_otlp_items_total", "Spans and events for the collector, by what became of them", {"result"});
  Counters otlp_failures = Count("plumb_otlp_request_failures_total", "Requests to the collector that failed", {});
  Gauges otlp_waiting = Gauge("plumb_otlp_queue_length", "Spans and events that wait to be sent", {});

  prometheus::Gauge* policy_series = nullptr;
  std::string policy_shown;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::CountRequest(std::string_view route, int status, double seconds) {
  state_->requests.At({route, std::to_string(status)}).Increment();
  state_->request_seconds.At({route}).Observe(seconds);
}

void Metrics::CountExchange(const Exchange& exchange) {
  State& s = *state_;
  s.exchanges.At({policy::ActionName(exchange.action), exchange.mode, exchange.status}).Increment();
  for (const auto& [direction, verdict] : {std::pair{"input", &exchange.input}, std::pair{"output", &exchange.output}}) {
    if (!*verdict) continue;
    for (const auto& [id, category] : (*verdict)->categories) {
      if (category.fired) s.clauses.At({id, direction}).Increment();
    }
    for (const auto& [name, report] : (*verdict)->detectors) {
      const std::string_view status = report.skipped ? "skipped" : guard::DetectorStatusName(report.status);
      s.detector_runs.At({name, direction, status}).Increment();
      if (status == "ok") s.detector.At({name, direction}).Observe(report.ms / 1000);
    }
  }
  const provider::Usage& usage = exchange.usage;
  const std::pair<std::string_view, int64_t> counts[] = {{"input", usage.input_tokens},
                                                         {"output", usage.output_tokens},
                                                         {"cached_input", usage.cached_input_tokens},
                                                         {"cache_creation_input", usage.cache_creation_input_tokens},
                                                         {"reasoning", usage.reasoning_tokens}};
  for (const auto& [type, n] : counts) {
    if (n <= 0) continue;
    s.tokens.At({exchange.route, exchange.provider, type}).Increment(static_cast<double>(n));
    if (type == "input" || type == "output") s.token_usage.At({exchange.route, type}).Observe(static_cast<double>(n));
  }
  if (exchange.cost) s.cost.At({exchange.route, exchange.provider}).Increment(static_cast<double>(*exchange.cost) / provider::kPicodollarsPerDollar);
  if (exchange.cached) s.cached.At({exchange.route}).Increment();
  if (exchange.attempts) {
    for (const provider::Attempt& attempt : *exchange.attempts) {
      s.attempts.At({std::string_view(attempt.target).substr(0, attempt.target.find(':')), attempt.outcome}).Increment();
    }
  }
  if (exchange.first_text_ms > 0) s.first_text.At({exchange.provider}).Observe(exchange.first_text_ms / 1000);
  if (exchange.provider_ms > 0) s.provider_seconds.At({exchange.route, exchange.provider}).Observe(exchange.provider_ms / 1000);
  if (exchange.provider_first_ms > 0) s.provider_first.At({exchange.route, exchange.provider}).Observe(exchange.provider_first_ms / 1000);
  if (exchange.chunks.total > 0) {
    const std::vector<double> buckets(exchange.chunks.counts.begin(), exchange.chunks.counts.end());
    s.chunk_seconds.At({exchange.provider}).ObserveMultiple(buckets, exchange.chunks.sum);
  }
}

void Metrics::ObserveGuard(std::string_view direction, double seconds) { state_->guard.At({direction}).Observe(seconds); }

void Metrics::ObserveLedger(double seconds) { state_->ledger.At({}).Observe(seconds); }

void Metrics::CountUnrecorded(std::string_view result) { state_->unrecorded.At({result}).Increment(); }

void Metrics::CountShadow(std::string_view policy, std::string_view result) { state_->shadows.At({policy, result}).Increment(); }

void Metrics::CountReload(std::string_view result) {
  state_->reloads.At({result}).Increment();
  state_->reload_good.At({}).Set(result != "refused");
}

void Metrics::Begin() { state_->in_progress.At({}).Increment(); }
void Metrics::End() { state_->in_progress.At({}).Decrement(); }

void Metrics::SetLm(std::string_view process, bool up, int starts) {
  state_->lm_up.At({process}).Set(up);
  RaiseTo(state_->lm_starts.At({process}), starts);
}

void Metrics::SetInForce(const InForce& force, std::string_view version) {
  State& s = *state_;
  s.in_force_since.At({}).Set(std::chrono::duration<double>(force.since.time_since_epoch()).count());
  s.build_info.At({version}).Set(1);
  // One policy is in force at a time: what the one before was called is not told for ever.
  const std::string shown = fmt::format("{} {}", force.policy.id, force.policy.version);
  if (shown == s.policy_shown) return;
  if (s.policy_series) s.policy_info.Remove(s.policy_series);
  s.policy_series = &s.policy_info.Add({{"policy", force.policy.id}, {"version", force.policy.version}});
  s.policy_series->Set(1);
  s.policy_shown = shown;
}

void Metrics::SetGuardHealth(const std::vector<guard::Stale>& stale, const std::vector<guard::DriftWatch::State>& drift) {
  for (const std::string_view reason : {"age", "policy", "detectors", "drift"})
    state_->guard_stale.At({reason}).Set(std::any_of(stale.begin(), stale.end(), [&](const guard::Stale& one) { return one.reason == reason; }));
  for (const guard::DriftWatch::State& one : drift) {
    state_->drift_texts.At({one.direction, one.stack}).Set(static_cast<double>(one.texts));
    state_->drift_evidence.At({one.direction, one.stack}).Set(one.evidence / one.alarm_at);
  }
}

void Metrics::SetBreakers(const std::map<std::string, std::shared_ptr<provider::TargetHealth>>& targets) {
  using State = provider::Breaker::State;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [target, health] : targets) {
    const State is = health->breaker.state(now);
    for (const State state : {State::kClosed, State::kOpen, State::kHalfOpen}) {
      state_->breaker.At({target, provider::BreakerStateName(state)}).Set(is == state);
    }
    RaiseTo(state_->breaker_opened.At({target}), health->breaker.opened());
  }
}

void Metrics::SetConnections(size_t open) { state_->connections.At({}).Set(static_cast<double>(open)); }

void Metrics::SetOtlp(const net::OtlpStats& stats) {
  State& s = *state_;
  RaiseTo(s.otlp_items.At({"sent"}), static_cast<double>(stats.sent));
  RaiseTo(s.otlp_items.At({"dropped"}), static_cast<double>(stats.dropped));
  RaiseTo(s.otlp_items.At({"refused"}), static_cast<double>(stats.refused));
  RaiseTo(s.otlp_failures.At({}), static_cast<double>(stats.failures));
  s.otlp_waiting.At({}).Set(static_cast<double>(stats.waiting));
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(state_->registry.Collect()); }

}  // namespace plumb::gateway
