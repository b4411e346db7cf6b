#include "runtime/guard/aligned.h"

#include <algorithm>
#include <cmath>

#include "base/net/io_thread.h"
#include "runtime/guard/cascade.h"
#include "runtime/guard/windows.h"
#include "runtime/provider/local.h"

namespace plumb::guard {
namespace {

// What a classifier's float can hold of a small probability.
constexpr double kLeast = -80;

std::string Shortened(const std::string& given) {
  constexpr size_t kEnd = 3000;
  const std::string text = ToUtf8(given);
  if (text.size() <= 2 * kEnd) return text;
  const auto pieces = Windows(text, kEnd, 0);
  return fmt::format("{}\n…\n{}", text.substr(0, pieces.front().second), text.substr(pieces.back().first));
}

// The doubtful, by place: let through, and such that the tier could stop them, since ln p is at most 0.
std::vector<size_t> Doubtful(const Guard::Parts& parts, const std::vector<Scores>& scores, std::vector<Verdict>& verdicts) {
  std::vector<size_t> out;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].failed || verdicts[i].action >= Action::kRedirect) continue;
    if (LeansToRefuse(*parts.record.aligned, scores[i].unsafe, 0)) out.push_back(i);
    else verdicts[i].detectors["aligned"] = {DetectorStatus::kOk, 0, true, ""};
  }
  return out;
}

Status Ask(const Guard::Parts& parts, std::span<const Subject> subjects, const std::vector<size_t>& asked, std::vector<Scores>& scores) {
  if (parts.options.aligned == nullptr) return Fail(Code::kUnavailable, "no aligned model was given");
  for (size_t begin = 0; begin < asked.size(); begin += kEncoderBatch) {
    const size_t end = std::min(asked.size(), begin + kEncoderBatch);
    std::vector<std::string> texts;
    for (size_t i = begin; i < end; ++i) texts.push_back(subjects[asked[i]].text);
    PLUMB_TRY(const auto answers, parts.options.aligned->Classify(texts));
    if (answers.size() != texts.size()) return Fail(Code::kInternal, "the aligned model answered {} of {} texts", answers.size(), texts.size());
    for (size_t i = begin; i < end; ++i) {
      const auto& answer = answers[i - begin];
      if (answer.size() != 1 || !(answer[0] >= 0 && answer[0] <= 1)) return Fail(Code::kInternal, "the aligned model gave no probability");
      scores[asked[i]].refuses = std::max(kLeast, std::log(static_cast<double>(answer[0])));
    }
  }
  return {};
}

}  // namespace

AlignedModel::AlignedModel(const std::string& model, std::string opening, EncoderOptions options) : opening_(std::move(opening)) {
  if (!options.executor) {
    own_thread_ = std::make_unique<net::IoThread>();
    options.executor = own_thread_->executor();
  }
  provider_ = std::make_unique<provider::LocalProvider>(options.executor, model, std::move(options.lm));
}
AlignedModel::~AlignedModel() = default;
provider::LmProcess& AlignedModel::process() { return provider_->process(); }

Result<std::vector<std::vector<float>>> AlignedModel::Classify(const std::vector<std::string>& texts) {
  std::vector<json::array> prompts;
  for (const std::string& text : texts) prompts.push_back({json::object{{"role", "user"}, {"content", Shortened(text)}}});
  PLUMB_TRY(const auto answers, provider_->Logprobs(prompts, std::vector<std::string>(texts.size(), opening_)));
  std::vector<std::vector<float>> out;
  for (const auto& answer : answers) out.push_back({static_cast<float>(std::exp(std::clamp(answer.total, kLeast, 0.0)))});
  return out;
}

double JoinedLogit(double weight, double unsafe, double refuses) { return unsafe + weight * refuses; }

bool LeansToRefuse(const AlignedIdentity& aligned, double unsafe, double refuses) {
  return JoinedLogit(aligned.weight, unsafe, refuses) >= Logit(aligned.threshold);
}

void AskAligned(const Guard::Parts& parts, std::span<const Subject> subjects, std::vector<Scores>& scores, std::vector<Verdict>& verdicts) {
  if (!parts.record.aligned || !parts.options.require_encoder) return;
  const std::vector<size_t> asked = Doubtful(parts, scores, verdicts);
  if (asked.empty()) return;
  const double from = parts.options.milliseconds();
  const Status answered = Ask(parts, subjects, asked, scores);
  const double each = (parts.options.milliseconds() - from) / static_cast<double>(asked.size());
  const DetectorStatus status = answered ? DetectorStatus::kOk : parts.options.aligned ? DetectorStatus::kError : DetectorStatus::kNotRun;
  for (const size_t i : asked) {
    scores[i].detectors["aligned"] = {status, each, false, answered ? "" : answered.error().Text()};
    if (!answered) scores[i].failed = true, scores[i].refuses.reset();
    verdicts[i] = Judge(parts, Direction::kInput, subjects[i], scores[i]);
  }
}

Result<std::unique_ptr<AlignedModel>> OpenAligned(const AlignedIdentity& aligned, const fs::path& folder, EncoderOptions options) {
  const fs::path config = folder / "adapter_config.json";
  std::error_code error;
  if (!fs::exists(config, error)) return FailAt(config.string(), Code::kNotFound, "is missing: the guard's aligned model is not whole");
  const std::string model = aligned.base + "+" + fs::absolute(folder, error).string();
  options.lm.models = {model};
  return std::make_unique<AlignedModel>(model, aligned.opening, std::move(options));
}

}  // namespace plumb::guard
