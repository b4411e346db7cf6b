#include "measure/eval/provider_target.h"

#include "runtime/provider/local.h"

namespace plumb::eval {
namespace {

class ProviderTarget final : public Target {
 public:
  explicit ProviderTarget(provider::Target target) : target_(std::move(target)) {}

  std::string name() const override { return target_.name; }
  json::object Describe() const override { return {{"name", target_.name}, {"provider", target_.provider->name()}, {"model", target_.model}}; }

  Status Ask(const std::vector<Question>& questions, int concurrency, const OnAnswer& on_answer) override {
    std::vector<provider::ChatRequest> requests;
    for (const Question& question : questions) {
      provider::ChatRequest request;
      request.id = question.id;
      request.model = target_.model;
      request.messages = question.messages;
      request.temperature = question.temperature;
      request.max_tokens = question.max_tokens;
      request.seed = static_cast<int64_t>(question.seed);
      requests.push_back(std::move(request));
    }
    auto answers = provider::ChatAll(*target_.provider, requests, static_cast<size_t>(concurrency),
                                     [&](size_t index, const Result<provider::ChatResponse>& response) { return on_answer(index, AnswerOf(response)); });
    if (!answers) return std::unexpected(answers.error());
    return {};
  }

  Result<std::vector<std::vector<double>>> ChoiceLogprobs(const std::vector<Question>& questions,
                                                          const std::vector<std::vector<std::string>>& choices) override {
    auto* local = dynamic_cast<provider::LocalProvider*>(target_.provider.get());
    if (!local) return Fail(Code::kUnsupported, "{} gives no log-probabilities", target_.name);
    std::vector<json::array> prompts;
    std::vector<std::string> completions;
    for (size_t i = 0; i < questions.size(); ++i)
      for (const auto& choice : choices[i]) prompts.push_back(questions[i].messages), completions.push_back(choice);
    PLUMB_TRY(const auto scored, local->Logprobs(prompts, completions));
    std::vector<std::vector<double>> out;
    size_t next = 0;
    for (const auto& list : choices) {
      std::vector<double> row;
      for (size_t k = 0; k < list.size(); ++k) row.push_back(scored[next++].total);
      out.push_back(std::move(row));
    }
    return out;
  }

 private:
  static Result<Answer> AnswerOf(const Result<provider::ChatResponse>& response) {
    if (!response) return std::unexpected(response.error());
    return Answer{.output = response->text, .finish_reason = response->finish_reason,
                  .input_tokens = response->usage.input_tokens, .output_tokens = response->usage.output_tokens};
  }

  provider::Target target_;
};

}  // namespace

Result<std::unique_ptr<Target>> OpenTarget(const std::string& name, const provider::OpenOptions& options) {
  if (name.starts_with("replay:")) return OpenReplay(name.substr(7));
  PLUMB_TRY(auto target, provider::OpenTarget(name, options));
  return std::make_unique<ProviderTarget>(std::move(target));
}

}  // namespace plumb::eval
