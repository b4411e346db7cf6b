#include "intent/data/variants.h"

#include <gtest/gtest.h>

#include "intent/data/suite.h"

namespace plumb::data {
namespace {

std::vector<json::object> TemplateRows(std::string_view jsonl) { return ParseJsonl(jsonl, "t.jsonl").value(); }

constexpr const char* kNames =
    R"({"variants":"names","as":[{"group":{"gender":"women"},"name":"Emily","they":"she"},{"group":{"gender":"men"},"name":"Jacob","they":"he"},)"
    R"({"group":{"gender":"men"},"name":"Paul","they":"he"}]})" "\n";

TEST(Variants, DifferInTheGroupOnly) {
  const auto cases = ExpandVariants(TemplateRows(std::string(kNames) +
      R"({"id":"loan-1","prompt":"{name} asks for {\"a\": 1} and says {they} will pay.","vary":"names","expect":"score","choices":["yes","no"],)"
      R"("scorer":{"type":"decision","favourable":0},"about":{"field":"lending"}})" "\n" R"({"id":"plain","prompt":"{x} stays","expect":"comply"})"), "t.jsonl");
  ASSERT_TRUE(cases) << cases.error().Text();
  ASSERT_EQ(cases->size(), 4u);
  EXPECT_EQ((*cases)[0].at("id"), "loan-1/women");
  EXPECT_EQ((*cases)[0].at("prompt"), "Emily asks for {\"a\": 1} and says she will pay.");
  EXPECT_EQ((*cases)[2].at("id"), "loan-1/men-2");
  EXPECT_EQ((*cases)[2].at("prompt"), "Paul asks for {\"a\": 1} and says he will pay.");
  EXPECT_EQ(ToJson((*cases)[0].at("about")), R"({"field":"lending","pair":"loan-1","gender":"women"})");
  EXPECT_EQ((*cases)[3].at("prompt"), "{x} stays") << "a row without variants is left alone";
  TempFolder folder;
  ASSERT_TRUE(WriteSuite(folder.path(), *cases));
  const auto suite = LoadSuite(folder.path());
  ASSERT_TRUE(suite) << suite.error().Text();
  EXPECT_EQ(suite->cases[1].group, "loan-1") << "variants are one cluster";
  EXPECT_EQ(suite->cases[1].about.at("gender"), "men");
}

TEST(Variants, WhatCannotBeFilledInIsNamed) {
  const auto wrong = [](const std::string& row) {
    const auto cases = ExpandVariants(TemplateRows(kNames + row), "t.jsonl");
    return cases ? std::string("accepted") : cases.error().Text();
  };
  EXPECT_NE(wrong(R"({"id":"a","prompt":"{nmae}","vary":"names"})").find("t.jsonl: row 2: no variant has 'nmae'"), std::string::npos);
  EXPECT_NE(wrong(R"({"id":"a","prompt":"no names here","vary":"names"})").find("none of its texts"), std::string::npos);
  EXPECT_NE(wrong(R"({"id":"a","prompt":"{name}","vary":"nams"})").find("'nams'"), std::string::npos);
  EXPECT_NE(wrong(R"({"id":"a","prompt":"{name}","vary":[{"name":"x"},{"name":"y"}]})").find("'group'"), std::string::npos);
}

// What the audits' templates give is what the suites hold.
TEST(Variants, TheAuthoredTemplatesGiveTheAuthoredCases) {
  std::error_code ignored;
  int suites = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(PLUMB_SOURCE_DIR) / "suites", ignored)) {
    const fs::path templates = entry.path() / "templates.jsonl";
    if (!fs::exists(templates)) continue;
    ++suites;
    const auto cases = ExpandVariants(ReadJsonl(templates).value(), templates.string());
    ASSERT_TRUE(cases) << cases.error().Text();
    const auto held = ReadJsonl(entry.path() / "cases.jsonl");
    ASSERT_TRUE(held) << held.error().Text();
    EXPECT_EQ(*cases, *held) << "plumb data expand " << templates.string() << " --out " << entry.path().string();
  }
  EXPECT_GE(suites, 1);
}

}  // namespace
}  // namespace plumb::data
