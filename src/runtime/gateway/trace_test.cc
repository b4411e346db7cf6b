// What a gateway tells its collector and its log, seen from the other side.
#include <gmock/gmock.h>

#include <mutex>

#include "base/net/otlp_sink_test.h"
#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using net::OtlpSink;
using testing::HasSubstr;
using testing::Not;

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";

class TraceTest : public GatewayTest {
 protected:
  void Configure(GatewayOptions& options) override {
    options.telemetry.endpoint = sink_.url();
    options.telemetry.headers_env = "COLLECTOR";
    options.telemetry.interval = 20ms;
    options.telemetry.content = content_;
    options.telemetry.sample = sample_;
    options.telemetry.guardrails = guardrails_;
    options.environment = [](const std::string& name) { return name == "COLLECTOR" ? "x-key=collector-secret" : ""; };
    options.log_level = LogLevel::kInfo;
    options.log = [this](const LogLine& line) {
      std::lock_guard lock(mutex_);
      lines_.push_back(LogText(line, Time(), true));
    };
  }
  // The next start's settings; the fixture has started once already.
  void Again(bool content, double sample, Guardrails guardrails) {
    Stop();
    content_ = content;
    sample_ = sample;
    guardrails_ = guardrails;
    Start();
  }
  net::ClientResponse Ask(const std::string& text, bool stream = false, const std::string& traceparent = "") {
    const json::value body = {{"model", "mock"}, {"stream", stream}, {"temperature", 0.5},
                              {"messages", json::array{json::object{{"role", "user"}, {"content", text}}}}};
    net::Headers headers;
    headers.Set("authorization", "Bearer " + key_);
    if (!traceparent.empty()) headers.Set("traceparent", traceparent);
    return Send("POST", "/v1/chat/completions", ToJson(body), std::move(headers));
  }
  json::object SpanNamed(const std::string& name) {
    json::object found;
    EXPECT_TRUE(sink_.Until([&] {
      for (const json::object& span : sink_.spans()) {
        if (std::string_view(span.at("name").as_string()) == name) found = span;
      }
      return !found.empty();
    })) << name;
    return found;
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mutex_);
    return lines_;
  }

  OtlpSink sink_;
  bool content_ = false;
  double sample_ = 1;
  Guardrails guardrails_ = Guardrails::kOff;
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(TraceTest, ATraceOfAnExchange) {
  const auto answer = Ask("hello there", false, fmt::format("00-{}-00f067aa0ba902b7-01", kTrace));
  const json::object server = SpanNamed("POST /v1/chat/completions");
  const json::object client = SpanNamed("chat mock-1");
  EXPECT_EQ(server.at("traceId").as_string(), kTrace);
  EXPECT_EQ(server.at("parentSpanId").as_string(), "00f067aa0ba902b7");
  EXPECT_EQ(server.at("kind").as_int64(), 2);
  EXPECT_EQ(OtlpSink::Attribute(server, "plumb.exchange.id"), answer.headers.Get("x-plumb-exchange"));
  EXPECT_EQ(OtlpSink::Attribute(server, "http.response.status_code"), "200");
  EXPECT_EQ(client.at("traceId").as_string(), kTrace);
  EXPECT_EQ(client.at("parentSpanId"), server.at("spanId"));
  EXPECT_EQ(client.at("kind").as_int64(), 3);
  EXPECT_EQ(OtlpSink::Attribute(client, "gen_ai.operation.name"), "chat");
  EXPECT_EQ(OtlpSink::Attribute(client, "gen_ai.provider.name"), "vendor");
  EXPECT_EQ(OtlpSink::Attribute(client, "gen_ai.request.model"), "mock-1");
  EXPECT_EQ(OtlpSink::Attribute(client, "gen_ai.request.temperature"), "5E-1");
  EXPECT_EQ(OtlpSink::Attribute(client, "gen_ai.usage.input_tokens"), "7");
  EXPECT_THAT(OtlpSink::Attribute(client, "gen_ai.response.finish_reasons"), HasSubstr("stop"));
  EXPECT_TRUE(sink_.problems().empty()) << Join(sink_.problems(), "\n");
  EXPECT_EQ(sink_.header("x-key"), "collector-secret");
  // Whoever answers is told the same trace, under our span.
  const std::string sent = std::string(vendor_.seen().back().headers.Get("traceparent"));
  EXPECT_EQ(sent, fmt::format("00-{}-{}-01", kTrace, std::string_view(client.at("spanId").as_string())));
}

TEST_F(TraceTest, AStreamTellsItsFirstChunk) {
  Ask("one two three four", true);
  const json::object client = SpanNamed("chat mock-1");
  EXPECT_EQ(OtlpSink::Attribute(client, "gen_ai.request.stream"), "true");
  EXPECT_NE(OtlpSink::Attribute(client, "gen_ai.response.time_to_first_chunk"), "");
  const std::string metrics = Send("GET", "/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("plumb_provider_first_chunk_seconds_count{model=\"mock\",provider=\"vendor\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("plumb_provider_chunk_seconds_count{provider=\"vendor\"}"));
  EXPECT_THAT(metrics, HasSubstr("plumb_exchanges_in_progress 0"));
}

TEST_F(TraceTest, NoTextIsToldUnlessItIsWanted) {
  vendor_.Say("the answer is violet");
  Ask("the question is crimson");
  SpanNamed("chat mock-1");
  ASSERT_TRUE(sink_.Until([&] { return sink_.events().size() >= 2; }));
  std::string all = Join(lines(), "");
  for (const json::object& item : sink_.spans()) all += ToJson(item);
  for (const json::object& item : sink_.events()) all += ToJson(item);
  EXPECT_THAT(all, Not(HasSubstr("crimson")));
  EXPECT_THAT(all, Not(HasSubstr("violet")));
  EXPECT_THAT(all, Not(HasSubstr(key_)));
  EXPECT_THAT(all, HasSubstr("gen_ai.evaluation.result"));
  Again(true, 1, Guardrails::kOff);
  Ask("the question is crimson");
  ASSERT_TRUE(sink_.Until([&] {
    for (const json::object& event : sink_.events()) {
      if (event.at("eventName") == "gen_ai.client.inference.operation.details") return true;
    }
    return false;
  }));
  all.clear();
  for (const json::object& item : sink_.events()) all += ToJson(item);
  EXPECT_THAT(all, HasSubstr("crimson"));
  EXPECT_THAT(all, HasSubstr("violet"));
}

TEST_F(TraceTest, GuardrailSpansUnderEitherOfTheProposalsNames) {
  Again(false, 1, Guardrails::kSecurity);
  Ask("SECRET-1234");
  json::object span = SpanNamed("run_guardrail plumb.input");
  EXPECT_EQ(OtlpSink::Attribute(span, "gen_ai.security.verdict.type"), "deny");
  EXPECT_EQ(OtlpSink::Attribute(span, "gen_ai.security.action.type"), "block");
  EXPECT_EQ(OtlpSink::Attribute(span, "gen_ai.security.policy.rule.id"), "keys");
  EXPECT_EQ(span.at("kind").as_int64(), 1);
  ASSERT_TRUE(sink_.Until([&] {
    for (const json::object& event : sink_.events()) {
      if (event.at("eventName") == "gen_ai.security.finding") return true;
    }
    return false;
  }));
  Again(false, 1, Guardrails::kGuardrail);
  const size_t before = sink_.spans().size();
  Ask(std::string("my card is ") + kCard);
  ASSERT_TRUE(sink_.Until([&] { return sink_.spans().size() >= before + 2; }));
  span = SpanNamed("run_guardrail plumb.input");
  EXPECT_EQ(OtlpSink::Attribute(span, "gen_ai.guardrail.security.policy.rule.id"), "cards");
  EXPECT_EQ(OtlpSink::Attribute(span, "gen_ai.guardrail.verdict.type"), "deny");
  EXPECT_TRUE(sink_.problems().empty()) << Join(sink_.problems(), "\n");
}

TEST_F(TraceTest, WhatTheCallerDoesNotSampleIsNotSent) {
  Ask("hello", false, fmt::format("00-{}-00f067aa0ba902b7-00", kTrace));
  Ask("hello");
  SpanNamed("chat mock-1");
  for (const json::object& span : sink_.spans()) EXPECT_NE(span.at("traceId").as_string(), kTrace);
}

TEST_F(TraceTest, MetricsOfTheConventions) {
  Ask("one two three", true);
  Stop();  // the last batch is sent
  std::set<std::string> names;
  for (const json::object& metric : sink_.metrics()) names.emplace(metric.at("name").as_string());
  for (const char* name : {"gen_ai.client.operation.duration", "gen_ai.client.token.usage", "gen_ai.client.operation.time_to_first_chunk",
                           "gen_ai.client.operation.time_per_output_chunk"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_TRUE(sink_.problems().empty()) << Join(sink_.problems(), "\n");
  Start();
}

TEST_F(TraceTest, OneLineAnExchange) {
  Ask("hello there");
  Ask("SECRET-1234");
  ASSERT_TRUE(sink_.Until([&] { return lines().size() >= 2; }));
  ASSERT_EQ(lines().size(), 2u);
  const json::object line = ParseJson(lines()[1])->as_object();
  EXPECT_EQ(line.at("message").as_string(), "exchange");
  EXPECT_EQ(line.at("action").as_string(), "block");
  EXPECT_EQ(line.at("clause").as_string(), "keys");
  EXPECT_EQ(line.at("http_status").as_int64(), 200);
  EXPECT_THAT(lines()[0] + lines()[1], Not(HasSubstr("hello")));
  EXPECT_THAT(lines()[0] + lines()[1], Not(HasSubstr("SECRET")));
}

TEST_F(TraceTest, ADeadCollectorCostsNothing) {
  Stop();
  sink_.Refuse(503, 1'000'000);
  Start();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Ask("hello").status, 200);
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_otlp_queue_length"));
}

TEST(Log, TextAndJson) {
  const LogLine line{LogLevel::kInfo, "exchange", {{"id", "exc_1"}, {"why", "a b"}, {"n", 3}, {"ms", {{"total", 1.5}}}}};
  EXPECT_EQ(LogText(line, Time(), false), "1970-01-01T00:00:00.000Z info exchange id=exc_1 why=\"a b\" n=3 ms.total=1.5E0\n");
  EXPECT_EQ(LogText(line, Time(), true),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"message\":\"exchange\",\"id\":\"exc_1\",\"why\":\"a b\",\"n\":3,"
            "\"ms\":{\"total\":1.5E0}}\n");
}

TEST(Log, WritesWhatItIsAskedForAndDropsTheRest) {
  std::FILE* file = std::tmpfile();
  {
    Log log({.json = true, .level = LogLevel::kWarn}, file);
    log.Write({LogLevel::kInfo, "not this", {}});
    log.Write({LogLevel::kError, "this", {}});
  }
  std::rewind(file);
  char buffer[512] = {};
  const size_t n = std::fread(buffer, 1, sizeof buffer - 1, file);
  std::fclose(file);
  EXPECT_THAT(std::string(buffer, n), HasSubstr("\"this\""));
  EXPECT_THAT(std::string(buffer, n), Not(HasSubstr("not this")));
}

}  // namespace
}  // namespace plumb::gateway
