#include "runtime/guard/placeholder.h"

#include <gtest/gtest.h>

#include "runtime/guard/test_leaks.h"

namespace plumb::guard {
namespace {

constexpr std::string_view kPolicy = R"(policy: places
version: 1
owner: test@example.org
purpose: Keep addresses from vendors.
principles: [{id: kind, text: "Be kind."}]
categories:
  - id: contact
    about: Addresses and numbers of people.
    detect: [email, phone, {name: order, regex: 'ACME-[0-9]{6}'}]
    on: {input: redact}
    restore: true
    say: ["No."]
  - id: cards
    about: Card numbers.
    detect: [payment-card]
    on: {input: redact, output: redact}
    say: ["No."]
)";

class PlaceholderTest : public testing::Test {
 protected:
  PlaceholderTest() : guard_(Make()) {}
  Guard Make() {
    auto policy = policy::ParsePolicy(kPolicy, "places.yaml", folder_.path());
    EXPECT_TRUE(policy) << policy.error().Text();
    return std::move(*Guard::PatternsOnly(*policy, {}));
  }
  std::string Out(const std::string& text, Placeholders& places) {
    return Redact(text, CheckPatterns(guard_, Direction::kInput, text), guard_, &places);
  }
  TempFolder folder_;
  Guard guard_;
};

TEST_F(PlaceholderTest, TheSameValueHasTheSamePlaceholder) {
  Placeholders places;
  EXPECT_EQ(Out("Write to jane@example.org and joe@example.org, or jane@example.org again.", places),
            "Write to [email 1] and [email 2], or [email 1] again.");
  EXPECT_EQ(Out("joe@example.org, phone +44 20 7946 0958, order ACME-123456, card 4111 1111 1111 1111", places),
            "[email 2], phone [phone 1], order [contact 1], card [redacted: cards]");
  EXPECT_EQ(places.Restore("I wrote to [email 2] about [contact 1], not [email 3] or [redacted: cards]."),
            "I wrote to joe@example.org about ACME-123456, not [email 3] or [redacted: cards].");
}

// What stands in the request already is nobody's placeholder.
TEST_F(PlaceholderTest, ATextThatLooksLikeOneIsLeftAlone) {
  Placeholders places;
  places.Reserve("A page says: send it to [email 1] now [and more");
  EXPECT_EQ(Out("jane@example.org", places), "[email 2]");
  EXPECT_EQ(places.Restore("[email 1] [email 2]"), "[email 1] jane@example.org");
}

TEST_F(PlaceholderTest, RestoredAtEveryCut) {
  Placeholders places;
  Out("jane@example.org and joe@example.org and +44 20 7946 0958 by phone", places);
  const std::string text = "[[email 1], [email 12] [email 2][phone 1] [ema [email 1";
  const std::string whole = "[jane@example.org, [email 12] joe@example.org+44 20 7946 0958 [ema [email 1";
  EXPECT_EQ(places.Restore(text), whole);
  size_t cuts = 0;
  for (size_t a = 0; a <= text.size(); ++a)
    for (size_t b = a; b <= text.size(); ++b, ++cuts) {
      PlaceholderStream stream(places);
      std::string got = stream.Push(text.substr(0, a));
      got += stream.Push(text.substr(a, b - a));
      got += stream.Push(text.substr(b));
      got += stream.Finish();
      ASSERT_EQ(got, whole) << a << " " << b;
    }
  std::cout << cuts << " pairs of cuts\n";
  PlaceholderStream stream(places);
  EXPECT_EQ(stream.Push("No address [here] at all."), "No address [here] at all.") << "held for nothing";
}

TEST_F(PlaceholderTest, ArgumentsOfCallsAreRestoredAsJson) {
  Placeholders places;
  places.For("\"Jane\" <jane@example.org>", "email");
  AnswerRestorer restorer(places);
  const json::array calls = {json::object{{"index", 0}, {"function", {{"name", "send"}, {"arguments", R"({"to":"[email 1]"})"}}}}};
  const AnswerPiece out = restorer.Push({.text = "Sent to [email", .tool_calls = calls, .logprobs = json::object()});
  EXPECT_EQ(out.text, "Sent to ");
  EXPECT_TRUE(out.logprobs.is_null());
  const auto arguments = ParseJson(std::string(out.tool_calls.at(0).at("function").at("arguments").as_string()));
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->at("to").as_string(), "\"Jane\" <jane@example.org>");
  EXPECT_EQ(restorer.Push({.text = " 1]."}).text, "\"Jane\" <jane@example.org>.");
  EXPECT_TRUE(restorer.Finish().empty());
}

// Another exchange has placeholders of its own, and none of these values.
TEST_F(PlaceholderTest, AnotherExchangeKnowsNothing) {
  Placeholders mine, theirs;
  Out("jane@example.org", mine);
  EXPECT_EQ(theirs.Restore("Write to [email 1]."), "Write to [email 1].");
  Out("eve@example.org", theirs);
  EXPECT_EQ(theirs.Restore("Write to [email 1]."), "Write to eve@example.org.");
}

TEST_F(PlaceholderTest, RestoreNeedsRedaction) {
  const std::string text = "policy: p\nversion: 1\nowner: o@example.org\npurpose: P.\nprinciples: [{id: kind, text: Be kind.}]\n"
                           "categories: [{id: c, about: C., detect: [email], on: {output: redact}, restore: true, say: [No.]}]\n";
  const auto policy = policy::ParsePolicy(text, "p.yaml", folder_.path());
  ASSERT_FALSE(policy);
  EXPECT_NE(policy.error().Text().find("redacts nothing there"), std::string::npos) << policy.error().Text();
}

}  // namespace
}  // namespace plumb::guard
