// Completions from a server: what is asked of it, what its answers are read as, which servers are refused. The servers are of the
// test; a run against plumb-lm is in tests/e2e/training_test.py.
#include "model/train/remote_rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/net/io_thread.h"
#include "base/net/server.h"
#include "model/train/online_fixture_test.h"

namespace plumb::train {
namespace {

using testing::HasSubstr;
namespace asio = boost::asio;

// Letters are tokens: "a" is 2, "b" 3, …; 1 ends.
class Letters : public lm::Tokenizer {
 public:
  std::vector<int32_t> Encode(std::string_view text, const lm::EncodeOptions& = {}) const override {
    std::vector<int32_t> ids;
    for (char c : text) ids.push_back(c - 'a' + 2);
    return ids;
  }
  std::vector<int32_t> EncodePair(std::string_view, std::string_view, std::vector<int32_t>*) const override { return {}; }
  std::string TokenBytes(int32_t id, bool) const override { return std::string(1, static_cast<char>('a' + id - 2)); }
  std::optional<int32_t> FindToken(std::string_view token) const override { return token == "<end>" ? std::optional(1) : std::nullopt; }
  int32_t vocab_size() const override { return kTinyVocab; }
  bool IsSpecial(int32_t id) const override { return id == 1; }
};

// Answers every completion with `choice`.
struct Vendor {
  bool plumb = false, takes_lora = true;
  json::value choice = *ParseJson(R"({"finish_reason": "stop", "token_ids": [2, 3, 1],
      "logprobs": {"tokens": ["token_id:2", "token_id:3", "token_id:1"], "token_logprobs": [-1, -2, -0.5]}})");
  int64_t counted = 3;  // tokens in a prompt
  std::vector<std::pair<std::string, json::object>> asked;

  Vendor() {
    auto made = net::Wait(io_.executor(), [](Vendor* self) -> asio::awaitable<Result<std::unique_ptr<net::Server>>> {
      co_return net::Server::Listen(self->io_.executor(), *net::ParseAddress("127.0.0.1:0"),
                                    [self](net::Request& request, net::ResponseWriter& out) { return self->Answer(request, out); });
    }(this));
    EXPECT_TRUE(made);
    server_ = std::move(*made);
  }
  ~Vendor() {
    net::Wait(io_.executor(), [](Vendor* self) -> asio::awaitable<void> {
      self->server_.reset();
      co_return;
    }(this));
  }
  std::string url() const { return server_->url(); }

 private:
  asio::awaitable<void> Answer(net::Request& request, net::ResponseWriter& out) {
    const auto body = ParseJson(request.body);
    asked.emplace_back(request.path, body && body->is_object() ? body->get_object() : json::object());
    json::object answer;
    int status = 200;
    if (request.path == "/v1/handshake") status = plumb ? 200 : 404;
    else if (request.path == "/v1/models") answer["data"] = json::array{json::object{{"id", "base"}}};
    else if (request.path == "/v1/load_lora_adapter") status = takes_lora ? 200 : 404;
    else if (request.path == "/v1/completions")
      answer = {{"choices", json::array{choice}}, {"usage", {{"prompt_tokens", counted}}}};
    (void)co_await out.SendJson(status, answer);
  }

  net::IoThread io_;
  std::unique_ptr<net::Server> server_;
};

struct Remote {
  Vendor vendor;
  TinyTrunk tiny;
  TempFolder folder;
  Letters letters;
  RemoteRoller::Options options;
  std::vector<fs::path> saved;
  std::unique_ptr<RemoteRoller> roller;

  Remote() { options = {.url = vendor.url(), .sync = RemoteRoller::Sync::kNone, .model = "tiny", .folder = folder.path(), .sampling = {.max_tokens = 8}}; }
  Status Connect() {
    PLUMB_TRY(roller, RemoteRoller::Connect(options, letters, tiny.parameters, [this](const fs::path& to) {
                saved.push_back(to);
                return WriteFileAtomic(to / "adapter_config.json", "{}");
              }));
    return {};
  }
  Result<std::vector<Completion>> Roll() {
    if (!roller) PLUMB_CHECK(Connect());
    return roller->Roll({{2, 3, 4}, {5, 6, 7}}, {11, 12});
  }
  std::vector<json::object> Bodies(std::string_view path) const {
    std::vector<json::object> out;
    for (const auto& [at, body] : vendor.asked)
      if (at == path) out.push_back(body);
    return out;
  }
};

TEST(RemoteRollout, TokensAndTheirLogProbabilitiesAreRead) {
  const char* choices[] = {
      R"({"finish_reason": "stop", "token_ids": [2, 3, 1], "logprobs": {"tokens": ["a", "b", "?"], "token_logprobs": [-1, -2, -0.5]}})",
      R"({"finish_reason": "stop", "logprobs": {"tokens": ["token_id:2", "token_id:3", "token_id:1"], "token_logprobs": [-1, -2, -0.5]}})",
      R"({"finish_reason": "stop", "logprobs": {"tokens": ["a", "b", "<end>"], "token_logprobs": [-1, -2, -0.5]}})",
      R"({"finish_reason": "stop", "logprobs": {"content": [{"id": 2, "token": "?", "logprob": -1}, {"token": "b", "logprob": -2}, {"id": 1, "logprob": -0.5}]}})"};
  for (const char* choice : choices) {
    Remote remote;
    remote.vendor.choice = *ParseJson(choice);
    const auto said = remote.Roll();
    ASSERT_TRUE(said) << said.error().Text() << choice;
    ASSERT_EQ(said->size(), 2u);
    EXPECT_EQ((*said)[1].ids, (std::vector<int32_t>{2, 3, 1})) << choice;
    EXPECT_EQ((*said)[1].sampled, (std::vector<float>{-1, -2, -0.5})) << choice;
    EXPECT_TRUE((*said)[1].ended);
  }
}

TEST(RemoteRollout, APartOfACharacterEndsWhatIsKnown) {
  Remote remote;
  remote.vendor.choice = *ParseJson(R"({"finish_reason": "stop", "logprobs": {"tokens": ["a", "\ufffd", "b"], "token_logprobs": [-1, -2, -0.5]}})");
  const auto said = remote.Roll();
  ASSERT_TRUE(said) << said.error().Text();
  EXPECT_EQ((*said)[0].ids, (std::vector<int32_t>{2}));
  EXPECT_FALSE((*said)[0].ended);
}

TEST(RemoteRollout, WhatIsAskedIsThePromptItsSeedAndLogProbabilities) {
  Remote remote;
  remote.options.sampling.top_p = 0.9;
  ASSERT_TRUE(remote.Roll());
  auto bodies = remote.Bodies("/v1/completions");
  ASSERT_EQ(bodies.size(), 2u);
  std::ranges::sort(bodies, {}, [](const json::object& o) { return o.at("seed").to_number<int64_t>(); });
  EXPECT_EQ(bodies[0].at("model"), "base");
  EXPECT_EQ(bodies[0].at("prompt"), "abc");
  EXPECT_EQ(bodies[1].at("prompt"), "def");
  EXPECT_EQ(bodies[1].at("seed"), 12);
  EXPECT_EQ(bodies[0].at("max_tokens"), 8);
  EXPECT_EQ(bodies[0].at("top_p"), 0.9);
  EXPECT_FALSE(bodies[0].contains("top_k"));
  EXPECT_TRUE(remote.saved.empty()) << "sync none hands nothing over";
}

TEST(RemoteRollout, AnswersThatCannotBeLearnedFromAreRefused) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"finish_reason": "stop", "text": "ab"})", "no log-probabilities"},
      {R"({"logprobs": {"tokens": ["a"], "token_logprobs": [null]}})", "no log-probability"},
      {R"({"logprobs": {"tokens": ["a", "b"], "token_logprobs": [-1]}})", "as many"},
      {R"({"logprobs": {"tokens": ["ab"], "token_logprobs": [-1]}})", "no token \"ab\""},
      {R"({"logprobs": {"tokens": ["token_id:x"], "token_logprobs": [-1]}})", "names no token"},
      {R"({"logprobs": {"tokens": [], "token_logprobs": []}})", "no token"}};
  for (const auto& [choice, why] : wrong) {
    Remote remote;
    remote.vendor.choice = *ParseJson(choice);
    const auto said = remote.Roll();
    ASSERT_FALSE(said) << choice;
    EXPECT_THAT(said.error().message, HasSubstr(why));
  }
  Remote other;
  other.vendor.counted = 4;
  EXPECT_THAT(other.Roll().error().message, HasSubstr("counts 4 tokens in a prompt of 3"));
}

TEST(RemoteRollout, AServerWhoseWeightsCannotFollowMustBeAskedForSo) {
  Remote vllm;
  vllm.options.sync = RemoteRoller::Sync::kAuto;
  EXPECT_THAT(vllm.Connect().error().message, HasSubstr("rollout_sync lora"));
  vllm.options.sync = RemoteRoller::Sync::kPlumb;
  EXPECT_THAT(vllm.Connect().error().message, HasSubstr("is no plumb-lm"));
  vllm.options.sync = RemoteRoller::Sync::kNone;
  vllm.options.sampling.temperature = 0.7;
  EXPECT_THAT(vllm.Connect().error().message, HasSubstr("--temperature 1"));
  Remote plain;
  plain.options.sync = RemoteRoller::Sync::kLora;
  plain.vendor.takes_lora = false;
  EXPECT_THAT(plain.Roll().error().message, HasSubstr("--enable-lora"));
  Remote nobody;
  nobody.options.url = "http://127.0.0.1:1";
  EXPECT_EQ(nobody.Connect().error().code, Code::kUnavailable);
}

// The adapter goes over once for each step that moved it, and only the last one is kept.
TEST(RemoteRollout, AdaptersAreHandedOverWhereTheyChanged) {
  for (const bool plumb : {true, false}) {
    Remote remote;
    remote.vendor.plumb = plumb;
    remote.options.sync = plumb ? RemoteRoller::Sync::kAuto : RemoteRoller::Sync::kLora;
    ASSERT_TRUE(remote.Roll());
    ASSERT_TRUE(remote.Roll());
    ASSERT_EQ(remote.saved.size(), 1u);
    remote.tiny.parameters.value(0).add_(1);
    ASSERT_TRUE(remote.Roll());
    ASSERT_EQ(remote.saved.size(), 2u);
    EXPECT_FALSE(fs::exists(remote.saved[0]));
    EXPECT_TRUE(fs::exists(remote.saved[1]));
    const std::string model(remote.Bodies("/v1/completions").back().at("model").as_string());
    EXPECT_EQ(model, plumb ? "tiny+" + remote.saved[1].string() : "plumb-2");
    if (!plumb) {
      const auto loaded = remote.Bodies("/v1/load_lora_adapter"), unloaded = remote.Bodies("/v1/unload_lora_adapter");
      ASSERT_EQ(loaded.size(), 2u);
      EXPECT_EQ(std::string(loaded[1].at("lora_path").as_string()), remote.saved[1].string());
      ASSERT_EQ(unloaded.size(), 1u);
      EXPECT_EQ(unloaded[0].at("lora_name"), "plumb-1");
    }
  }
}

// A sampler that is not the trainer is corrected for, in float32 too, and how far apart they are is told.
TEST(RemoteRollout, WhatASamplerThinksLessLikelyWeighsMore) {
  class Elsewhere : public Roller {
   public:
    explicit Elsewhere(bool exact) : exact_(exact) {}
    Result<std::vector<Completion>> Roll(const std::vector<Ids>& prompts, const std::vector<uint64_t>&) override {
      std::vector<Completion> out(prompts.size());
      for (size_t i = 0; i < out.size(); ++i) out[i] = {.ids = {static_cast<int32_t>(5 + i % 3), 7}, .sampled = {i % 2 ? -50.0f : 0.0f, 0}, .ended = true};
      return out;
    }
    bool Exact() const override { return exact_; }

   private:
    bool exact_;
  };
  for (const bool exact : {true, false}) {
    Online run(Job::kGrpo);
    Elsewhere elsewhere(exact);
    const Rewarder rewarder = One(Sevens);
    const auto objective = run.Objective(elsewhere, rewarder);
    run.tiny.trunk->Refresh();
    ASSERT_TRUE(objective->Prepare({}));
    ASSERT_TRUE(objective->Begin({0, 1, 2, 3}, 7));
    const auto report = objective->Accumulate({0, 1, 2, 3}, 5);
    ASSERT_TRUE(report);
    std::map<std::string, double> metrics(report->metrics.begin(), report->metrics.end());
    for (size_t i = 0; i < objective->episodes().size(); ++i) {
      const auto& e = objective->episodes()[i];
      const double ratio = std::exp(e.old[0] + e.old[1] - e.sampled[0] - e.sampled[1]);
      EXPECT_NEAR(e.correction, exact ? 1 : i % 2 ? 0 : ratio, 1e-9) << "above importance_sampling_clip_max it is left out";
    }
    EXPECT_EQ(metrics.at("sampling/left_out"), exact ? 0 : 0.5);
    EXPECT_GT(metrics.at("sampling/sampling_logp_difference/max"), 40);
  }
}

}  // namespace
}  // namespace plumb::train
