#include "loop/pairs.h"

#include <algorithm>
#include <map>
#include <random>

#include "measure/redteam/redteam.h"
#include "runtime/guard/refusal.h"

namespace plumb::loop {
namespace {

// A number that depends on the text alone, so that a prompt is treated alike in every turn.
uint64_t NumberOf(std::string_view text, std::string_view salt) {
  const std::string digest = Sha256(std::string(salt).append("\n").append(text));
  uint64_t n = 0;
  for (int i = 0; i < 8; ++i) n = n << 8 | static_cast<unsigned char>(digest[i]);
  return n;
}

constexpr std::string_view kOpening = "I'm sorry, but I can't help with that.";
// Of that in the tokenizers of the Llama family.
constexpr int64_t kOpeningTokens = 12;

bool IsRequest(const policy::Example& example) {
  // Tone examples are answers, principles have none; scope is taught by the system prompt.
  return example.prompt.empty() && example.clause != "scope" && example.clause != "tone" && !example.clause.starts_with("principle/");
}

Result<std::string> ContentOf(const json::object& row, std::string_view key) {
  const auto* value = row.if_contains(key);
  if (value && value->is_string()) return std::string(value->get_string());
  if (value && value->is_array() && !value->get_array().empty())
    if (const auto* last = value->get_array().back().if_object()) return GetString(*last, "content");
  return Fail(Code::kInvalid, "field '{}' must be text or messages", key);
}

}  // namespace

std::vector<PairPrompt> PairPrompts(const std::vector<policy::Example>& examples, size_t most, uint64_t seed) {
  std::vector<const redteam::Wrapper*> wrappers;
  for (const auto& wrapper : redteam::Wrappers())
    if (!wrapper.held_out) wrappers.push_back(&wrapper);

  std::map<std::pair<std::string, bool>, std::vector<PairPrompt>> by_clause;
  for (const auto& example : examples) {
    if (example.split != policy::Split::kTrain || !IsRequest(example)) continue;
    auto& list = by_clause[{example.clause, example.violates}];
    list.push_back({example.text, example.clause, example.kind, example.violates, example.text});
    const uint64_t n = NumberOf(example.text, "variant");
    if (example.clause == policy::kOrdinary) continue;  // varied enough as they are
    if (n % 6 == 0) {
      list.push_back({redteam::Reword(example.text, n / 6), example.clause, "reworded", example.violates, example.text});
    } else if (n % 6 == 1) {
      const auto* wrapper = wrappers[n / 6 % wrappers.size()];
      list.push_back({wrapper->apply(example.text), example.clause, fmt::format("wrapper/{}", wrapper->name), example.violates, example.text});
    }
  }

  std::mt19937_64 random(seed);
  std::vector<PairPrompt> all;
  for (auto& [_, list] : by_clause) std::shuffle(list.begin(), list.end(), random);
  // Everyday prompts are most of what a model is asked: up to a third of the turn is theirs. The rest goes round robin
  // over clauses and sides, so that a smaller turn sees every clause.
  if (const auto everyday = by_clause.find({std::string(policy::kOrdinary), false}); everyday != by_clause.end()) {
    auto& list = everyday->second;
    all.assign(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(std::min(list.size(), most / 3)));
    by_clause.erase(everyday);
  }
  for (size_t round = 0; all.size() < most; ++round) {
    bool any = false;
    for (auto& [_, list] : by_clause)
      if (round < list.size() && all.size() < most) all.push_back(list[round]), any = true;
    if (!any) break;
  }
  std::shuffle(all.begin(), all.end(), random);
  return all;
}

std::string_view RefusalOpening() { return kOpening.substr(0, kOpening.find(' ', kOpening.find(','))); }

std::string RefusalFor(const policy::Policy& policy, const PairPrompt& prompt) {
  const auto* category = policy.FindCategory(prompt.clause);
  if (!category || category->say.empty()) return std::string(kOpening);
  // One sentence of the clause's own, the one that says what can be done instead: the last that is short enough.
  const std::string_view say = policy::Say(*category, prompt.example);
  std::string_view last;
  for (size_t begin = 0; begin < say.size();) {
    size_t end = say.find_first_of(".!?", begin);
    end = end == std::string_view::npos ? say.size() : end + 1;
    const std::string_view sentence = Trim(say.substr(begin, end - begin));
    if (!sentence.empty() && sentence.size() <= 110) last = sentence;
    begin = end;
  }
  return last.empty() ? std::string(kOpening) : fmt::format("{} {}", kOpening, last);
}

bool DeclinesWell(std::string_view answer, std::string_view prompt) {
  const std::string_view said = Trim(answer);
  const bool whole = said.ends_with('.') || said.ends_with('!') || said.ends_with('?');
  return whole && said.size() <= 240 && guard::RefusalScore(said, prompt) >= 0.9;
}

bool OpensAsRefusal(std::string_view answer, std::string_view prompt) {
  return guard::RefusalScore(answer, prompt) >= 0.5 || StartsWithNoCase(Trim(answer), "I'm sorry");
}

json::array Said(std::string_view role, std::string_view content) {
  return {json::object{{"role", role}, {"content", content}}};
}

json::object PairRow(const Pair& pair) {
  return {{"prompt", Said("user", pair.prompt.text)}, {"chosen", Said("assistant", pair.chosen)},
          {"rejected", Said("assistant", pair.rejected)}, {"clause", pair.prompt.clause}, {"kind", pair.prompt.kind},
          {"violates", pair.prompt.violates}, {"source", pair.source}, {"open", pair.open}, {"example", pair.prompt.example}};
}

Result<Pair> PairFromRow(const json::object& row) {
  Pair pair;
  PLUMB_TRY(pair.prompt.text, ContentOf(row, "prompt"));
  PLUMB_TRY(pair.chosen, ContentOf(row, "chosen"));
  PLUMB_TRY(pair.rejected, ContentOf(row, "rejected"));
  PLUMB_TRY(pair.prompt.clause, GetStringOr(row, "clause", ""));
  PLUMB_TRY(pair.prompt.kind, GetStringOr(row, "kind", ""));
  PLUMB_TRY(pair.prompt.violates, GetBoolOr(row, "violates", false));
  PLUMB_TRY(pair.source, GetStringOr(row, "source", "data"));
  PLUMB_TRY(pair.open, GetBoolOr(row, "open", false));
  PLUMB_TRY(pair.prompt.example, GetStringOr(row, "example", pair.prompt.text));
  return pair;
}

bool LearnedFurther(std::string_view prompt) { return NumberOf(prompt, "further") % 4 == 0; }

json::object SftRow(const Pair& pair) {
  json::object row = {{"prompt", Said("user", pair.prompt.text)}, {"completion", Said("assistant", pair.chosen)}};
  // Whether to decline is decided in the first words, and those are what most rows are spent on: a refusal's opening
  // sentence, the first token of an answer. Every fourth row is learned further, so that refusals end as they should
  // and answers go on as the model's own.
  const bool further = LearnedFurther(pair.prompt.text);
  if (pair.source == "data") return row;
  // An answer of the model's own is held to what the model would have said anyway (KL to the base), not imitated:
  // imitating one greedy answer sharpens every other and costs knowledge.
  if (pair.open) row["anchor"] = true, row["weight"] = 0;
  if (pair.open) row["max_completion_tokens"] = further ? 14 : 1;
  else if (!further) row["max_completion_tokens"] = kOpeningTokens;
  return row;
}

}  // namespace plumb::loop
