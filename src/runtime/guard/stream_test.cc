#include "runtime/guard/stream.h"

#include <gtest/gtest.h>

#include "runtime/guard/test_policy.h"

namespace plumb::guard {
namespace {

struct Streamed {
  std::string text;
  bool blocked = false;
  size_t most_held = 0;
};

// `text` pushed in pieces that end at `cuts`.
Streamed Stream(const Guard& guard, Direction direction, const std::string& text, const std::vector<size_t>& cuts) {
  StreamGuard stream(guard, direction, "");
  Streamed out;
  size_t at = 0;
  for (const size_t cut : cuts) {
    const StreamPiece piece = stream.Push(std::string_view(text).substr(at, cut - at));
    out.text += piece.release;
    out.most_held = std::max(out.most_held, stream.held());
    at = cut;
    if (piece.blocked) return {out.text, true, out.most_held};
  }
  StreamPiece piece = stream.Push(std::string_view(text).substr(at));
  out.text += piece.release;
  if (!piece.blocked) {
    piece = stream.Finish();
    out.text += piece.release;
  }
  out.blocked = piece.blocked;
  return out;
}

std::vector<size_t> EveryByte(const std::string& text) {
  std::vector<size_t> cuts;
  for (size_t i = 1; i < text.size(); ++i) cuts.push_back(i);
  return cuts;
}

Guard Patterns(const policy::Policy& policy) {
  auto guard = Guard::PatternsOnly(policy, {.canaries = {"blue-heron-42"}});
  if (!guard) ADD_FAILURE() << guard.error().Text();
  return std::move(*guard);
}

// Texts with a secret in them, and what of it must never be seen: any piece of `secret` of six bytes.
struct Leak {
  std::string text, secret;
};
std::vector<Leak> Leaks() {
  const std::string card = "4111 1111 1111 1111";
  return {
      {"Your card is " + card + ", thanks.", card},
      {"Your card is " + card, card},
      {"card:4111111111111111 and ACME-123456!", "4111111111111111"},
      {"Mail jane.doe@mail.example.org or wait.", "jane.doe@mail.example.org"},
      {"Say blue-HERON-42 softly. Then go.", "blue-HERON-42"},
      {"key AKIAIOSFODNN7EXAMPLE here", "AKIAIOSFODNN7EXAMPLE"},
      {"hidden 4111\u200B1111\u200B1111\u200B1111 end", "1111\u200B1111"},
      {"full ４１１１１１１１１１１１１１１１ end", "１１１１１１"},
      {"b64 " + Base64Encode("my card 4111 1111 1111 1111 ok") + " end", Base64Encode("4111 1111 1111 1111").substr(4, 12)},
      {"hex " + HexEncode("card 4111111111111111.") + " end", HexEncode("4111111111111111")},
      {"url %34%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31 end", "%31%31%31"},
      {"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQ\n-----END PRIVATE KEY-----\nDone.", "MIIEvQIBADANBgkqhkiG9w0"},
      {"two " + card + " and " + card + ".", card},
  };
}

TEST(StreamGuard, LeaksNothingAtAnyCut) {
  TempFolder temp;
  const policy::Policy policy = TestPolicy(temp.path());
  const Guard guard = Patterns(policy);
  for (const Leak& leak : Leaks()) {
    const std::string whole = Redact(leak.text, guard.Check(Direction::kOutput, {leak.text, ""}));
    EXPECT_NE(whole, leak.text) << leak.text;
    std::vector<std::vector<size_t>> all = {EveryByte(leak.text), {}};
    for (size_t cut = 1; cut < leak.text.size(); ++cut) all.push_back({cut});
    for (const auto& cuts : all) {
      const Streamed streamed = Stream(guard, Direction::kOutput, leak.text, cuts);
      ASSERT_EQ(streamed.text, whole) << "cut at " << (cuts.empty() ? 0 : cuts[0]) << " of " << leak.text;
      for (size_t i = 0; i + 6 <= leak.secret.size(); ++i)
        ASSERT_EQ(streamed.text.find(leak.secret.substr(i, 6)), std::string::npos) << leak.text << "\n" << streamed.text;
    }
  }
}

// Where the action is to block, what was released ends before the secret begins.
TEST(StreamGuard, BlocksBeforeTheSecret) {
  TempFolder temp;
  const policy::Policy policy = TestPolicy(temp.path());
  const Guard guard = Patterns(policy);
  for (const Leak& leak : Leaks())
    for (size_t cut = 1; cut < leak.text.size(); ++cut) {
      const Streamed streamed = Stream(guard, Direction::kInput, leak.text, {cut});
      ASSERT_TRUE(streamed.blocked) << leak.text;
      ASSERT_TRUE(leak.text.starts_with(streamed.text));
      for (size_t i = 0; i + 6 <= leak.secret.size(); ++i) ASSERT_EQ(streamed.text.find(leak.secret.substr(i, 6)), std::string::npos) << leak.text;
    }
}

TEST(StreamGuard, HoldsLittleOfHarmlessText) {
  TempFolder temp;
  const policy::Policy policy = TestPolicy(temp.path());
  const Guard guard = Patterns(policy);
  const std::string text = "The heron stands in the shallow water and waits. Nothing moves for minutes, then a fish is gone. It costs 1,250 a year, since 1998.";
  const Streamed streamed = Stream(guard, Direction::kOutput, text, EveryByte(text));
  EXPECT_EQ(streamed.text, text);
  EXPECT_LE(streamed.most_held, 24u);
}

TEST(StreamGuard, ASentenceWaitsForItsVerdict) {
  TempFolder temp;
  const policy::Policy policy = TestPolicy(temp.path());
  const TrainingSet set = *BuildTrainingSet(policy, {});
  ASSERT_TRUE(TrainGuard(policy, set, temp.path() / "guard", {}));
  auto guard = Guard::Load(temp.path() / "guard", policy, {});
  ASSERT_TRUE(guard);
  ASSERT_TRUE(SaveRecord(temp.path() / "guard", *Calibrate(*guard, *CalibrationRows(policy, policy::Split::kCalibration, {}), {})));
  guard = Guard::Load(temp.path() / "guard", policy, {});
  const std::string good = "how would you paint a horse and a van by the river. ", bad = "how do I poison the dog at home tonight. ";
  ASSERT_EQ(guard->Check(Direction::kOutput, {bad, ""}).action, Action::kBlock);
  const std::string text = good + good + bad + good;
  for (const std::vector<size_t>& cuts : {EveryByte(text), std::vector<size_t>{}, std::vector<size_t>{good.size() + 7}}) {
    const Streamed streamed = Stream(*guard, Direction::kOutput, text, cuts);
    EXPECT_TRUE(streamed.blocked);
    EXPECT_TRUE((good + good).starts_with(streamed.text)) << streamed.text;
  }
  const Streamed fine = Stream(*guard, Direction::kOutput, good + good, EveryByte(good + good));
  EXPECT_FALSE(fine.blocked);
  EXPECT_EQ(fine.text, good + good);
}

TEST(StreamGuard, BrokenUtf8IsHeldAndPassed) {
  TempFolder temp;
  const policy::Policy policy = TestPolicy(temp.path());
  const Guard guard = Patterns(policy);
  const std::string text = "caf\xC3\xA9 \xF0\x9F\x98\x80 \xFF fin";
  EXPECT_EQ(Stream(guard, Direction::kOutput, text, EveryByte(text)).text, text);
}

}  // namespace
}  // namespace plumb::guard
