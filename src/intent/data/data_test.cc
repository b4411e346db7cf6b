#include <gtest/gtest.h>

#include "intent/data/data.h"

namespace plumb::data {
namespace {

fs::path WriteTo(const TempFolder& folder, const std::string& name, std::string_view text) {
  const fs::path path = folder.path() / name;
  EXPECT_TRUE(WriteFileAtomic(path, text));
  return path;
}

TEST(Suite, ReadsFolderWithDefaults) {
  TempFolder folder;
  WriteTo(folder, "cases.jsonl",
          "{\"id\":\"a\",\"prompt\":\"p\",\"expect\":\"refuse\",\"twin\":\"b\",\"clause\":\"weapons\"}\n"
          "{\"id\":\"b\",\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"expect\":\"comply\",\"twin\":\"a\",\"extra\":7}\n");
  const auto suite = LoadSuite(folder.path());
  ASSERT_TRUE(suite) << suite.error().Text();
  ASSERT_EQ(suite->cases.size(), 2u);
  EXPECT_EQ(suite->cases[0].group, suite->cases[1].group) << "twins are one cluster";
  EXPECT_EQ(suite->cases[1].Prompt(), "q");
  EXPECT_EQ(suite->cases[1].row.at("extra"), 7) << "unknown keys are carried through";
}

TEST(Suite, EveryWrongRowIsNamed) {
  TempFolder folder;
  const fs::path file = WriteTo(folder, "s.jsonl",
                                "{\"id\":\"a\",\"prompt\":\"p\",\"expect\":\"refuze\"}\n"
                                "{\"prompt\":\"p\",\"expect\":\"refuse\"}\n"
                                "{\"id\":\"c\",\"prompt\":\"p\",\"expect\":\"answer\"}\n");
  const auto suite = LoadSuite(file);
  ASSERT_FALSE(suite);
  for (const char* part : {"case 1", "refuze", "case 2", "'id'", "case 3", "scorer"})
    EXPECT_NE(suite.error().message.find(part), std::string::npos) << part << "\n" << suite.error().message;
}

TEST(Suite, AnIdMayNotComeTwiceNorATwinBeMissing) {
  TempFolder folder;
  const auto twice = LoadSuite(WriteTo(folder, "t.jsonl", "{\"id\":\"a\",\"prompt\":\"p\",\"expect\":\"refuse\"}\n"
                                                           "{\"id\":\"a\",\"prompt\":\"q\",\"expect\":\"refuse\"}\n"));
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("twice"), std::string::npos);
  const auto alone = LoadSuite(WriteTo(folder, "u.jsonl", "{\"id\":\"a\",\"prompt\":\"p\",\"expect\":\"refuse\",\"twin\":\"z\"}\n"));
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("'z'"), std::string::npos);
}

TEST(Suite, TheAuthoredOnesAreValid) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(fs::path(PLUMB_SOURCE_DIR) / "suites", ignored)) {
    if (!fs::exists(entry.path() / "cases.jsonl")) continue;
    const auto suite = LoadSuite(entry.path());
    EXPECT_TRUE(suite) << suite.error().Text();
  }
}

TEST(Csv, QuotesCommasAndLineBreaks) {
  const auto rows = ParseCsvRows("\xEF\xBB\xBFgoal,target\r\n\"say \"\"hi\"\", now\",\"a\nb\"\r\n", "x.csv");
  ASSERT_TRUE(rows) << rows.error().Text();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ((*rows)[0].at("goal"), "say \"hi\", now");
  EXPECT_EQ((*rows)[0].at("target"), "a\nb");
  EXPECT_EQ(ParseCsv("a,\"b", "x.csv").error().where, "x.csv:1");
  EXPECT_FALSE(ParseCsvRows("a,b\n1\n", "x.csv"));
}

// Every format, on invented rows in that set's own layout.
struct Sample {
  const char* format;
  const char* file;
  const char* text;
  const char* expect;
};
class Formats_ : public testing::TestWithParam<Sample> {};

TEST_P(Formats_, MakesValidCases) {
  const Sample& sample = GetParam();
  TempFolder folder;
  const fs::path file = WriteTo(folder, sample.file, sample.text);
  EXPECT_EQ(DetectFormat(file, sample.text), sample.format);
  const auto rows = Import(sample.format, sample.text, file.string(), {});
  ASSERT_TRUE(rows) << rows.error().Text();
  ASSERT_EQ(rows->size(), 1u);
  const auto one = ParseCase((*rows)[0], "row");
  ASSERT_TRUE(one) << one.error().Text();
  EXPECT_EQ(ExpectName(one->expect), std::string(sample.expect));
}

TEST(Import, BbqKeepsWhatItsBiasScoreNeeds) {
  const std::string row = R"({"category":"Tools","question_index":"3","question_polarity":"neg","context_condition":"ambig","context":"A hammer and a saw lay there.","question":"Which was rusty?",)"
                          R"("ans0":"The saw","ans1":"Not known","ans2":"The hammer","answer_info":{"ans0":["saw","Saw-Steel"],"ans1":["Not known","unknown"],"ans2":["hammer","Hammer"]},)"
                          R"("additional_metadata":{"stereotyped_groups":["steel"]},"label":1})";
  const auto rows = Import("bbq", row + "\n", "b.jsonl", {});
  ASSERT_TRUE(rows) << rows.error().Text();
  EXPECT_EQ(ToJson((*rows)[0].at("about")), R"({"ambiguity":{"context":"ambiguous","polarity":"negative","target":0,"unknown":1}})");
  EXPECT_EQ((*rows)[0].at("group"), "Tools:3");
  EXPECT_FALSE(Import("bbq", R"({"context":"c","question":"q","ans0":"a","ans1":"b","ans2":"c","label":7})" "\n", "b.jsonl", {})) << "a label that is no answer";
}

TEST(Import, HateCheckKeepsWhomItIsAbout) {
  const auto rows = Import("hatecheck", "functionality,case_id,test_case,label_gold,target_ident,templ_id\nneutral_h,7,I like them.,non-hateful,women,3\nx,8,y,maybe,men,3\n", "h.csv", {});
  ASSERT_FALSE(rows) << "a label that HateCheck does not have";
  const auto good = Import("hatecheck", "functionality,case_id,test_case,label_gold,target_ident,templ_id\nneutral_h,7,I like them.,non-hateful,women,3\n", "h.csv", {});
  ASSERT_TRUE(good) << good.error().Text();
  EXPECT_EQ((*good)[0].at("id"), "hatecheck:7");
  EXPECT_EQ((*good)[0].at("answer"), 1);
  EXPECT_EQ(ToJson((*good)[0].at("about")), R"({"part":"non-hateful","people":"women"})");
}

INSTANTIATE_TEST_SUITE_P(
    Import, Formats_,
    testing::Values(
        Sample{"harmbench", "h.csv", "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\nDo it,standard,x,,,do_it\n", "refuse"},
        Sample{"advbench", "a.csv", "goal,target\nDo it,Sure\n", "refuse"},
        Sample{"jailbreakbench", "harmful-behaviors.csv", "Index,Goal,Target,Behavior,Category,Source\n0,Do it,Sure,B,C,S\n", "refuse"},
        Sample{"jailbreakbench", "benign-behaviors.csv", "Index,Goal,Target,Behavior,Category,Source\n0,Do it,Sure,B,C,S\n", "comply"},
        Sample{"jailbreakbench-artifact", "v.json", "{\"jailbreaks\":[{\"prompt\":\"p\",\"goal\":\"g\"},{\"prompt\":null}]}", "refuse"},
        Sample{"xstest", "x.csv", "id,prompt,type,label,focus,note\n1,Kill a process?,homonyms,safe,kill,\n", "comply"},
        Sample{"or-bench", "or-bench-80k.csv", "prompt,category\nHow?,c\n", "comply"},
        Sample{"or-bench", "or-bench-toxic.csv", "prompt,category\nHow?,c\n", "refuse"},
        Sample{"simplesafetytests", "sst.csv", "id,harm_area,prompt\n1,x,How?\n", "refuse"},
        Sample{"do-not-answer", "d.csv", "id,risk_area,types_of_harm,specific_harms,question\n1,a,b,c,How?\n", "refuse"},
        Sample{"strongreject", "s.csv", "category,source,forbidden_prompt\nc,s,How?\n", "refuse"},
        Sample{"truthfulqa", "t.csv", "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source\na,b,Q?,yes,yes,no; never,s\n", "answer"},
        Sample{"mmlu", "abstract_test.csv", "What?,1,2,3,4,C\n", "answer"},
        Sample{"gsm8k", "g.jsonl", "{\"question\":\"Q\",\"answer\":\"so 1+1\\n#### 1,002\"}\n", "answer"},
        Sample{"hellaswag", "hs.jsonl", "{\"ind\":1,\"ctx\":\"He\",\"endings\":[\"a\",\"b\"],\"label\":1}\n", "answer"},
        Sample{"boolq", "b.jsonl", "{\"question\":\"is it\",\"title\":\"t\",\"answer\":true,\"passage\":\"It is.\"}\n", "answer"},
        Sample{"hatecheck", "hc.csv", ",functionality,case_id,test_case,label_gold,target_ident,templ_id\n0,neutral_h,7,I like [x].,non-hateful,women,3\n", "answer"},
        Sample{"humaneval", "he.jsonl", "{\"task_id\":\"T/0\",\"prompt\":\"def one():\\n\",\"entry_point\":\"one\",\"canonical_solution\":\" return 1\",\"test\":\"def check(f):\\n assert f() == 1\"}\n", "score"},
        Sample{"mbpp", "mbpp.jsonl", "{\"task_id\":601,\"text\":\"Write a function.\",\"code\":\"\",\"test_setup_code\":\"\",\"test_list\":[\"assert f(1) == 2\"]}\n", "score"},
        Sample{"bbq", "bbq.jsonl", "{\"context\":\"c\",\"question\":\"q\",\"ans0\":\"a\",\"ans1\":\"b\",\"ans2\":\"c\",\"label\":2}\n", "answer"},
        Sample{"model-written-evals", "syc.jsonl", "{\"question\":\"q\",\"answer_matching_behavior\":\" (A)\",\"answer_not_matching_behavior\":\" (B)\"}\n", "answer"}));

TEST(Import, UnknownFormatSuggestsANearOne) {
  const auto rows = Import("harmbnch", "", "x", {});
  ASSERT_FALSE(rows);
  EXPECT_NE(rows.error().message.find("did you mean 'harmbench'"), std::string::npos);
}

TEST(Import, MissingColumnIsNamed) {
  const auto rows = Import("advbench", "prompt\nDo it\n", "a.csv", {});
  ASSERT_FALSE(rows);
  EXPECT_NE(rows.error().Text().find("'goal'"), std::string::npos);
}

TEST(Duplicate, FindsNearCopiesAndOnlyThem) {
  const std::string base = "please tell me how one would go about building a small wooden boat with simple tools at home";
  const std::vector<std::string> texts = {base, "A wholly different question about the weather in spring and the price of tea",
                                          base + " today", "PLEASE, tell me how one would go about building a small wooden boat with simple tools at home!"};
  const auto pairs = NearDuplicates(texts, 0.7);
  ASSERT_EQ(pairs.size(), 3u);
  EXPECT_EQ(pairs[0].first, 0u);
  EXPECT_EQ(pairs[0].second, 2u);
  EXPECT_EQ(pairs[1].jaccard, 1) << "case and punctuation do not count";
}

TEST(Duplicate, ContaminationIsFoundInsideALongerText) {
  const std::string held = "what is the best way to store seven litres of rain water in winter";
  const std::vector<std::string> training = {"unrelated words that go on for a while about nothing much at all",
                                             "User asks: What is the best way to store seven litres of rain water in winter? Answer: a barrel."};
  const auto found = FindContamination({held, "quite another held-out question with words of its own"}, training);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].held_out, 0u);
  EXPECT_EQ(found[0].training, 1u);
  EXPECT_EQ(found[0].containment, 1);
}

TEST(Split, GroupsStayTogetherAndSharesHold) {
  const auto parts = ParseParts("train=0.6,calibration=0.2,test=0.2");
  ASSERT_TRUE(parts);
  int counts[3] = {};
  for (int i = 0; i < 5000; ++i) {
    const std::string group = fmt::format("g{}", i);
    const size_t part = PartOf(group, *parts);
    EXPECT_EQ(part, PartOf(group, *parts));
    ++counts[part];
  }
  EXPECT_NEAR(counts[0] / 5000.0, 0.6, 0.03);
  EXPECT_NEAR(counts[2] / 5000.0, 0.2, 0.03);
  EXPECT_FALSE(ParseParts("train=0.6"));
  EXPECT_FALSE(ParseParts("train"));
}

}  // namespace
}  // namespace plumb::data
