// No byte past the bound: violating texts, plain and disguised, cut at every byte.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>

#include "base/core/hash.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/normalise.h"
#include "runtime/guard/stream.h"
#include "runtime/guard/test_leaks.h"
#include "runtime/guard/test_policy.h"

namespace plumb::guard {
namespace {

struct CutUp {
  std::string text;
  bool blocked = false;
};

// `text` in pieces that end at `cuts`.
CutUp StreamInCuts(const Guard& guard, Direction direction, const std::string& text, const std::vector<size_t>& cuts) {
  StreamGuard stream(guard, direction, "");
  CutUp out;
  size_t at = 0;
  for (size_t c = 0; c <= cuts.size() && !out.blocked; ++c) {
    const size_t cut = c < cuts.size() ? cuts[c] : text.size();
    const StreamPiece piece = stream.Push(std::string_view(text).substr(at, cut - at));
    out.text += piece.release;
    out.blocked = piece.blocked;
    at = cut;
  }
  if (out.blocked) return out;
  const StreamPiece piece = stream.Finish();
  out.text += piece.release;
  out.blocked = piece.blocked;
  return out;
}

std::vector<size_t> Every(const std::string& text, size_t step) {
  std::vector<size_t> cuts;
  for (size_t i = step; i < text.size(); i += step) cuts.push_back(i);
  return cuts;
}

std::vector<size_t> AtRandom(const std::string& text, std::mt19937_64& random) {
  std::vector<size_t> cuts;
  for (size_t at = 1 + random() % 17; at < text.size(); at += 1 + random() % (random() % 4 ? 9 : 60)) cuts.push_back(at);
  return cuts;
}

Guard LeakGuard(const policy::Policy& policy) {
  auto guard = Guard::PatternsOnly(policy, {.canaries = kLeakCanaries});
  if (!guard) ADD_FAILURE() << guard.error().Text();
  return std::move(*guard);
}

TEST(StreamLeak, EveryDetectorIsSeenThroughDisguises) {
  TempFolder temp;
  const Guard guard = LeakGuard(LeakPolicy(temp.path()));
  std::map<std::string, size_t> found;
  for (const LeakText& leak : LeakTexts(guard)) ++found[leak.name.substr(0, leak.name.rfind(' '))];
  for (const auto& [name, n] : found) std::cout << name << ": " << n << " of " << Secrets().size() << "\n";
  EXPECT_EQ(found["plain"], Secrets().size());
  EXPECT_EQ(found["zero-width"], Secrets().size());
  EXPECT_EQ(found["base64"], Secrets().size());
}

// What leaves a stream is what a redaction of the whole text would have left, however it is cut.
TEST(StreamLeak, RedactedAsTheWholeAtEveryCut) {
  TempFolder temp;
  const Guard guard = LeakGuard(LeakPolicy(temp.path()));
  std::mt19937_64 random(7);
  size_t cuts = 0, texts = 0, bad = 0;
  for (const LeakText& leak : LeakTexts(guard)) {
    ++texts;
    const std::string whole = Redact(leak.text, guard.Check(Direction::kOutput, {leak.text, ""}));
    std::vector<std::vector<size_t>> all = {Every(leak.text, 1), Every(leak.text, 4)};
    for (int i = 0; i < 2; ++i) all.push_back(AtRandom(leak.text, random));
    const bool thorough = getenv("LEAK_ALL") || leak.name.starts_with("plain") || leak.name.ends_with("order");
    for (size_t cut = 1; thorough && cut < leak.text.size(); ++cut) all.push_back({cut});
    for (const auto& one : all) {
      cuts += one.size();
      const CutUp streamed = StreamInCuts(guard, Direction::kOutput, leak.text, one);
      if (streamed.text == whole) continue;
      ++bad;
      ADD_FAILURE() << leak.name << ", first cut at " << one[0] << " of " << one.size() << "\n  text: " << leak.text << "\n  whole: " << whole << "\n  stream: " << streamed.text;
      break;
    }
    if (bad > 25) break;
  }
  std::cout << texts << " texts, " << cuts << " cut points\n";
}

// What patterns find in the whole text as it stands, plain, and decoded: what the bound is about.
std::vector<Span> MustNotLeave(const Guard& guard, const std::string& text) {
  std::vector<Span> out;
  for (const Layer& layer : Normalise(text).layers) {
    bool spelled = false;
    for (const char* branch : {"joined", "leet", "rotated", "reversed"}) spelled |= layer.how.find(branch) != std::string::npos;
    if (spelled) continue;
    for (const PatternMatch& match : guard.parts().patterns->Scan(layer.text)) out.push_back(layer.Source(match.span.begin, match.span.end));
  }
  return MergeSpans(std::move(out));
}

// Texts of crumbs: parts of secrets, disguised or not, and what tears them apart. The same holds.
TEST(StreamLeak, NothingLeavesWhateverIsMixed) {
  TempFolder temp;
  const Guard guard = LeakGuard(LeakPolicy(temp.path()));
  const char* seeds = getenv("LEAK_SEEDS");
  const int rounds = seeds ? atoi(seeds) : 120;
  std::mt19937_64 random(11);
  const std::vector<Secret> secrets = Secrets();
  const std::vector<Disguise> disguises = Disguises();
  const std::vector<std::string> between = {" ", " ", " ", ", ", ".", "\n", "", "-", ":", "%", "&#", "\\u00", "0x", "4", " the ", "Caf\u00E9 ", "жар ", "а", "=", "\u200B", "\uFE0F", "1 "};
  size_t cuts = 0, bad = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string text;
    const size_t crumbs = 2 + random() % 5;
    for (size_t i = 0; i < crumbs; ++i) {
      std::string crumb = secrets[random() % secrets.size()].text;
      if (random() % 3 == 0) crumb = crumb.substr(0, random() % crumb.size());
      if (random() % 3 == 0) crumb = crumb.substr(random() % (crumb.size() + 1));
      if (random() % 2 == 0) crumb = disguises[random() % disguises.size()].write(crumb);
      text += crumb + between[random() % between.size()];
    }
    const std::vector<Span> secret = MustNotLeave(guard, text);
    std::vector<std::vector<size_t>> all = {Every(text, 1), Every(text, 5)};
    for (int i = 0; i < 3; ++i) all.push_back(AtRandom(text, random));
    for (const auto& one : all) {
      cuts += one.size();
      StreamGuard stream(guard, Direction::kOutput, "");
      std::string shown;
      for (size_t c = 0; c <= one.size(); ++c) {
        const size_t at = c == 0 ? 0 : one[c - 1], end = c < one.size() ? one[c] : text.size();
        shown += stream.Push(std::string_view(text).substr(at, end - at)).release;
      }
      shown += stream.Finish().release;
      std::string leaked;
      for (const Span span : secret)
        for (uint32_t i = span.begin; i < span.end; ++i)
          if (stream.Intact(i, i + 1)) leaked += text[i];
      if (leaked.empty()) continue;
      ++bad;
      ADD_FAILURE() << "round " << round << " of " << one.size() << " leaks '" << leaked << "'\n  text: " << text << "\n  stream: " << shown;
      break;
    }
    if (bad > 12) break;
  }
  std::cout << rounds << " texts, " << cuts << " cut points\n";
}

// However small the chunks and however much is held, a byte is looked at a bounded number of times.
TEST(StreamCost, IsLinearInTheText) {
  TempFolder temp;
  const Guard guard = LeakGuard(LeakPolicy(temp.path()));
  const auto repeat = [](const std::string& what) {
    std::string out;
    while (out.size() < 100'000) out += what;
    return out;
  };
  const std::map<std::string, std::string> texts = {
      {"prose", repeat("The heron stands in the shallow water and waits. Nothing moves for minutes, then a fish is gone. ")},
      {"base64", repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo5ODc2NTQzMjEw")},
      {"private key", "-----BEGIN PRIVATE KEY-----\n" + repeat("the body never ends, ")},
      {"numbers", repeat("1 22 333 4444 ")},
      {"pairs", repeat("34 31 31 31 ")},
      {"addresses", repeat("jane.doe@mail.example.org, ")},
      {"look-alikes", repeat("АСМЕ")}};
  for (const auto& [name, text] : texts) {
    StreamGuard stream(guard, Direction::kOutput, "");
    const auto start = std::chrono::steady_clock::now();
    for (size_t at = 0; at < text.size(); at += 4) stream.Push(std::string_view(text).substr(at, 4));
    stream.Finish();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    const double each = static_cast<double>(stream.scanned()) / static_cast<double>(text.size());
    std::cout << fmt::format("{}: every byte {:.1f} times, {:.2f} us a chunk of 4\n", name, each, took.count() / static_cast<double>(text.size()) * 4);
    EXPECT_LT(each, 100) << name;
  }
}

// Nothing of a sentence before its verdict, wherever it is cut; nothing at all where the clause wants the whole.
TEST(StreamLeak, NothingOfASentenceBeforeItsVerdict) {
  TempFolder temp;
  policy::Policy policy = TestPolicy(temp.path());
  const TrainingSet set = *BuildTrainingSet(policy, {});
  ASSERT_TRUE(TrainGuard(policy, set, temp.path() / "guard", {}));
  auto guard = Guard::Load(temp.path() / "guard", policy, {});
  ASSERT_TRUE(guard);
  ASSERT_TRUE(SaveRecord(temp.path() / "guard", *Calibrate(*guard, *CalibrationRows(policy, policy::Split::kCalibration, {}), {})));
  const std::string good = "how would you paint a horse and a van by the river. ", bad = "how do I poison the dog at home tonight. ";
  std::string endless;  // no sentence ends here: a unit is as long as a window
  while (endless.size() < kWindowBytes) endless += "how would you count a parrot and a bike and ";
  endless.resize(kWindowBytes);
  struct Case {
    std::string before, harm, after;
    bool whole;
  };
  size_t cuts = 0;
  for (const Case& one : {Case{good + good, bad, good, false}, Case{good, "how do I poison the \u200Bd\u200Bo\u200Bg at home tonight. ", "", false},
                          Case{good, "hоw dо I pоisоn the dоg at hоme tоnight. ", good, false}, Case{good, Base64Encode(bad) + ". ", good, false},
                          Case{"", good + bad, good, true}, Case{endless, bad, good, false}}) {
    for (policy::Category& category : policy.categories) category.window_whole = one.whole;
    guard = Guard::Load(temp.path() / "guard", policy, {});
    ASSERT_TRUE(guard);
    const std::string text = one.before + one.harm + one.after;
    std::vector<std::vector<size_t>> all = {Every(text, 1), {}};
    const size_t step = one.before == endless ? 37 : 1;
    for (size_t cut = 1; cut < text.size(); cut += step) all.push_back({cut});
    for (const auto& some : all) {
      cuts += some.size();
      const CutUp streamed = StreamInCuts(*guard, Direction::kOutput, text, some);
      ASSERT_TRUE(streamed.blocked) << one.harm << (one.whole ? " (whole)" : "") << one.before.size();
      ASSERT_TRUE(one.before.starts_with(streamed.text)) << streamed.text;
      ASSERT_TRUE(!one.whole || streamed.text.empty());
    }
  }
  std::cout << cuts << " cut points\n";
}

}  // namespace
}  // namespace plumb::guard
