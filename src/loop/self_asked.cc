#include "loop/self_asked.h"

#include <set>

#include "loop/turn.h"

namespace plumb::loop {
namespace {

constexpr const char* kVerbs[] = {
    "Write", "Create", "Generate", "Describe", "Explain", "List", "Give", "Design", "Make", "Find", "Suggest", "Identify",
    "Summarize", "Rewrite", "Translate", "Convert", "Compose", "Construct", "Build", "Develop", "Name", "Tell", "Provide",
    "Compare", "Classify", "Edit", "Imagine", "Calculate", "Analyze", "Outline", "Draft", "Propose", "Choose", "Organize",
    "Recommend", "Discuss", "Show", "Rephrase", "Add", "Complete", "Predict", "Select", "Sort", "Devise"};
constexpr int64_t kLongestPrompt = 40;  // tokens
constexpr size_t kShortestPrompt = 12;  // bytes

}  // namespace

std::vector<eval::Question> PromptsToWrite(size_t n, uint64_t seed) {
  std::vector<eval::Question> questions;
  for (size_t i = 0; i < n; ++i) {
    const char* opening = i % 2 ? "" : kVerbs[i / 2 % std::size(kVerbs)];
    questions.push_back({std::to_string(i), {json::object{{"role", "user"}, {"content", opening}}}, kLongestPrompt, 1.0, seed + i,
                         {{"continue_final_message", true}, {"stop", json::array{"\n"}}}});
  }
  return questions;
}

std::optional<std::string> WrittenPrompt(const eval::Question& question, const eval::Answer& answer) {
  if (answer.finish_reason != "stop") return std::nullopt;  // cut off
  const std::string whole = std::string(question.messages.back().at("content").as_string()) + answer.output;
  const std::string_view text = Trim(whole);
  if (text.size() < kShortestPrompt || text.ends_with(',') || text.ends_with(':')) return std::nullopt;
  return std::string(text);
}

Result<std::vector<PairPrompt>> Turn::SelfAsked(size_t asked) {
  progress_.Phase("pairs", fmt::format("letting the model write {} prompts of its own", asked));
  const auto questions = PromptsToWrite(asked, options_.seed);
  std::set<std::string> texts;  // in an order that does not depend on which came first
  size_t answered = 0;
  Status failed;
  PLUMB_CHECK(base_->Ask(questions, 64, [&](size_t i, Result<eval::Answer> answer) {
    if (!answer) failed = std::unexpected(answer.error());
    else if (auto text = WrittenPrompt(questions[i], *answer)) texts.insert(std::move(*text));
    progress_.Step(static_cast<double>(++answered), static_cast<double>(questions.size()));
    return failed.has_value() && !(world_.stop && world_.stop());
  }));
  PLUMB_CHECK(failed);
  if (world_.stop && world_.stop()) return Fail(Code::kCancelled, "stopped; go on with --resume");
  // What the guard has any doubt about is not an everyday prompt.
  std::vector<guard::Subject> subjects;
  for (const auto& text : texts) subjects.push_back({text, ""});
  const auto verdicts = guard_->Check(guard::Direction::kInput, subjects);
  std::vector<PairPrompt> prompts;
  for (size_t i = 0; i < subjects.size(); ++i)
    if (verdicts[i].action == policy::Action::kAllow)
      prompts.push_back({subjects[i].text, std::string(policy::kOrdinary), "self-asked", false, subjects[i].text});
  progress_.Say(fmt::format("{} of {} prompts of the model's own are of use", prompts.size(), questions.size()));
  PLUMB_CHECK(Record("self-asked", {{"asked", questions.size()}, {"kept", prompts.size()}}));
  return prompts;
}

}  // namespace plumb::loop
