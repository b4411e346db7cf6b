// What the console sees (docs/console-api.md).
#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "runtime/gateway/align_runs.h"
#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;

TEST_F(GatewayTest, ConsoleIsForThisMachineOnly) {
  EXPECT_EQ(Send("GET", "/api/status").status, 200);
  EXPECT_EQ(Send("GET", "/api/status", "", {{"host", "evil.example"}}).status, 401);
  EXPECT_EQ(Send("GET", "/api/status", "", {{"host", "evil.example"}, {"authorization", "Bearer " + key_}}).status, 403) << "an application's key";
  EXPECT_EQ(Send("POST", "/api/try", "{}", {{"origin", "http://evil.example"}}).status, 403);
}

TEST_F(GatewayTest, ConsoleSeesStatusPolicyPagesAndTries) {
  for (int i = 0; i < 5; ++i) Chat(fmt::format("n{}", i));
  const json::object status = Json(Send("GET", "/api/status"));
  EXPECT_EQ(status.at("totals").at("exchanges").to_number<int>(), 5);
  EXPECT_EQ(status.at("policy").at("hash").as_string(), policy_.hash);
  const json::object policy = Json(Send("GET", "/api/policy"));
  EXPECT_EQ(policy.at("clauses").at(0).at("on").at("output").as_string(), "redact");
  const json::object page = Json(Send("GET", "/api/exchanges?limit=2"));
  EXPECT_EQ(page.at("exchanges").at(0).at("preview").as_string(), "n4");
  const json::object next = Json(Send("GET", fmt::format("/api/exchanges?limit=2&before={}", page.at("next").to_number<int>())));
  EXPECT_EQ(next.at("exchanges").at(0).at("preview").as_string(), "n2");
  const json::value body = {{"direction", "input"}, {"text", kCard}};
  const json::object tried = Json(Send("POST", "/api/try", ToJson(body)));
  EXPECT_EQ(tried.at("verdict").at("action").as_string(), "refuse");
  EXPECT_EQ(tried.at("say").as_string(), "Please do not send card numbers.");
  EXPECT_EQ(tried.at("tiers").at(0).at("scores").at("cards").to_number<double>(), 1.0);
  const json::object head = Json(Send("GET", "/api/ledger/head"));
  EXPECT_EQ(head.at("size").to_number<int>(), 5);
}

TEST_F(GatewayTest, TurnsOfTheLoopAreListedAndFollowed) {
  const fs::path run = folder_.path() / "align" / "r1";
  ASSERT_TRUE(MakeFolder(run));
  std::ofstream events(run / "events.jsonl");
  events << R"({"t":"2026-11-21T09:30:00Z","phase":"measure","step":1,"total":2})" << "\n{\"half" << std::flush;
  EXPECT_EQ(Json(Send("GET", "/api/align/runs")).at("runs").at(0).at("state").as_string(), "running");
  std::thread writer([&] {
    std::this_thread::sleep_for(300ms);
    events << "\":1}\n" << R"({"phase":"done","message":"gate passed"})" << "\n" << std::flush;
    static_cast<void>(WriteFileAtomic(run / "report.json", R"({"verdict":"passed"})"));
  });
  net::ClientRequest request;
  request.url = *net::ParseUrl(gateway_->url() + "/api/align/live");
  std::string seen = net::Wait(io_.executor(), [](net::Client* client, net::ClientRequest request) -> asio::awaitable<std::string> {
    auto download = co_await client->Open(std::move(request));
    std::string all;
    while (download && all.find("event: report") == std::string::npos) {
      auto piece = co_await download->Next();
      if (!piece || piece->empty()) break;
      all += *piece;
    }
    co_return all;
  }(&client_, request));
  writer.join();
  EXPECT_THAT(seen, HasSubstr("event: run\ndata: {\"run\":\"r1\"}"));
  EXPECT_THAT(seen, HasSubstr("id: 1\ndata: {\"half\":1}"));
  EXPECT_THAT(seen, HasSubstr("id: 2\ndata: {\"phase\":\"done\""));
  const json::object got = Json(Send("GET", "/api/align/runs/r1"));
  EXPECT_EQ(got.at("state").as_string(), "done");
  EXPECT_TRUE(got.at("passed").as_bool());
  EXPECT_EQ(got.at("events").as_array().size(), 3u);
  EXPECT_EQ(Send("GET", "/api/align/runs/..%2f").status, 404);
  EXPECT_EQ(Send("GET", "/api/report/r1").status, 404);
}

}  // namespace
}  // namespace plumb::gateway
