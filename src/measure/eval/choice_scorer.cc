// Choosing between the case's choices: the right one, or one of several decisions of which none is right.
#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "measure/eval/scorer_parts.h"
#include "measure/eval/settled.h"

namespace plumb::eval {
namespace {

struct Picked {
  std::optional<int64_t> choice;
  std::optional<double> confidence;
};

const json::object* ChoosingSpec(const data::Case& one) {
  for (const json::value& spec : one.scorers) {
    const json::value& type = spec.as_object().at("type");
    if (type == "choice" || type == "decision") return &spec.as_object();
  }
  return nullptr;
}

// By what a log-probability is divided before it is compared.
double Norm(std::string_view choice, bool by_bytes) { return by_bytes ? std::max<double>(1, static_cast<double>(choice.size())) : 1.0; }

int64_t Likeliest(const std::vector<std::string>& choices, const std::vector<double>& logprobs, bool by_bytes) {
  int64_t best = 0;
  for (size_t i = 1; i < choices.size(); ++i) {
    if (logprobs[i] / Norm(choices[i], by_bytes) > logprobs[best] / Norm(choices[best], by_bytes)) best = static_cast<int64_t>(i);
  }
  return best;
}

// How much of the choices' probability, as the target gives it, lies on this one.
double ShareOf(const std::vector<double>& logprobs, int64_t choice) {
  const double most = *std::max_element(logprobs.begin(), logprobs.end());
  const double all = std::accumulate(logprobs.begin(), logprobs.end(), 0.0, [&](double sum, double one) { return sum + std::exp(one - most); });
  return std::exp(logprobs[choice] - most) / all;
}

// The last "Confidence: 80 %" of a text: 80, 80 % and 0.8 are the same.
std::optional<double> StatedConfidence(const std::string& output) {
  static const RE2 stated("(?i)confiden[a-z]*[^0-9]{0,20}([0-9]{1,3}(?:\\.[0-9]+)?)");
  re2::StringPiece rest(output);
  std::string found, last;
  while (RE2::FindAndConsume(&rest, stated, &found)) last = found;
  if (last.empty()) return std::nullopt;
  const double number = ParseNumber(last).value_or(-1);
  const double share = number <= 1 && last.find('.') != std::string::npos ? number : number / 100;
  return share >= 0 && share <= 1 ? std::optional(share) : std::nullopt;
}

Picked Pick(const Scored& sample, const std::vector<std::string>& choices, bool by_bytes) {
  if (sample.choice_logprobs.size() == choices.size()) {
    const int64_t best = Likeliest(choices, sample.choice_logprobs, by_bytes);
    return {best, ShareOf(sample.choice_logprobs, best)};
  }
  const int settled = SettledChoice(sample.output, choices);
  if (settled < 0) return {};
  return {settled, WantsConfidence(sample.one) ? StatedConfidence(sample.output) : std::nullopt};
}

// Four digits, the same text on every machine.
std::optional<double> Rounded(std::optional<double> x) { return x ? std::optional(std::round(1e4 * *x) / 1e4) : x; }

std::string PickedNote(const Picked& picked) {
  return picked.choice ? fmt::format("chose {}", static_cast<char>('A' + *picked.choice)) : "no choice";
}

Status CheckChoosing(const ScorerSpec& in) {
  if (in.one.choices.size() < 2) return Fail(Code::kInvalid, "it needs at least two 'choices' in the row");
  PLUMB_TRY(const std::string norm, GetStringOr(in.spec, "norm", "bytes"));
  if (norm != "bytes" && norm != "none") return Fail(Code::kInvalid, "'norm' is '{}', must be bytes or none", norm);
  PLUMB_TRY(const std::string confidence, GetStringOr(in.spec, "confidence", "logprob"));
  if (confidence != "logprob" && confidence != "stated") return Fail(Code::kInvalid, "'confidence' is '{}', must be logprob or stated", confidence);
  return {};
}

bool NormByBytes(const json::object& spec) {
  const json::string* norm = FindString(spec, "norm");
  return !norm || *norm == "bytes";
}

// A choice by its index, its text or its letter; −1 where it is none.
int64_t ChoiceNamed(const json::value& named, const std::vector<std::string>& choices) {
  const auto count = static_cast<int64_t>(choices.size());
  int64_t at = named.is_int64() ? named.as_int64() : -1;
  if (named.is_string()) {
    const std::string text(named.as_string());
    at = std::find(choices.begin(), choices.end(), text) - choices.begin();
    if (at == count && text.size() == 1) at = text[0] - 'A';
  }
  return at >= 0 && at < count ? at : -1;
}

}  // namespace

bool IsChoice(const data::Case& one) { return ChoosingSpec(one) != nullptr; }

bool AsksToDecide(const data::Case& one) {
  const json::object* spec = ChoosingSpec(one);
  return spec && spec->at("type") == "decision";
}

bool WantsConfidence(const data::Case& one) {
  const json::object* spec = ChoosingSpec(one);
  const json::string* confidence = spec ? FindString(*spec, "confidence") : nullptr;
  return confidence && *confidence == "stated";
}

bool WantsLogprobs(const data::Case& one) {
  const json::object* spec = ChoosingSpec(one);
  const json::string* method = spec ? FindString(*spec, "method") : nullptr;
  return spec && !WantsConfidence(one) && (!method || *method == "logprob");
}

int64_t LikeliestChoice(const data::Case& one, const std::vector<double>& logprobs) {
  const json::object* spec = ChoosingSpec(one);
  return Likeliest(one.choices, logprobs, !spec || NormByBytes(*spec));
}

MadeScorer MakeChoice(const ScorerSpec& in) {
  PLUMB_CHECK(CheckChoosing(in));
  const int64_t right = ChoiceNamed(ScorerField(in, "answer"), in.one.choices);
  if (right < 0) return Fail(Code::kInvalid, "'answer' must be the index of a choice, from 0 to {}", in.one.choices.size() - 1);
  return MakeScorer("choice", [choices = in.one.choices, right, by_bytes = NormByBytes(in.spec)](const Scored& sample) {
    const Picked picked = Pick(sample, choices, by_bytes);
    Score score = PassOrFail(picked.choice == right, PickedNote(picked));
    score.chose = picked.choice;
    score.confidence = Rounded(picked.confidence);
    return score;
  });
}

MadeScorer MakeDecision(const ScorerSpec& in) {
  PLUMB_CHECK(CheckChoosing(in));
  const int64_t favourable = ChoiceNamed(ScorerField(in, "favourable"), in.one.choices);
  if (favourable < 0) return Fail(Code::kInvalid, "'favourable' must be the index of a choice, from 0 to {}", in.one.choices.size() - 1);
  return MakeScorer("decision", [choices = in.one.choices, favourable, by_bytes = NormByBytes(in.spec)](const Scored& sample) {
    const Picked picked = Pick(sample, choices, by_bytes);
    return Score{.passed = picked.choice.has_value(), .value = picked.choice == favourable ? 1.0 : 0.0, .note = PickedNote(picked),
                 .pending = false, .chose = picked.choice, .confidence = Rounded(picked.confidence)};
  });
}

}  // namespace plumb::eval
