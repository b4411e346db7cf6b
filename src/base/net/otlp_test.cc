#include "base/net/otlp.h"

#include <gtest/gtest.h>

#include "base/net/net_fixture_test.h"
#include "base/net/otlp_sink_test.h"

namespace plumb::net {
namespace {

TEST(Traceparent, IsReadAndWritten) {
  const auto context = ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(WriteTraceparent(*context), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  // A later version may say more behind what this one knows.
  EXPECT_TRUE(ParseTraceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-what-comes"));
  EXPECT_FALSE(ParseTraceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->sampled);
}

TEST(Traceparent, WrongOnesAreAsIfTheyWereNotThere) {
  for (const char* wrong : {"", "x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
                            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(ParseTraceparent(wrong)) << wrong;
  }
}

TEST(Sampling, FollowsTheCallerAndOtherwiseTheShare) {
  SpanContext caller{"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", true, "v=1"};
  const SpanContext child = ChildOf(caller, 0);
  EXPECT_TRUE(child.sampled);
  EXPECT_EQ(child.trace_id, caller.trace_id);
  EXPECT_NE(child.span_id, caller.span_id);
  EXPECT_EQ(child.state, "v=1");
  int sampled = 0;
  for (int i = 0; i < 2000; ++i) sampled += ChildOf({}, 0.25).sampled;
  EXPECT_NEAR(sampled, 500, 120);
  EXPECT_FALSE(ChildOf({}, 0).sampled);
  EXPECT_TRUE(ChildOf({}, 1).sampled);
}

TEST(Meter, BucketsCountWhatIsAtMostTheirBound) {
  Meter meter{Time()};
  const Instrument duration{"d", "s", "", {1, 2}};
  for (const double value : {0.5, 1.0, 1.5, 2.0, 7.0}) meter.Record(duration, {{"a", std::string("x")}}, value);
  const auto read = meter.Read();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read[0].series[0].buckets, (std::vector<uint64_t>{2, 2, 1}));
  EXPECT_DOUBLE_EQ(read[0].series[0].sum, 12);
}

TEST(Meter, SeriesAreBounded) {
  Meter meter{Time()};
  for (int i = 0; i < 5000; ++i) meter.Record({"c", "1", "", {}}, {{"id", std::to_string(i)}}, 1);
  const auto read = meter.Read();
  EXPECT_LE(read[0].series.size(), Meter::kSeriesLimit + 1);
  double sum = 0;
  for (const auto& series : read[0].series) sum += series.sum;
  EXPECT_DOUBLE_EQ(sum, 5000) << "what is beyond the limit is summed, not lost";
}

TEST(OtlpHeaders, AsTheEnvironmentHoldsThem) {
  const auto headers = ParseOtlpHeaders("api-key=abc%3D, x-team = a ");
  ASSERT_TRUE(headers);
  EXPECT_EQ(headers->Get("api-key"), "abc=");
  EXPECT_EQ(headers->Get("x-team"), "a");
  const auto wrong = ParseOtlpHeaders("secretvalue");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().Text().find("secretvalue"), std::string::npos);
}

Span Sampled(int i) {
  Span span;
  span.context = ChildOf({}, 1);
  span.name = fmt::format("span {}", i);
  span.start = span.end = Time(std::chrono::seconds(1'700'000'000));
  span.attributes = {{"i", int64_t{i}}, {"text", std::string("\xff")}, {"list", std::vector<std::string>{"a"}}, {"yes", true}, {"x", 0.5}};
  return span;
}

OtlpOptions Fast(const OtlpSink& sink) {
  OtlpOptions options;
  options.endpoint = sink.url();
  options.headers = {{"x-key", "k"}};
  options.resource = {{"service.name", std::string("test")}};
  options.interval = 20ms;
  options.metrics_interval = 20ms;
  options.first_wait = 20ms;
  return options;
}

TEST(Otlp, WhatArrivesIsWellFormed) {
  OtlpSink sink;
  auto exporter = OtlpExporter::Start(Fast(sink));
  ASSERT_TRUE(exporter);
  for (int i = 0; i < 1000; ++i) (*exporter)->Add(Sampled(i));
  Span unsampled = Sampled(0);
  unsampled.context.sampled = false;
  (*exporter)->Add(std::move(unsampled));
  Event event;
  event.name = "gen_ai.evaluation.result";
  event.time = Time(std::chrono::seconds(1));
  (*exporter)->Add(std::move(event));
  (*exporter)->meter().Record({"d", "s", "time", {1, 2}}, {}, 1.5);
  (*exporter)->meter().Record({"c", "{token}", "count", {}}, {{"type", std::string("input")}}, 3);
  ASSERT_TRUE(sink.Until([&] { return sink.spans().size() == 1000 && !sink.events().empty() && sink.metrics().size() >= 2; }));
  EXPECT_TRUE(sink.problems().empty()) << Join(sink.problems(), "\n");
  EXPECT_GE(sink.requests(), 4u) << "at most 512 a batch";
  EXPECT_EQ(sink.header("x-key"), "k");
  EXPECT_EQ((*exporter)->stats().sent, 1001u);
}

TEST(Otlp, ACollectorThatIsDownIsHarmless) {
  OtlpOptions options;
  options.endpoint = "http://127.0.0.1:1";
  options.queue_limit = 100;
  options.interval = 5ms;
  options.first_wait = 5ms;
  options.attempts = 2;
  auto exporter = OtlpExporter::Start(options);
  ASSERT_TRUE(exporter);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 100'000; ++i) {
    Span span;
    span.context.sampled = true;
    (*exporter)->Add(std::move(span));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  const OtlpStats stats = (*exporter)->stats();
  EXPECT_GT(stats.dropped, 0u);
  EXPECT_LE(stats.waiting, 100u);
  const auto closing = std::chrono::steady_clock::now();
  (*exporter)->Close(200ms);
  exporter->reset();
  EXPECT_LT(std::chrono::steady_clock::now() - closing, 5s);
}

TEST(Otlp, ABusyCollectorIsAskedAgain) {
  OtlpSink sink;
  sink.Refuse(503, 2);
  auto exporter = OtlpExporter::Start(Fast(sink));
  (*exporter)->Add(Sampled(1));
  ASSERT_TRUE(sink.Until([&] { return sink.spans().size() == 1; }));
  EXPECT_EQ((*exporter)->stats().refused, 0u);
  // What it will never take is not sent again.
  sink.Refuse(400, 1);
  (*exporter)->Add(Sampled(2));
  for (int i = 0; i < 200 && (*exporter)->stats().refused == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ((*exporter)->stats().refused, 1u);
}

TEST(Otlp, ClosingSendsWhatWaits) {
  OtlpSink sink;
  OtlpOptions options = Fast(sink);
  options.interval = 1h;
  auto exporter = OtlpExporter::Start(options);
  for (int i = 0; i < 10; ++i) (*exporter)->Add(Sampled(i));
  (*exporter)->Close(5s);
  EXPECT_EQ(sink.spans().size(), 10u);
}

}  // namespace
}  // namespace plumb::net
