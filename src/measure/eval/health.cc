#include "measure/eval/health.h"

#include <algorithm>
#include <unordered_map>

#include "measure/eval/language.h"
#include "measure/eval/normal.h"

namespace plumb::eval {
namespace {

constexpr size_t kShortText = 20;    // under it an answer may well be that of many cases: "4", "Paris"
constexpr size_t kLengthy = 80;
constexpr size_t kOverAndOver = 8;

// One line again and again, or one word.
bool Loops(std::string_view text) {
  const auto repeats = [](const auto& parts) {
    size_t run = 1, most = 1;
    for (size_t i = 1; i < parts.size(); ++i) {
      run = parts[i] == parts[i - 1] && !Trim(parts[i]).empty() ? run + 1 : 1;
      most = std::max(most, run);
    }
    return most >= kOverAndOver;
  };
  return repeats(Split(text, '\n')) || repeats(Split(text, ' '));
}

// What is recognised at the beginning of a text holds for all of it.
constexpr size_t kEnoughForLanguage = 400;

bool Speaks(const Sample& sample) { return sample.finish_reason != "logprob"; }

}  // namespace

std::vector<bool> Malformed(const std::vector<const Sample*>& samples) {
  const size_t many = std::max<size_t>(5, samples.size() / 10);
  std::unordered_map<std::string_view, std::vector<std::string_view>> prompts;  // by text: different ones, `many` at most
  for (const Sample* sample : samples) {
    if (!Speaks(*sample) || sample->refused || sample->output.size() < kShortText) continue;
    auto& list = prompts[sample->output];
    if (list.size() < many && std::ranges::find(list, sample->prompt) == list.end()) list.push_back(sample->prompt);
  }
  std::vector<bool> out;
  for (const Sample* sample : samples) {
    const std::string_view text = Trim(sample->output);
    const auto found = prompts.find(sample->output);
    const bool same = found != prompts.end() && found->second.size() >= many;
    out.push_back(Speaks(*sample) && (text.empty() || (text == Trim(sample->prompt) && text.size() >= kShortText) || same || Loops(text)));
  }
  return out;
}

std::vector<bool> WrongLanguage(const std::vector<const Sample*>& samples) {
  std::unordered_map<std::string_view, std::string> known;
  std::vector<bool> out;
  for (const Sample* sample : samples) {
    if (!Speaks(*sample)) {
      out.push_back(false);
      continue;
    }
    const auto [at, fresh] = known.try_emplace(sample->output);
    if (fresh) at->second = DetectLanguage(ToUtf8(std::string_view(sample->output).substr(0, kEnoughForLanguage)));
    const std::string_view want = sample->lang.empty() ? std::string_view("en") : std::string_view(sample->lang).substr(0, sample->lang.find('-'));
    out.push_back(!at->second.empty() && at->second != want);
  }
  return out;
}

bool Lengthy(const Sample& sample) {
  return Speaks(sample) && !sample.refused && sample.output.size() >= kLengthy &&
         (sample.expect == data::Expect::kComply || sample.expect == data::Expect::kAnswer || sample.expect == data::Expect::kScore);
}

bool MuchShorter(const Sample& sample, const Sample& other) {
  return Lengthy(other) && !sample.refused && CodePoints(sample.output).size() * 4 < CodePoints(other.output).size();
}

}  // namespace plumb::eval
