#include "model/lm/generator.h"

#include <cmath>

#include "model/lm/chat_template.h"
#include "model/lm/goldens_test.h"

namespace plumb::lm {
namespace {

struct Loaded {
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Engine> exact;
};

const Loaded* Load() {
  static const std::unique_ptr<Loaded> loaded = []() -> std::unique_ptr<Loaded> {
    auto path = FindModel("smollm2");
    if (!path) return nullptr;
    auto model = CausalLm::Load("smollm2");
    auto out = std::make_unique<Loaded>();
    out->tokenizer = *Tokenizer::Load(*path);
    out->exact = *Engine::Make(**model, Precision::kFloat32);
    return out;
  }();
  return loaded.get();
}
#define PLUMB_NEEDS_LOADED() \
  const Loaded* m = Load();  \
  if (!m) GTEST_SKIP() << "the embedded model is not installed"

std::vector<int32_t> Chat(const Tokenizer& tokenizer, const std::string& text) {
  return *ChatTemplate::Of(tokenizer)->Encode(tokenizer, {{{"role", "user"}, {"content", text}}}, ChatTemplate::End::kAssistant);
}

std::vector<Completion> RunAll(Engine& engine, const Tokenizer& tokenizer, std::vector<GenerateRequest> requests, GeneratorOptions options = {}) {
  Generator generator(engine, tokenizer, options);
  std::vector<Completion> out(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].on_done = [&out, i](const Completion& c) { out[i] = c; };
    EXPECT_TRUE(generator.Add(std::move(requests[i])));
  }
  while (generator.Step()) {
  }
  return out;
}

TEST(Generator, ASeededTextDoesNotDependOnItsCompany) {
  PLUMB_NEEDS_LOADED();
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < 4; ++i)
    requests.push_back({Chat(*m->tokenizer, "Write a line about the number " + std::to_string(i) + "."),
                        {.temperature = 0.9, .top_p = 0.95, .seed = static_cast<uint64_t>(i), .max_tokens = 6 + i}});
  const auto together = RunAll(*m->exact, *m->tokenizer, requests);
  const auto narrow = RunAll(*m->exact, *m->tokenizer, requests, {.slots = 2});
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto alone = RunAll(*m->exact, *m->tokenizer, {requests[i]});
    EXPECT_EQ(alone[0].ids, together[i].ids);
    EXPECT_EQ(alone[0].ids, narrow[i].ids);
    EXPECT_FALSE(alone[0].text.empty());
  }
}

TEST(Generator, StopTextsEndTheTextAndAreNeverStreamed) {
  PLUMB_NEEDS_LOADED();
  GenerateRequest plain{Chat(*m->tokenizer, "What is the capital of France?"), {.temperature = 0, .max_tokens = 24}};
  const std::string full = RunAll(*m->exact, *m->tokenizer, {plain})[0].text;
  ASSERT_NE(full.find("capital of"), std::string::npos) << full;
  GenerateRequest stopped = plain;
  stopped.sampling.stop = {"ital of", "zzz"};
  std::string streamed;
  stopped.on_text = [&](std::string_view piece) { streamed += piece; };
  const Completion done = RunAll(*m->exact, *m->tokenizer, {stopped})[0];
  EXPECT_EQ(done.text, full.substr(0, full.find("ital of")));
  EXPECT_EQ(streamed, done.text);
  EXPECT_EQ(done.finish_reason, "stop");
}

TEST(Generator, PromptsThatBeginAlikeShareTheirPages) {
  PLUMB_NEEDS_LOADED();
  std::string system;
  for (int i = 0; i < 30; ++i) system += "Be kind and brief. ";
  std::vector<GenerateRequest> requests;
  for (const char* question : {"Hi", "What is 2+2?", "Bye"}) {
    const json::array messages = {{{"role", "system"}, {"content", system}}, {{"role", "user"}, {"content", question}}};
    requests.push_back({*ChatTemplate::Of(*m->tokenizer)->Encode(*m->tokenizer, messages, ChatTemplate::End::kAssistant), {.temperature = 0, .max_tokens = 6}});
  }
  const auto together = RunAll(*m->exact, *m->tokenizer, requests);
  EXPECT_EQ(together[0].cached_tokens, 0);
  EXPECT_GE(together[1].cached_tokens, 128);
  EXPECT_GE(together[2].cached_tokens, 128);
  for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(RunAll(*m->exact, *m->tokenizer, {requests[i]})[0].ids, together[i].ids);
}

TEST(Generator, LogprobsAreThoseOfScoring) {
  PLUMB_NEEDS_LOADED();
  GenerateRequest request{Chat(*m->tokenizer, "Name a colour."), {.temperature = 0, .max_tokens = 8, .logprobs = 2}};
  const Completion done = RunAll(*m->exact, *m->tokenizer, {request})[0];
  std::vector<int32_t> all = request.prompt;
  all.insert(all.end(), done.ids.begin(), done.ids.end());
  auto scored = ScoreTokens(*m->exact, {all});
  PLUMB_ASSERT_OK(scored);
  for (size_t i = 0; i < done.ids.size(); ++i) {
    EXPECT_EQ(done.logprobs[i].logprob, (*scored)[0][request.prompt.size() - 1 + i]);
    EXPECT_EQ(done.logprobs[i].top[0].id, done.ids[i]);  // greedy takes the most likely
    EXPECT_GE(done.logprobs[i].top[0].logprob, done.logprobs[i].top[1].logprob);
  }
}

TEST(Generator, CancelEndsARequest) {
  PLUMB_NEEDS_LOADED();
  Generator generator(*m->exact, *m->tokenizer, {});
  std::string reason;
  auto number = generator.Add({Chat(*m->tokenizer, "Count."), {.max_tokens = 100}, {}, [&](const Completion& c) { reason = c.finish_reason; }});
  PLUMB_ASSERT_OK(number);
  generator.Step();
  generator.Cancel(*number);
  while (generator.Step()) {
  }
  EXPECT_EQ(reason, "cancelled");
}

TEST(Generator, SaysWhatItCannotTake) {
  PLUMB_NEEDS_LOADED();
  Generator generator(*m->exact, *m->tokenizer, {});
  EXPECT_FALSE(generator.Add({{}, {}}));
  EXPECT_FALSE(generator.Add({std::vector<int32_t>(9000, 5), {}}));
  EXPECT_THAT(generator.Add({{1}, {.top_p = 0}}).error().message, testing::HasSubstr("top_p is 0, must be in (0, 1]"));
}

TEST(Sampler, FollowsTheDistribution) {
  const std::vector<float> logits = {0, 1, 2, 3, -50};
  const double z = 1 + std::exp(1) + std::exp(2) + std::exp(3);
  int counts[5] = {};
  for (uint64_t i = 0; i < 20000; ++i) ++counts[Sample(logits.data(), 5, {.temperature = 1, .seed = 7}, i)];
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(counts[i] / 20000.0, std::exp(i) / z, 0.015);
  for (uint64_t i = 0; i < 500; ++i) {
    EXPECT_GE(Sample(logits.data(), 5, {.temperature = 1, .top_k = 2}, i), 2);
    EXPECT_GE(Sample(logits.data(), 5, {.temperature = 1, .top_p = 0.7}, i), 2);
    EXPECT_GE(Sample(logits.data(), 5, {.temperature = 1, .min_p = 0.3}, i), 2);
    EXPECT_EQ(Sample(logits.data(), 5, {.temperature = 0}, i), 3);
  }
}

}  // namespace
}  // namespace plumb::lm
