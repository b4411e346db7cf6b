// docs/console-api.md is what the answers look like: every field of an answer stands there, and nothing else does.
#include <gmock/gmock.h>

#include <set>

#include "runtime/gateway/gateway_fixture_test.h"
#include "runtime/gateway/hold.h"

namespace plumb::gateway {
namespace {

// Fields that are there only sometimes; the text says when.
const std::set<std::string> kSometimes = {"error", "attempts", "arm", "rules", "bearing", "withheld", "sha256", "skipped", "note", "clause", "refusal", "failed", "channel"};
// Objects whose keys are names: of clauses, detectors, frameworks, what a route matches.
const std::set<std::string> kNamed = {"match", "maps", "scores", "categories", "detectors"};

// The first JSON of the section `heading`, with the VERDICT it refers to left open.
json::object Documented(const std::string& heading) {
  const std::string page = *ReadFile(fs::path(PLUMB_SOURCE_DIR) / "docs/console-api.md");
  const size_t section = page.find(heading + "\n");
  const size_t begin = page.find("```json\n", section) + 8;
  EXPECT_NE(section, std::string::npos) << heading;
  std::string text = page.substr(begin, page.find("```", begin) - begin);
  for (const char* open : {"VERDICT", "…markdown…"}) {
    for (size_t at; (at = text.find(open)) != std::string::npos;) text.replace(at, std::string(open).size(), open[0] == 'V' ? "null" : "");
  }
  if (!text.starts_with('{')) ADD_FAILURE() << heading;
  auto parsed = ParseJson(text, heading);
  EXPECT_TRUE(parsed && parsed->is_object()) << (parsed ? "no object" : parsed.error().Text());
  return parsed && parsed->is_object() ? parsed->as_object() : json::object();
}

// Where the page and an answer have different fields.
void Compare(const json::value& page, const json::value& answer, const std::string& path, std::vector<std::string>& differences) {
  if (page.is_array() && answer.is_array() && !page.get_array().empty() && !answer.get_array().empty())
    return Compare(page.get_array()[0], answer.get_array()[0], path + "[]", differences);
  if (!page.is_object() || !answer.is_object()) return;
  const json::object &written = page.get_object(), &given = answer.get_object();
  if (kNamed.contains(path.substr(path.rfind('.') + 1))) {
    if (!written.empty() && !given.empty()) Compare(written.begin()->value(), given.begin()->value(), path + ".*", differences);
    return;
  }
  for (const auto& [key, value] : written) {
    if (const json::value* got = given.if_contains(key)) Compare(value, *got, path + "." + std::string(key), differences);
    else if (!kSometimes.contains(std::string(key))) differences.push_back(fmt::format("{}.{} is written and not given", path, std::string_view(key)));
  }
  for (const auto& [key, value] : given)
    if (!written.contains(key) && !kSometimes.contains(std::string(key))) differences.push_back(fmt::format("{}.{} is given and not written", path, std::string_view(key)));
}

std::vector<std::string> Differences(const json::value& page, const json::value& answer) {
  std::vector<std::string> differences;
  Compare(page, answer, "", differences);
  return differences;
}

using ConsoleDocTest = GatewayTest;

TEST_F(ConsoleDocTest, StatusPolicyAndLedgerHaveTheFieldsOfThePage) {
  Chat("hello");
  EXPECT_THAT(Differences(Documented("## GET /api/status"), Json(Send("GET", "/api/status"))), testing::IsEmpty());
  EXPECT_THAT(Differences(Documented("## GET /api/policy"), Json(Send("GET", "/api/policy"))), testing::IsEmpty());
  EXPECT_THAT(Differences(Documented("## GET /api/ledger/head"), Json(Send("GET", "/api/ledger/head"))), testing::IsEmpty());
}

TEST_F(ConsoleDocTest, ExchangesAndVerdictsHaveTheFieldsOfThePage) {
  vendor_.Say(std::string("The card is ") + kCard);
  Chat("which card?");
  const json::object page = Documented("## GET /api/exchanges?limit&before");
  const json::object list = Json(Send("GET", "/api/exchanges"));
  EXPECT_THAT(Differences(page, list), testing::IsEmpty());
  const std::string id(list.at("exchanges").at(0).at("id").as_string());
  // One exchange is a row of the list and more.
  json::object whole = Documented("## GET /api/exchanges/{id}");
  for (const auto& [key, value] : page.at("exchanges").at(0).as_object()) whole[key] = value;
  const json::object detail = Json(Send("GET", "/api/exchanges/" + id));
  EXPECT_THAT(Differences(whole, detail), testing::IsEmpty());
  EXPECT_THAT(Differences(Documented("is `null` where that direction was not reached:"), detail.at("verdicts").at("output")), testing::IsEmpty());
}

TEST_F(ConsoleDocTest, TryHasTheFieldsOfThePage) {
  const json::value body = {{"direction", "output"}, {"text", kCard}};
  EXPECT_THAT(Differences(Documented("or not an earlier one had decided:"), Json(Send("POST", "/api/try", ToJson(body)))), testing::IsEmpty());
}

TEST(ConsoleDoc, AHeldAnswerHasTheFieldsOfThePage) {
  Hold hold;
  hold.answer.choices.emplace_back();
  EXPECT_THAT(Differences(Documented("`GET /api/held` → `{\"held\": [HOLD, …]}`, newest first, at most 100:"), HoldJson(hold, true)), testing::IsEmpty());
}

TEST(ConsoleDoc, ADifferenceIsFound) {
  const json::value page = {{"a", 1}, {"list", json::array{json::object{{"x", 1}}}}}, answer = {{"list", json::array{json::object{{"x", 1}, {"y", 2}}}}};
  EXPECT_THAT(Differences(page, answer), testing::UnorderedElementsAre(".a is written and not given", ".list[].y is given and not written"));
}

}  // namespace
}  // namespace plumb::gateway
