// Policies and configurations that change while requests are on their way.
#include <gmock/gmock.h>

#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

// Streams a word every 20 ms, so that things can happen meanwhile.
class PacedVendor {
 public:
  explicit PacedVendor(std::vector<std::string> words) : words_(std::move(words)) {
    server_ = net::Wait(io_.executor(), Listen(this));
  }
  ~PacedVendor() { net::Wait(io_.executor(), Stop(this)); }
  std::string url() const { return server_->url() + "/v1"; }
  int said() const { return said_; }

 private:
  static net::asio::awaitable<std::unique_ptr<net::Server>> Listen(PacedVendor* self) {
    net::Address any{"127.0.0.1", 0, ""};
    net::Handler handler = [self](net::Request&, net::ResponseWriter& out) { return self->Speak(out); };
    co_return std::move(*net::Server::Listen(self->io_.executor(), any, std::move(handler)));
  }
  static net::asio::awaitable<void> Stop(PacedVendor* self) {
    self->server_.reset();
    co_return;
  }
  net::asio::awaitable<void> Speak(net::ResponseWriter& out) {
    co_await out.Start(200, "text/event-stream");
    for (const std::string& word : words_) {
      json::object delta = {{"content", word}};
      std::string event = Chunk(std::move(delta), nullptr);
      co_await out.Write(event);
      ++said_;
      net::asio::steady_timer timer(co_await net::asio::this_coro::executor, 20ms);
      co_await timer.async_wait(net::asio::use_awaitable);
    }
    std::string end = Chunk({}, "stop") + net::WriteSseData("[DONE]");
    co_await out.Write(end);
  }
  static std::string Chunk(json::object delta, json::value reason) {
    const json::value chunk = {{"object", "chat.completion.chunk"}, {"model", "paced"},
                               {"choices", json::array{json::object{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", reason}}}}};
    return net::WriteSseData(ToJson(chunk));
  }

  std::vector<std::string> words_;
  std::atomic<int> said_ = 0;
  net::IoThread io_;
  std::unique_ptr<net::Server> server_;
};

class ReloadTest : public GatewayTest {
 protected:
  // What the fixture starts with, under `policy`.
  ForceOptions Under(const policy::Policy& policy, const std::string& paced = "") {
    ForceOptions force;
    force.policy = policy;
    force.models = {{"mock", "vendor:mock-1", false}, {"paced", "paced:m", false}};
    provider::ProviderConfig vendor, slow;
    vendor.name = "vendor";
    vendor.url = vendor_.url();
    slow.name = "paced";
    slow.url = paced.empty() ? vendor_.url() : paced;
    force.config_sha256 = paced.empty() ? "" : Sha256Hex(paced);  // another configuration has another hash
    force.providers = {vendor, slow};
    force.keys = {{"shop", {{HashKey(key_)}}, "application"}};
    return force;
  }
  // The fixture's policy without its clause about keys, as version 8.
  policy::Policy Laxer() {
    std::string text = kPolicy;
    text.replace(text.find("version: 7"), 10, "version: 8");
    const size_t keys = text.find("  - id: keys");
    text.erase(keys, text.find("routes:") - keys);
    auto policy = policy::ParsePolicy(text, "policy.yaml", folder_.path());
    EXPECT_TRUE(policy) << policy.error().Text();
    return *policy;
  }
  Status Reload(ForceLoader load, std::string by = "test") {
    return net::Wait(io_.executor(), [](Gateway* gateway, std::string by, ForceLoader load) -> asio::awaitable<Status> {
      Status done = co_await gateway->Reload(std::move(by), std::move(load));
      co_return done;
    }(gateway_.get(), std::move(by), std::move(load)));
  }
  Status Reload(ForceOptions force) {
    return Reload([force]() -> Result<ForceOptions> { return force; });
  }
  json::object Entry(const std::string& kind) {
    auto ledger = ledger::Ledger::Open(folder_.path() / "ledger.db", {.read_only = true});
    auto list = (*ledger)->List({.kind = kind, .limit = 1});
    return list && !list->empty() ? (*list)[0].body : json::object();
  }
};

TEST_F(ReloadTest, TheNextRequestComesUnderTheNewPolicy) {
  EXPECT_EQ(Finish(Json(Chat("SECRET-1234"))), "content_filter");
  const Status done = Reload(Under(Laxer()));
  ASSERT_TRUE(done) << done.error().Text();
  const auto after = Chat("SECRET-1234");
  EXPECT_EQ(Content(Json(after)), "You said: SECRET-1234");
  EXPECT_THAT(std::string(after.headers.Get("x-plumb-policy")), HasSubstr("shop@8"));
  const json::object entry = Entry("reload");
  EXPECT_EQ(entry.at("result").as_string(), "ok");
  EXPECT_EQ(entry.at("old").at("policy").at("hash").as_string(), policy_.hash);
  EXPECT_EQ(entry.at("new").at("policy").at("version").as_string(), "8");
  const json::object exchange = Entry("exchange");
  EXPECT_EQ(exchange.at("bound").at("policy").as_string(), Laxer().hash);
}

TEST_F(ReloadTest, ACommandForAKeyIsRunAgainThoughNoFileHasChanged) {
  const fs::path file = folder_.path() / "key";
  ForceOptions force = Under(policy_);
  force.providers[0].key_command = "cat " + file.string();
  for (const char* key : {"first-key-4711", "second-key-4712"}) {
    ASSERT_TRUE(WriteFileAtomic(file, key));
    const Status done = Reload(force);
    ASSERT_TRUE(done) << done.error().Text();
    EXPECT_EQ(Chat("hello").status, 200);
    EXPECT_EQ(vendor_.seen().back().authorization, std::string("Bearer ") + key);
  }
}

TEST_F(ReloadTest, AStreamEndsUnderThePolicyItBeganUnder) {
  PacedVendor vendor({"one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine ", "ten ", "SECRET-1234", " end"});
  ASSERT_TRUE(Reload(Under(policy_, vendor.url())));
  net::ClientResponse across;
  std::thread client([&] { across = Chat("speak", "paced", true); });
  for (int i = 0; i < 2000 && vendor.said() < 3; ++i) std::this_thread::sleep_for(5ms);
  ASSERT_TRUE(Reload(Under(Laxer(), vendor.url())));
  const json::object status = Json(Send("GET", "/api/status"));
  EXPECT_EQ(status.at("policy").at("version").as_string(), "8");
  EXPECT_EQ(status.at("reload").at("still_held").as_int64(), 1);
  EXPECT_LT(vendor.said(), 11) << "the stream is still on its way";
  client.join();
  const Streamed streamed = Read(across.body);
  EXPECT_EQ(streamed.finish, "content_filter") << across.body;
  EXPECT_THAT(streamed.text, HasSubstr("nine"));
  EXPECT_THAT(across.body, Not(HasSubstr("SECRET")));
  EXPECT_THAT(std::string(across.headers.Get("x-plumb-policy")), HasSubstr("shop@7"));
  EXPECT_EQ(Entry("exchange").at("bound").at("policy").as_string(), policy_.hash);
  const Streamed next = Read(Chat("speak", "paced", true).body);
  EXPECT_THAT(next.text, HasSubstr("SECRET-1234"));
  EXPECT_TRUE(next.done);
}

TEST_F(ReloadTest, ABadFileChangesNothingAndIsSeen) {
  const Status bad = Reload([this]() -> Result<ForceOptions> {
    auto policy = policy::ParsePolicy("policy: shop\nversion: [\n", "policy.yaml", folder_.path());
    return std::unexpected(policy.error());
  }, "file");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().Text(), HasSubstr("policy.yaml:"));
  EXPECT_EQ(Finish(Json(Chat("SECRET-1234"))), "content_filter");
  const auto ready = Send("GET", "/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_THAT(ready.body, HasSubstr("refused"));
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_last_reload_successful 0"));
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_reloads_total{result=\"refused\"} 1"));
  const json::object status = Json(Send("GET", "/api/status"));
  EXPECT_THAT(std::string(status.at("reload").at("error").as_string()), HasSubstr("policy.yaml:"));
  const json::object entry = Entry("reload");
  EXPECT_EQ(entry.at("result").as_string(), "refused");
  EXPECT_EQ(entry.at("by").as_string(), "file");
  // A good one makes good.
  ASSERT_TRUE(Reload(Under(Laxer())));
  EXPECT_EQ(Send("GET", "/readyz").body, "ready\n");
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_last_reload_successful 1"));
}

TEST_F(ReloadTest, AConfigurationThatCannotServeIsRefused) {
  ForceOptions none = Under(policy_);
  none.models.clear();
  EXPECT_FALSE(Reload(none));
  ForceOptions unknown = Under(policy_);
  unknown.models = {{"mock", "nobody:m", false}};
  EXPECT_FALSE(Reload(unknown));
  ForceOptions guard = Under(policy_);
  guard.guard = folder_.path() / "no-such-guard";
  EXPECT_FALSE(Reload(guard));
  EXPECT_EQ(Content(Json(Chat("hello"))), "You said: hello");
}

TEST_F(ReloadTest, WithoutAChangeThereIsNoEntry) {
  ForceOptions same = Under(policy_);
  ASSERT_TRUE(Reload(same));
  EXPECT_TRUE(Entry("reload").empty());
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("plumb_reloads_total{result=\"unchanged\"} 1"));
}

TEST_F(ReloadTest, FiftyUnderLoadDropNothingAndLeaveNothingBehind) {
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0, wrong = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&, i] {
      while (!stop) {
        const auto answer = Chat("hello", "mock", i == 0);
        const bool good = answer.status == 200 && (i != 0 || Read(answer.body).done);
        ++(good ? answered : wrong);
      }
    });
  }
  const policy::Policy laxer = Laxer();
  for (int i = 0; i < 50; ++i) {
    const Status done = Reload(Under(i % 2 ? policy_ : laxer));
    EXPECT_TRUE(done) << done.error().Text();
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answered, 10);
  // A request lets go of its snapshot a moment after its last byte.
  json::object status = Json(Send("GET", "/api/status"));
  for (int i = 0; i < 200 && status.at("reload").at("still_held").as_int64() != 0; ++i) {
    std::this_thread::sleep_for(10ms);
    status = Json(Send("GET", "/api/status"));
  }
  EXPECT_EQ(status.at("reload").at("done").as_int64(), 50);
  EXPECT_EQ(status.at("reload").at("still_held").as_int64(), 0);
}

}  // namespace
}  // namespace plumb::gateway
