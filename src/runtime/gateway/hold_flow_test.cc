// Answers that wait for a person, as callers and reviewers meet them.
#include <thread>

#include "runtime/gateway/hold_turn.h"
#include "runtime/gateway/policy_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

class HoldFlowTest : public PolicyTest {};

TEST_F(HoldFlowTest, TheCallerGetsAnIdAndThenWhatWasReleased) {
  Use(kAdvice);
  vendor_.Say("ADVICE: sell everything.");
  const auto held = Ask("what now?");
  EXPECT_EQ(held.status, 202);
  const std::string id = IdOf(held);
  EXPECT_EQ(held.headers.Get("location"), "/v1/exchanges/" + id);
  EXPECT_EQ(Json(held).at("status").as_string(), "held");
  const auto waiting = Send("GET", "/v1/exchanges/" + id);
  EXPECT_EQ(waiting.status, 202);
  EXPECT_THAT(waiting.body, Not(HasSubstr("sell everything")));
  EXPECT_EQ(Json(waiting).at("held").at("state").as_string(), "waiting");

  EXPECT_EQ(Decide(id, {{"decision", "release"}}, key_).status, 403) << "an application does not decide";
  EXPECT_EQ(Send("POST", "/api/held/" + id, R"({"decision":"release"})").status, 401) << "keys are in use: who decides must say who";
  const json::object listed = Json(Send("GET", "/api/held", "", {{"authorization", std::string("Bearer ") + kReviewerKey}}));
  EXPECT_EQ(listed.at("held").at(0).at("answer").at("choices").at(0).at("text").as_string(), "ADVICE: sell everything.");
  EXPECT_EQ(listed.at("held").at(0).at("clause").as_string(), "advice");
  EXPECT_EQ(Decide(id, {{"decision", "release"}, {"note", "sound"}}).status, 200);
  EXPECT_EQ(Decide(id, {{"decision", "refuse"}}).status, 409);

  const auto given = Send("GET", "/v1/exchanges/" + id);
  EXPECT_EQ(given.status, 200);
  EXPECT_EQ(Content(Json(given).at("answer").as_object()), "ADVICE: sell everything.");
  EXPECT_THAT(given.body, Not(HasSubstr("sound"))) << "the note is for the record";
  const auto reviews = Entries("review");
  ASSERT_EQ(reviews.size(), 1u);
  EXPECT_EQ(reviews[0].body.at("by").as_string(), "ann");
  EXPECT_EQ(reviews[0].body.at("decision").as_string(), "release");
}

TEST_F(HoldFlowTest, ACallerWhoWaitsGetsTheAnswerAsIfNothingHadHappened) {
  Use(kAdvice);
  vendor_.Say("ADVICE: sell.");
  for (bool stream : {false, true}) {
    std::thread reviewer([&] {
      net::IoThread io;
      net::Client client;
      for (int i = 0; i < 100; ++i) {
        std::this_thread::sleep_for(50ms);
        const auto waiting = Entries("hold");
        if (waiting.size() < (stream ? 2u : 1u)) continue;
        net::ClientRequest request;
        request.method = "POST";
        request.url = *net::ParseUrl(gateway_->url() + "/api/held/" + std::string(waiting[0].body.at("exchange").as_string()));
        request.headers.Set("authorization", std::string("Bearer ") + kReviewerKey);
        request.body = R"({"decision":"edit","text":"Ask somebody who knows."})";
        static_cast<void>(net::Wait(io.executor(), client.Fetch(request)));
        break;
      }
      net::Wait(io.executor(), [](net::Client* c) -> asio::awaitable<void> { c->CloseIdle(); co_return; }(&client));
    });
    const auto answer = Ask("what now?", {{"prefer", "wait=20"}}, {{"stream", stream}});
    reviewer.join();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.headers.Get("preference-applied"), "wait=20");
    EXPECT_THAT(answer.body, Not(HasSubstr("sell")));
    EXPECT_EQ(stream ? Read(answer.body).text : Content(Json(answer)), "Ask somebody who knows.");
    if (stream) {
      EXPECT_TRUE(Read(answer.body).done);
      EXPECT_FALSE(Read(answer.body).closing.empty());
    }
  }
}

TEST_F(HoldFlowTest, ARouteMayHoldEveryAnswerButNotOurOwn) {
  Use("routes: [{match: {model: mock}, review: {before_release: true}}, {match: {}}]\n");
  EXPECT_EQ(Ask("hello").status, 202);
  EXPECT_EQ(Ask("hello", {}, {{"stream", true}}).status, 202);
  EXPECT_EQ(Ask("SECRET-1234").status, 200) << "refused before the model was asked: nothing of it waits";
  vendor_.Say("SECRET-1234");
  EXPECT_EQ(Finish(Json(Ask("hello"))), "content_filter");
  vendor_.Say("");
  EXPECT_EQ(Ask("hello", {}, {{"model", "second"}}).status, 200);
}

TEST_F(HoldFlowTest, WhatWaitsSurvivesARestart) {
  Use(kAdvice);
  vendor_.Say("ADVICE: sell.");
  const std::string id = IdOf(Ask("what now?"));
  Stop();
  Start();
  EXPECT_EQ(Decide(id, {{"decision", "refuse"}, {"text", "Not this time."}}).status, 200);
  const json::object given = Json(Send("GET", "/v1/exchanges/" + id));
  EXPECT_EQ(given.at("answer").at("choices").at(0).at("message").at("refusal").as_string(), "Not this time.");
  EXPECT_EQ(given.at("held").at("state").as_string(), "refused");
}

TEST_F(HoldFlowTest, WhatIsRedactedStaysSoWhenReleased) {
  Use(kAdvice);
  vendor_.Say(std::string("ADVICE: use ") + kCard);
  const std::string id = IdOf(Ask("what now?"));
  EXPECT_EQ(Decide(id, {{"decision", "release"}}).status, 200);
  const std::string given = Content(Json(Send("GET", "/v1/exchanges/" + id)).at("answer").as_object());
  EXPECT_EQ(given, "ADVICE: use [redacted: cards]");
}

TEST_F(HoldFlowTest, AHeldRequestIsAskedAndItsAnswerWaits) {
  Use("  - {id: odd, about: Odd., detect: [{name: odd, regex: 'ODD'}], on: {input: hold}}\n");
  EXPECT_EQ(Ask("an ODD question").status, 202);
  EXPECT_EQ(vendor_.seen().size(), 1u);
  EXPECT_EQ(Ask("an even question").status, 200);
}

TEST_F(HoldFlowTest, ExpiresAsTheRouteSays) {
  Use("routes: [{match: {}, review: {before_release: true, expires: 1s}}]\n");
  const std::string id = IdOf(Ask("hello"));
  std::this_thread::sleep_for(1200ms);
  const auto expired = Send("GET", "/v1/exchanges/" + id);
  EXPECT_EQ(expired.status, 200);
  EXPECT_EQ(Json(expired).at("held").at("state").as_string(), "expired");
  EXPECT_EQ(Decide(id, {{"decision", "release"}}).status, 409);
}

TEST(Patience, IsReadFromEitherHeader) {
  const auto of = [](net::Headers headers) {
    net::Request request;
    request.headers = std::move(headers);
    return PatienceOf(request).count();
  };
  EXPECT_EQ(of({}), 0);
  EXPECT_EQ(of({{"x-plumb-wait", "30"}}), 30);
  EXPECT_EQ(of({{"prefer", "respond-async, wait=10"}}), 10);
  EXPECT_EQ(of({{"prefer", "Wait=7; foo=bar"}}), 7);
  EXPECT_EQ(of({{"x-plumb-wait", "99999"}}), 600);
  EXPECT_EQ(of({{"x-plumb-wait", "-5"}}), 0);
  EXPECT_EQ(of({{"x-plumb-wait", "soon"}}), 0);
}

}  // namespace
}  // namespace plumb::gateway
