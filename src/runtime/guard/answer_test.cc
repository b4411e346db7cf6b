#include "runtime/guard/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/guard/test_leaks.h"

namespace plumb::guard {
namespace {

constexpr char kCard[] = "4111 1111 1111 1111";

class AnswerGuardTest : public testing::Test {
 protected:
  AnswerGuardTest() : guard_(std::move(*Guard::PatternsOnly(LeakPolicy(folder_.path()), {.canaries = kLeakCanaries}))) {}

  // Everything that leaves, with `pieces` as they come.
  AnswerPiece Run(const std::vector<AnswerPiece>& pieces, AnswerOptions options = {.stream = true}) {
    AnswerGuard answer(guard_, "", options);
    AnswerPiece all;
    const auto add = [&](AnswerPiece piece) {
      all.text += piece.text;
      all.reasoning += piece.reasoning;
      all.refusal += piece.refusal;
      for (json::value& call : piece.tool_calls) all.tool_calls.push_back(std::move(call));
      if (piece.logprobs.is_null()) return;
      if (all.logprobs.is_null()) all.logprobs = json::object{{"content", json::array()}};
      for (json::value& entry : piece.logprobs.at("content").as_array()) all.logprobs.at("content").as_array().push_back(std::move(entry));
    };
    for (const AnswerPiece& piece : pieces) add(answer.Push(piece));
    add(answer.Finish());
    verdict_ = answer.verdict();
    blocked_ = answer.blocked();
    redacted_ = answer.redacted();
    return all;
  }
  static json::array Call(int index, const std::string& name, const std::string& arguments) {
    return {json::object{{"index", index}, {"id", "c1"}, {"type", "function"}, {"function", {{"name", name}, {"arguments", arguments}}}}};
  }
  static json::array More(int index, const std::string& arguments) {
    return {json::object{{"index", index}, {"function", {{"arguments", arguments}}}}};
  }
  static std::string Arguments(const AnswerPiece& piece, size_t call = 0) {
    return std::string(piece.tool_calls.at(call).at("function").at("arguments").as_string());
  }

  TempFolder folder_;
  Guard guard_;
  Verdict verdict_;
  bool blocked_ = false, redacted_ = false;
};

TEST_F(AnswerGuardTest, EveryTextIsGuardedByItself) {
  const std::string card = kCard;
  for (const bool stream : {true, false}) {
    const AnswerPiece out = Run({{.text = "Yours is 4111 11"}, {.reasoning = "They mean " + card.substr(0, 9)}, {.text = "11 1111 1111, fine.", .reasoning = card.substr(9) + " then."},
                                 {.refusal = "I cannot show " + card + "."}}, {.stream = stream});
    EXPECT_EQ(out.text, "Yours is [redacted: secrets], fine.");
    EXPECT_EQ(out.reasoning, "They mean [redacted: secrets] then.");
    EXPECT_EQ(out.refusal, "I cannot show [redacted: secrets].");
    EXPECT_EQ(verdict_.action, Action::kRedact);
    EXPECT_EQ(verdict_.clause, "secrets");
    EXPECT_TRUE(redacted_);
    EXPECT_EQ(verdict_.categories.at("secrets").channel, "");
  }
  Run({{.text = "Nothing here."}, {.reasoning = card + "."}});
  EXPECT_EQ(verdict_.categories.at("secrets").channel, "reasoning");
}

TEST_F(AnswerGuardTest, ObservingChangesNothingAndJudgesEverything) {
  const AnswerPiece said{.text = std::string("It is ") + kCard, .tool_calls = Call(0, "pay", std::string("{\"card\":\"") + kCard + "\"}")};
  const AnswerPiece out = Run({said}, {.stream = true, .enforce = false});
  EXPECT_EQ(out.text, said.text);
  EXPECT_EQ(out.tool_calls, said.tool_calls);
  EXPECT_EQ(verdict_.action, Action::kRedact);
  EXPECT_FALSE(blocked_);
}

TEST_F(AnswerGuardTest, ArgumentsStayJsonWhereTheyAreRedacted) {
  const AnswerPiece out = Run({{.tool_calls = Call(0, "pay", "{\"amount\": 12.5, \"no")}, {.tool_calls = More(0, "te\": \"card \\u0034111 1111 \\u00311")},
                               {.tool_calls = More(0, "11 1111 \\\"ok\\\"\", \"list\": [\"jane.doe@mail.example.org\", 3]}")}});
  ASSERT_FALSE(blocked_);
  const auto parsed = ParseJson(Arguments(out));
  ASSERT_TRUE(parsed) << Arguments(out);
  EXPECT_EQ(Arguments(out), R"({"amount": 12.5, "note": "card [redacted: secrets] \"ok\"", "list": ["[redacted: secrets]", 3]})");
  EXPECT_EQ(out.tool_calls.at(0).at("id").as_string(), "c1");
  EXPECT_EQ(verdict_.categories.at("secrets").channel, "tool_call 0");
}

// Where a redaction would break what is called, nothing is called.
TEST_F(AnswerGuardTest, ArgumentsThatCannotBeRedactedAreBlocked) {
  const std::string card = kCard;
  for (const std::string& arguments : std::vector<std::string>{
           "{\"" + card + "\": 1}",                                     // a key
           "{\"card\": 4111111111111111}",                              // a number
           "{\"card\": \"" + card,                                      // no JSON
           "{\"a\": \"\\ud83d\", \"b\": \"hooks.slack.com\\/services\\/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\"}"}) {  // JSON to some
    const AnswerPiece out = Run({{.tool_calls = Call(0, "pay", arguments)}});
    EXPECT_TRUE(blocked_) << arguments;
    EXPECT_TRUE(out.empty()) << arguments;
    EXPECT_EQ(verdict_.action, Action::kBlock);
    EXPECT_EQ(verdict_.clause, "secrets");
  }
  Run({{.tool_calls = Call(0, "plumb-canary-0f3a9c77b2", "{}")}});
  EXPECT_TRUE(blocked_);
}

TEST_F(AnswerGuardTest, HarmlessCallsPassByteForByte) {
  const std::string arguments = "{ \"city\" : \"Z\\u00fcrich\",\"days\": 3 }";
  for (size_t cut = 0; cut <= arguments.size(); ++cut) {
    const AnswerPiece out = Run({{.tool_calls = Call(0, "weather", arguments.substr(0, cut))}, {.tool_calls = More(0, arguments.substr(cut))}, {.tool_calls = Call(1, "time", "")}});
    ASSERT_EQ(out.tool_calls.size(), 2u);
    EXPECT_EQ(Arguments(out), arguments);
    EXPECT_EQ(out.tool_calls.at(1).at("index").as_int64(), 1);
  }
}

// Reasoning that something else came between: its two halves must not make one number in a client that joins them.
TEST_F(AnswerGuardTest, ReasoningThatGoesOnIsSetApart) {
  const std::string order = "ACME-123456";
  for (size_t cut = 1; cut < order.size(); ++cut) {
    AnswerGuard answer(guard_, "", {.stream = true});
    std::string thought = answer.Push({.reasoning = "It is " + order.substr(0, cut)}).reasoning;
    thought += answer.EndReasoning();
    answer.Push({.text = "Well. "});
    thought += answer.Push({.reasoning = order.substr(cut) + " I think."}).reasoning;
    thought += answer.Finish().reasoning;
    EXPECT_EQ(thought, "It is " + order.substr(0, cut) + "\n\n" + order.substr(cut) + " I think.");
    EXPECT_NE(answer.verdict().action, Action::kBlock);
  }
}

json::value Token(const std::string& token) {
  return json::object{{"content", {{{"token", token}, {"logprob", -0.5}, {"bytes", nullptr}, {"top_logprobs", json::array()}}}}};
}

std::string Tokens(const json::value& logprobs) {
  std::string out;
  if (!logprobs.is_null())
    for (const json::value& entry : logprobs.at("content").as_array()) out += std::string(entry.at("token").as_string());
  return out;
}

TEST_F(AnswerGuardTest, LogprobsFollowTheirText) {
  AnswerGuard answer(guard_, "", {.stream = true});
  std::string text, tokens;
  for (const char* token : {"Your", " card", " is", " 4111", " 1111", " 1111", " 1111", ".", " Bye", "!"}) {
    const AnswerPiece out = answer.Push({.text = token, .logprobs = Token(token)});
    text += out.text;
    tokens += Tokens(out.logprobs);
    EXPECT_LE(tokens.size(), text.size());
  }
  const AnswerPiece out = answer.Finish();
  EXPECT_EQ(text + out.text, "Your card is [redacted: secrets]. Bye!");
  EXPECT_EQ((tokens + Tokens(out.logprobs)).find("1111"), std::string::npos);
  // " 4111" has a space that is not redacted; its entry has what is.
  EXPECT_EQ(tokens + Tokens(out.logprobs), "Your card is. Bye!");
}

TEST_F(AnswerGuardTest, LogprobsOfOtherTextAreDropped) {
  const AnswerPiece out = Run({{.text = "Some", .logprobs = Token("Some")}, {.text = " words", .logprobs = Token(kCard)}, {.text = " more", .logprobs = Token(" more")}});
  EXPECT_EQ(out.text, "Some words more");
  EXPECT_EQ(Tokens(out.logprobs), "Some");
}

// Half a character is a token, too.
TEST_F(AnswerGuardTest, LogprobsCountBytes) {
  const json::value half = json::object{{"content", {{{"token", "\\xF0\\x9F"}, {"logprob", -1.0}, {"bytes", {0xF0, 0x9F}}}}}};
  const json::value rest = json::object{{"content", {{{"token", "\\x98\\x80"}, {"logprob", -1.0}, {"bytes", {0x98, 0x80}}}}}};
  const AnswerPiece out = Run({{.text = "", .logprobs = half}, {.text = "\xF0\x9F\x98\x80", .logprobs = rest}, {.text = " ok", .logprobs = Token(" ok")}});
  ASSERT_FALSE(out.logprobs.is_null());
  EXPECT_EQ(out.logprobs.at("content").as_array().size(), 3u);
}

TEST(AnswerGuardCut, NothingLeaksInAnyChannelAtAnyCut) {
  TempFolder folder;
  const auto guard = Guard::PatternsOnly(LeakPolicy(folder.path()), {.canaries = kLeakCanaries});
  ASSERT_TRUE(guard);
  size_t cuts = 0;
  for (const Secret& secret : Secrets()) {
    const std::string text = "Here by phone, ssn: " + secret.text + " it is.";
    const json::value quoted(text);
    std::string escaped = "{\"note\": \"";
    for (const char c : text) escaped += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    escaped += "\"}";
    for (const std::string& arguments : {"{\"note\": " + ToJson(quoted) + "}", escaped})
      for (size_t cut = 1; cut < arguments.size(); cut += 7, ++cuts) {
        AnswerGuard answer(*guard, "", {.stream = true});
        const json::array first = {json::object{{"index", 0}, {"function", {{"name", "note"}, {"arguments", arguments.substr(0, cut)}}}}};
        const json::array second = {json::object{{"index", 0}, {"function", {{"arguments", arguments.substr(cut)}}}}};
        EXPECT_TRUE(answer.Push({.tool_calls = first}).empty());
        EXPECT_TRUE(answer.Push({.tool_calls = second}).empty());
        const AnswerPiece out = answer.Finish();
        ASSERT_FALSE(answer.blocked()) << secret.kind;
        const std::string left(out.tool_calls.at(0).at("function").at("arguments").as_string());
        const auto parsed = ParseJson(left);
        ASSERT_TRUE(parsed) << left;
        EXPECT_EQ(parsed->at("note").as_string(), Redact(text, guard->Check(Direction::kToolCall, {text, ""}))) << secret.kind;
      }
    for (size_t cut = 1; cut < text.size(); ++cut, ++cuts) {
      AnswerGuard answer(*guard, "", {.stream = true});
      AnswerPiece out = answer.Push({.text = text.substr(0, cut), .reasoning = text.substr(0, cut), .refusal = text});
      std::string shown = out.text, thought = out.reasoning, refused = out.refusal;
      out = answer.Push({.text = text.substr(cut), .reasoning = text.substr(cut)});
      shown += out.text, thought += out.reasoning, refused += out.refusal;
      out = answer.Finish();
      shown += out.text, thought += out.reasoning, refused += out.refusal;
      const std::string whole = Redact(text, guard->Check(Direction::kOutput, {text, ""}));
      ASSERT_EQ(shown, whole);
      ASSERT_EQ(thought, whole);
      ASSERT_EQ(refused, whole);
    }
  }
  std::cout << cuts << " cut points\n";
}

}  // namespace
}  // namespace plumb::guard
