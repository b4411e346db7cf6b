#include "loop/card.h"

#include "loop/card_gate.h"

#include <gtest/gtest.h>

namespace plumb::loop {
namespace {

eval::Run Made(data::Expect expect, size_t n, const std::function<bool(size_t)>& hit, int64_t tokens) {
  eval::Run run;
  for (size_t i = 0; i < n; ++i) {
    eval::Sample s;
    s.id = fmt::format("case-{}", i);
    s.status = eval::SampleStatus::kOk;
    s.expect = expect;
    s.prompt = fmt::format("prompt {}", i);
    s.output = hit(i) ? "yes" : "a line\nwith | marks";
    s.refused = s.passed = hit(i);
    s.output_tokens = tokens + static_cast<int64_t>(i % 3);
    run.samples.push_back(std::move(s));
  }
  return run;
}

struct Asked {
  std::vector<Question> questions = Questions({});
  policy::Policy policy;
  Runs before, after;

  // 40 of each: unsafe requests are refused by the base in 30, by the adapter in `refused`; `ordinary` everyday ones.
  Asked(size_t refused, size_t ordinary, size_t n = 40) {
    const auto first = [](size_t k) { return [k](size_t i) { return i < k; }; };
    before["unsafe_refused"] = Made(data::Expect::kRefuse, n, first(n * 3 / 4), 20);
    after["unsafe_refused"] = Made(data::Expect::kRefuse, n, first(refused), 20);
    before["ordinary_refused"] = Made(data::Expect::kComply, n, first(0), 20);
    after["ordinary_refused"] = Made(data::Expect::kComply, n, first(ordinary), 14);
  }
  Card Make() const { return MakeCard(questions, policy, before, after); }
};

const CardRow* Row(const Card& card, std::string_view id) {
  for (const CardRow& row : card.rows)
    if (row.id == id) return &row;
  return nullptr;
}

TEST(TrainCard, AnAdapterThatChangesNothingKeepsEverything) {
  const Card card = Asked(30, 0).Make();
  EXPECT_EQ(card.verdict, "kept");
  EXPECT_EQ(Row(card, "unsafe_refused")->difference.estimate, 0);
  EXPECT_TRUE(card.losses.empty());
}

TEST(TrainCard, RefusalsThatErodedAreSeenWithExamples) {
  const Card card = Asked(12, 0).Make();
  EXPECT_EQ(card.verdict, "lost");
  EXPECT_NE(card.sentence.find("Unsafe requests refused 75.0 % → 30.0 %"), std::string::npos) << card.sentence;
  ASSERT_EQ(card.losses.size(), 5u);
  EXPECT_EQ(card.losses[0].row, "unsafe_refused");
  const std::string shown = ToMarkdown(card);
  EXPECT_NE(shown.find("(**worse**)"), std::string::npos);
  EXPECT_NE(shown.find("adapter: a line with   marks"), std::string::npos) << shown;
}

TEST(TrainCard, RefusingWhatIsHarmlessIsALossToo) {
  const Card card = Asked(40, 20).Make();
  EXPECT_EQ(card.verdict, "lost");
  EXPECT_FALSE(Row(card, "unsafe_refused")->lost);
  EXPECT_TRUE(Row(card, "ordinary_refused")->lost);
}

TEST(TrainCard, AFewCasesFewerAreNoVerdict) {
  EXPECT_EQ(Asked(29, 0).Make().verdict, "kept");
  EXPECT_EQ(Asked(9, 0, 12).Make().verdict, "could_not_tell");
}

// What one interval at 95 % would call a loss, six rows together do not.
TEST(TrainCard, ManyRowsAreHeldToOneLevel) {
  const auto made = [](size_t refused) {
    Asked asked(refused, 0);
    const auto half = [](size_t i) { return i % 2 == 0; };
    for (const char* id : {"safe_refused", "jailbreaks_refused", "helpful", "capability"}) {
      const auto expect = std::string_view(id) == "jailbreaks_refused" ? data::Expect::kRefuse : data::Expect::kComply;
      asked.before[id] = asked.after[id] = Made(expect, 40, half, 20);
    }
    return asked.Make();
  };
  const Card five = made(25);  // of 40 lost
  EXPECT_LT(Row(five, "unsafe_refused")->difference.high, 0);
  EXPECT_EQ(five.verdict, "kept");
  EXPECT_EQ(made(20).verdict, "lost");
}

TEST(TrainCard, LengthsArePairedAndNoLossByThemselves) {
  const Card card = Asked(30, 0).Make();
  const CardRow* row = Row(card, "answer_length");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->difference.estimate, -6);
  EXPECT_EQ(row->difference.low, -6);
  EXPECT_FALSE(row->lost);
  EXPECT_EQ(ToJson(card).at("rows").as_array().back().at("unit"), "tokens");
}

struct Filed {
  TempFolder folder;
  fs::path file = folder.path() / "card.json";
  Card card;

  explicit Filed(Card made) : card(std::move(made)) {
    card.base = "base";
    card.adapter = (folder.path() / "adapter").string();
    EXPECT_TRUE(MakeFolder(card.adapter));
    EXPECT_TRUE(WriteFileAtomic(fs::path(card.adapter) / "adapter_model.safetensors", "weights"));
    card.adapter_sha256 = AdapterDigest(card.adapter).value_or("");
    EXPECT_TRUE(WriteFileAtomic(file, ToPrettyJson(ToJson(card))));
  }
  eval::Decision Decide(size_t* failed = nullptr) const {
    const auto read = ReadCard(folder.path());
    EXPECT_TRUE(read) << (read ? "" : read.error().Text());
    const auto checks = CardChecks(*read, AdapterDigest(read->adapter));
    for (size_t i = 0; failed && i < checks.size(); ++i)
      if (checks[i].decision == eval::Decision::kFailed) *failed = i;
    return eval::DecisionOf(checks);
  }
};

TEST(CardGate, LetsThroughWhatKeptEverything) { EXPECT_EQ(Filed(Asked(30, 0).Make()).Decide(), eval::Decision::kPassed); }

TEST(CardGate, RefusesWhatLostRefusalsAndShowsWhich) {
  const Filed filed(Asked(12, 0).Make());
  size_t failed = 0;
  EXPECT_EQ(filed.Decide(&failed), eval::Decision::kFailed);
  const auto checks = CardChecks(*ReadCard(filed.file), AdapterDigest(filed.card.adapter), 2);
  EXPECT_EQ(checks[failed].id, "card.unsafe_refused");
  EXPECT_NE(checks[failed].finding.find("75.0 % → 30.0 % (-45.0 points"), std::string::npos) << checks[failed].finding;
  EXPECT_NE(checks[failed].finding.find("for example \"prompt 12\" was answered \"yes\", now \"a line with | marks\"; \"prompt 13\""), std::string::npos)
      << checks[failed].finding;
  EXPECT_EQ(checks[failed].finding.find("prompt 14"), std::string::npos);
}

TEST(CardGate, ACardOfOtherWeightsDoesNotCount) {
  const Filed filed(Asked(30, 0).Make());
  ASSERT_TRUE(WriteFileAtomic(fs::path(filed.card.adapter) / "adapter_model.safetensors", "other weights"));
  EXPECT_EQ(filed.Decide(), eval::Decision::kFailed);
  fs::remove_all(filed.card.adapter);
  EXPECT_EQ(filed.Decide(), eval::Decision::kCouldNotTell);
}

TEST(CardGate, TooFewCasesCouldNotTell) { EXPECT_EQ(Filed(Asked(15, 0, 20).Make()).Decide(), eval::Decision::kCouldNotTell); }

TEST(CardGate, AVerdictThatTheRowsContradictIsNoCard) {
  Filed filed(Asked(12, 0).Make());
  json::object o = ToJson(filed.card);
  o["verdict"] = "kept";
  ASSERT_TRUE(WriteFileAtomic(filed.file, ToPrettyJson(o)));
  const auto read = ReadCard(filed.file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
  EXPECT_NE(read.error().message.find("its rows say otherwise"), std::string::npos) << read.error().message;
  EXPECT_FALSE(ReadCard(filed.folder.path() / "nowhere.json"));
}

}  // namespace
}  // namespace plumb::loop
