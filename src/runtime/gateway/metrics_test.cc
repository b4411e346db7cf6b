#include "runtime/gateway/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "base/net/otlp.h"
#include "runtime/gateway/in_force.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

// The rules of `promtool check metrics` and of Prometheus' naming practices, over the text format.
std::vector<std::string> Lint(const std::string& text) {
  std::vector<std::string> wrong;
  std::map<std::string, std::string> types;
  std::set<std::string> helped;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("# HELP (\\S+) (.+)"))) helped.insert(match[1]);
    else if (std::regex_match(line, match, std::regex("# TYPE (\\S+) (\\S+)"))) types[match[1]] = match[2];
    else if (!std::regex_match(line, std::regex("[a-z][a-z0-9_]*(\\{([a-z_]+=\"[^\"]*\",?)+\\})? \\S+"))) wrong.push_back("line: " + line);
    if (std::regex_search(line, std::regex("(exc_|msg_|[0-9a-f]{32}|@)"))) wrong.push_back("an id in: " + line);
  }
  for (const auto& [name, type] : types) {
    const auto bad = [&, n = name](const char* why) { wrong.push_back(n + ": " + why); };
    if (!helped.contains(name)) bad("no help");
    if (!name.starts_with("plumb_")) bad("no application prefix");
    if (type == "counter" && !name.ends_with("_total")) bad("a counter must end in _total");
    if (type != "counter" && name.ends_with("_total")) bad("only counters end in _total");
    if (std::regex_search(name, std::regex("_(ms|milliseconds|microseconds|minutes|hours|kb|mb|percent)(_|$)"))) bad("not a base unit");
    if (std::regex_search(name, std::regex("_(counter|gauge|histogram|summary)(_|$)"))) bad("the type in the name");
    if (std::regex_search(name, std::regex("_(bucket|count|sum)$"))) bad("a reserved suffix");
    if (std::regex_search(name, std::regex("__|_$"))) bad("underscores");
  }
  return wrong;
}

Exchange Made(const std::string& route, const std::string& provider) {
  Exchange exchange;
  exchange.id = "exc_01";
  exchange.route = route;
  exchange.provider = provider;
  exchange.mode = "enforce";
  exchange.usage = {.input_tokens = 7, .output_tokens = 5, .cached_input_tokens = 3, .reasoning_tokens = 2};
  exchange.cost = 2'500'000'000;  // a quarter of a cent
  exchange.attempts = std::make_shared<std::vector<provider::Attempt>>(std::vector<provider::Attempt>{{.target = "openai:gpt", .outcome = "ok"}});
  exchange.first_text_ms = 12;
  exchange.provider_ms = 40;
  exchange.provider_first_ms = 10;
  exchange.chunks.Add(0.003);
  exchange.chunks.Add(0.3);
  guard::Verdict verdict;
  verdict.categories["cards"].fired = true;
  verdict.detectors["patterns"] = {guard::DetectorStatus::kOk, 0.02, false, ""};
  verdict.detectors["encoder"] = {guard::DetectorStatus::kNotRun, 0, false, "down"};
  exchange.input = verdict;
  return exchange;
}

InForce Seven() {
  InForce force;
  force.policy.id = "shop";
  force.policy.version = "7";
  return force;
}

TEST(Metrics, KeepToPrometheusNaming) {
  Metrics metrics;
  metrics.CountRequest("/v1/chat/completions", 200, 0.05);
  metrics.CountExchange(Made("gpt-*", "openai"));
  metrics.ObserveGuard("input", 0.001);
  metrics.ObserveLedger(0.001);
  metrics.CountReload("ok");
  metrics.Begin();
  metrics.SetLm("encoder", true, 2);
  metrics.SetInForce(Seven(), "0.1.0");
  metrics.SetConnections(3);
  metrics.SetGuardHealth({{"drift", "more"}}, {{"encoder", "input", 40, 2, 4, ""}});
  metrics.SetOtlp({.sent = 4, .dropped = 1});
  const std::string text = metrics.Text();
  EXPECT_TRUE(Lint(text).empty()) << Join(Lint(text), "\n") << "\n" << text;
  EXPECT_THAT(text, HasSubstr("plumb_tokens_total{model=\"gpt-*\",provider=\"openai\",type=\"cached_input\"} 3"));
  EXPECT_THAT(text, HasSubstr("plumb_provider_chunk_seconds_count{provider=\"openai\"} 2"));
  EXPECT_THAT(text, HasSubstr("plumb_guard_detector_runs_total{detector=\"encoder\",direction=\"input\",status=\"not_run\"} 1"));
  EXPECT_THAT(text, HasSubstr("plumb_cost_usd_total{model=\"gpt-*\",provider=\"openai\"} 0.0025"));
  EXPECT_THAT(text, HasSubstr("plumb_provider_attempts_total{outcome=\"ok\",provider=\"openai\"} 1"));
  EXPECT_THAT(text, HasSubstr("plumb_guard_stale{reason=\"drift\"} 1"));
  EXPECT_THAT(text, HasSubstr("plumb_guard_stale{reason=\"age\"} 0"));
  EXPECT_THAT(text, HasSubstr("plumb_guard_drift_evidence_ratio{direction=\"input\",stack=\"encoder\"} 0.5"));
  EXPECT_THAT(text, HasSubstr("plumb_otlp_items_total{result=\"dropped\"} 1"));
}

TEST(Metrics, TheLintFindsWhatItIsFor) {
  EXPECT_FALSE(Lint("# HELP plumb_x X\n# TYPE plumb_x counter\nplumb_x 1\n").empty());
  EXPECT_FALSE(Lint("# HELP plumb_x_ms X\n# TYPE plumb_x_ms gauge\nplumb_x_ms 1\n").empty());
  EXPECT_FALSE(Lint("# HELP plumb_x_total X\n# TYPE plumb_x_total counter\nplumb_x_total{id=\"exc_01\"} 1\n").empty());
  EXPECT_TRUE(Lint("# HELP plumb_x_total X\n# TYPE plumb_x_total counter\nplumb_x_total{route=\"other\"} 1\n").empty());
}

TEST(Metrics, LabelsAreBoundedWhateverComes) {
  Metrics metrics;
  for (int i = 0; i < 5000; ++i) metrics.CountExchange(Made(fmt::format("m{}", i), "openai"));
  const std::string text = metrics.Text();
  size_t series = 0;
  for (size_t at = 0; (at = text.find("plumb_provider_seconds_count{", at)) != std::string::npos; ++at) ++series;
  EXPECT_LE(series, 1001u);
  EXPECT_THAT(text, HasSubstr("plumb_provider_seconds_count{model=\"other\",provider=\"other\"} 4000"));
}

TEST(Metrics, OnePolicyIsInForceAtATime) {
  Metrics metrics;
  InForce force = Seven();
  metrics.SetInForce(force, "0.1.0");
  force.policy.version = "8";
  metrics.SetInForce(force, "0.1.0");
  EXPECT_THAT(metrics.Text(), HasSubstr("plumb_policy_info{policy=\"shop\",version=\"8\"} 1"));
  EXPECT_THAT(metrics.Text(), Not(HasSubstr("version=\"7\"")));
}

TEST(Spread, CountsLikeAHistogram) {
  Spread spread;
  spread.Add(Spread::kBounds[0]);
  spread.Add(1e9);
  EXPECT_EQ(spread.counts.front(), 1u) << "a bucket holds what is at most its bound";
  EXPECT_EQ(spread.counts.back(), 1u);
  EXPECT_EQ(spread.total, 2u);
}

}  // namespace
}  // namespace plumb::gateway
