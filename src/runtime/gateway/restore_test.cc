// Placeholders and rewriting, over sockets: what the vendor sees, what the caller gets, what the record keeps.
#include <gmock/gmock.h>

#include "runtime/gateway/gateway_fixture_test.h"

namespace plumb::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kRestoring[] = R"(
policy: desk
version: 1
owner: o@example.org
purpose: Help.
principles: [{id: honest, text: Be honest.}]
categories:
  - id: contact
    about: Addresses of people.
    detect: [email]
    on: {input: redact}
    restore: true
    say: No addresses.
  - id: orders
    about: Order numbers.
    detect: [{name: order, regex: 'ACME-[0-9]{6}'}]
    on: {output: rewrite}
    say: Order numbers stay here.
)";

class RestoreTest : public GatewayTest {
 protected:
  void SetUp() override {
    auto policy = policy::ParsePolicy(kRestoring, "policy.yaml", folder_.path());
    ASSERT_TRUE(policy) << policy.error().Text();
    policy_ = *policy;
    key_ = NewKey();
    Start();
  }
  std::string SentToVendor() { return ToJson(vendor_.seen().back().body.at("messages")); }
};

TEST_F(RestoreTest, TheCallerSeesTheValueAndNobodyElseDoes) {
  const std::string text = "Write to jane@example.org and joe@example.org please, jane@example.org first.";
  for (const bool stream : {false, true}) {
    const net::ClientResponse answer = Chat(text, "mock", stream);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const std::string shown = stream ? Read(answer.body).text : Content(Json(answer));
    EXPECT_EQ(shown, "You said: " + text);
    EXPECT_THAT(SentToVendor(), HasSubstr("Write to [email 1] and [email 2] please, [email 1] first."));
    const std::string id(Newest().at("id").as_string());
    const std::string record = Send("GET", "/api/exchanges/" + id).body;
    EXPECT_THAT(record, HasSubstr("[email 1]"));
    EXPECT_THAT(record, Not(HasSubstr("jane@example.org")));
  }
}

// A conversation sent again holds the value the caller was given; the vendor gets the same placeholder as before.
TEST_F(RestoreTest, EarlierTurnsAreRedactedToo) {
  const json::value body = {{"model", "mock"},
                            {"messages", json::array{json::object{{"role", "user"}, {"content", "I am jane@example.org"}},
                                                     json::object{{"role", "assistant"}, {"content", "Hello jane@example.org"}},
                                                     json::object{{"role", "user"}, {"content", "and my boss is joe@example.org"}}}}};
  const net::ClientResponse answer = Send("POST", "/v1/chat/completions", ToJson(body));
  EXPECT_EQ(Content(Json(answer)), "You said: and my boss is joe@example.org");
  EXPECT_EQ(SentToVendor(), R"([{"role":"user","content":"I am [email 1]"},{"role":"assistant","content":"Hello [email 1]"},)"
                            R"({"role":"user","content":"and my boss is [email 2]"}])");
}

// The second answer echoes the note, which names the clause and breaks none.
TEST_F(RestoreTest, AnAnswerThatBreaksAClauseIsAskedForAgain) {
  const net::ClientResponse whole = Chat("Say ACME-123456");
  EXPECT_THAT(Content(Json(whole)), HasSubstr("It broke this rule (orders): Order numbers."));
  EXPECT_EQ(whole.headers.Get("x-plumb-verdict"), "input=allow; output=rewrite");
  EXPECT_EQ(vendor_.seen().size(), 2u);

  const Streamed streamed = Read(Chat("Say ACME-123456", "mock", true).body);
  EXPECT_TRUE(streamed.done);
  EXPECT_THAT(streamed.text, HasSubstr("Go on from there without it. It broke this rule (orders): Order numbers."));
  EXPECT_THAT(streamed.text, Not(HasSubstr("ACME")));
  EXPECT_EQ(streamed.finish, "stop");
  EXPECT_THAT(SentToVendor(), HasSubstr(R"({"role":"assistant","content":"You said: )"));
}

TEST_F(RestoreTest, ASecondAnswerThatBreaksItIsRefused) {
  vendor_.Say("It is ACME-123456, yes.");
  const json::object whole = Json(Chat("What is it?"));
  EXPECT_EQ(Content(whole), "Order numbers stay here.");
  EXPECT_EQ(vendor_.seen().size(), 2u);
  const Streamed streamed = Read(Chat("What is it?", "mock", true).body);
  EXPECT_TRUE(streamed.done);
  EXPECT_THAT(streamed.text, HasSubstr("Order numbers stay here."));
  EXPECT_THAT(streamed.text, Not(HasSubstr("ACME-1")));
  EXPECT_EQ(vendor_.seen().size(), 4u);
}

}  // namespace
}  // namespace plumb::gateway
