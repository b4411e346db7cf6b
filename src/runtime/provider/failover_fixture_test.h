// For the tests of failover: vendors that fail on request, on real sockets, and a Failover before them. One second of a
// scenario takes 50 ms here (kScale): what the vendors do and every time limit of ours are divided by the same 20, so
// that proportions are the real ones.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/provider/failover.h"
#include "runtime/provider/raw_vendor_test.h"
#include "runtime/provider/route.h"

namespace plumb::provider {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

constexpr int kScale = 20;
constexpr Millis Scaled(Millis real) { return real / kScale; }
// How much time of the scenario has passed since `start`.
inline Millis Unscaled(Steady::time_point start) { return std::chrono::duration_cast<Millis>(Steady::now() - start) * kScale; }

inline RawVendor::Script Healthy(std::string model) {
  return [model](RawTalk& talk) -> net::asio::awaitable<void> { co_await AnswerProperly(talk, model); };
}
inline RawVendor::Script AnswersWith(int status, std::string text, std::string headers = "") {
  return [=](RawTalk& talk) -> net::asio::awaitable<void> { co_await talk.Json(status, text, headers); };
}
// `fault` for the first `times` requests, then a proper answer.
inline RawVendor::Script FirstThen(size_t times, RawVendor::Script fault, RawVendor::Script then) {
  return [=](RawTalk& talk) -> net::asio::awaitable<void> {
    const RawVendor::Script& now = talk.number < times ? fault : then;
    co_await now(talk);
  };
}
inline const std::string kBusy = R"({"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}})";
inline const std::string kDown = R"({"error":{"message":"The server is overloaded","type":"server_error","code":null}})";

class FailoverTest : public testing::Test {
 protected:
  static ProviderConfig Vendor(const std::string& name, RawVendor& vendor) {
    ProviderConfig config;
    config.name = name;
    config.url = vendor.url();
    config.retry.max_attempts = 1;
    config.timeouts.first_byte = Scaled(60s);
    config.timeouts.idle = Scaled(30s);
    config.timeouts.overall = Scaled(600s);
    config.after_end = Scaled(5s);
    return config;
  }
  FailoverTarget Target(const std::string& name, RawVendor& vendor) {
    OpenOptions options;
    options.executor = io_.executor();
    FailoverTarget target;
    target.name = name + ":model-" + name;
    target.model = "model-" + name;
    target.provider = *OpenProvider(Vendor(name, vendor), options);
    target.health = std::make_shared<TargetHealth>();
    target.health->breaker = Breaker({.window = Scaled(30s), .open = Scaled(10s)});
    return target;
  }
  // The defaults of the product, scaled.
  void Open(std::vector<FailoverTarget> targets) {
    FailoverOptions options;
    options.name = "assistant";
    options.targets = std::move(targets);
    options.wait.first = Scaled(options.wait.first);
    options.wait.longest = Scaled(options.wait.longest);
    options.wait.budget = Scaled(options.wait.budget);
    options.first_token = Scaled(options.first_token);
    options.start_within = Scaled(options.start_within);
    failover_ = std::make_unique<Failover>(io_.executor(), std::move(options));
  }
  void OpenBoth(RawVendor& a, RawVendor& b) { Open({Target("a", a), Target("b", b)}); }

  ChatRequest Question() {
    ChatRequest request;
    request.messages = {{{"role", "user"}, {"content", "Count."}}};
    request.attempts = attempts_ = std::make_shared<std::vector<Attempt>>();
    return request;
  }
  Result<ChatResponse> Chat() {
    start_ = Steady::now();
    auto answer = net::Wait(io_.executor(), failover_->Chat(Question()));
    took_ = Unscaled(start_);
    return answer;
  }
  // `held`: nothing is released before the end, as by a guard that holds everything.
  Result<ChatResponse> Stream(bool held = false) {
    start_ = Steady::now();
    got_.clear();
    ChatRequest request = Question();
    if (held) {
      request.forget = [this] {
        got_.clear();
        return true;
      };
    }
    OnDelta take = [this](const ChatDelta& delta) -> net::asio::awaitable<plumb::Status> {
      got_ += delta.text;
      co_return plumb::Status();
    };
    auto answer = net::Wait(io_.executor(), failover_->ChatStream(std::move(request), take));
    took_ = Unscaled(start_);
    return answer;
  }
  static std::string Whole(int tokens = 60) {
    std::string whole;
    for (int i = 0; i < tokens; ++i) whole += fmt::format("t{} ", i);
    return whole;
  }

  net::IoThread io_;
  std::unique_ptr<Failover> failover_;
  std::shared_ptr<std::vector<Attempt>> attempts_;
  std::string got_;
  Steady::time_point start_;
  Millis took_{0};
};

}  // namespace plumb::provider
