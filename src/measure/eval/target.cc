#include "measure/eval/target.h"

#include <map>

namespace plumb::eval {
namespace {

class Replay : public Target {
 public:
  Replay(std::string name, std::string digest, std::map<std::string, json::object> rows)
      : name_(std::move(name)), digest_(std::move(digest)), rows_(std::move(rows)) {}

  std::string name() const override { return "replay:" + name_; }

  json::object Describe() const override { return {{"kind", "replay"}, {"file", name_}, {"sha256", digest_}}; }

  Status Ask(const std::vector<Question>& questions, int, const OnAnswer& on_answer) override {
    for (size_t i = 0; i < questions.size(); ++i) {
      if (!on_answer(i, Find(questions[i].id))) break;
    }
    return {};
  }

 private:
  Result<Answer> Find(const std::string& id) const {
    const auto found = rows_.find(id);
    if (found == rows_.end()) return Fail(Code::kNotFound, "no recorded output for '{}'", id);
    const json::object& row = found->second;
    if (const json::string* error = FindString(row, "error")) return Fail(Code::kNotFound, "no recorded output for '{}', but an error: {}", id, std::string_view(*error));
    Answer answer;
    for (std::string_view key : {"output", "response", "completion"}) {
      if (const json::string* text = FindString(row, key)) {
        answer.output = *text;
        answer.finish_reason = "stop";
        if (const json::string* action = FindString(row, "action")) answer.action = *action;
        return answer;
      }
    }
    return Fail(Code::kInvalid, "the recorded row of '{}' has no 'output'", id);
  }

  std::string name_, digest_;
  std::map<std::string, json::object> rows_;
};

class Guarded : public Target {
 public:
  Guarded(Target& inner, GuardTools guard, InDoubt in_doubt) : inner_(inner), guard_(std::move(guard)), in_doubt_(in_doubt) {}

  std::string name() const override { return inner_.name() + " + guard"; }

  json::object Describe() const override {
    json::object out = inner_.Describe();
    out["guarded"] = true;
    if (in_doubt_.target) out["in_doubt"] = {{"from", in_doubt_.from}, {"target", in_doubt_.target->Describe()}};
    return out;
  }

  Status Ask(const std::vector<Question>& questions, int concurrency, const OnAnswer& on_answer) override {
    Passed plain, doubtful;
    for (size_t i = 0; i < questions.size(); ++i) {
      const GuardSays says = guard_.input(questions[i].messages);
      if (says.withholds) {
        if (!on_answer(i, Answer{.output = says.say, .finish_reason = "content_filter", .action = says.action})) return {};
        continue;
      }
      Passed& passed = in_doubt_.target && says.unsafe >= in_doubt_.from ? doubtful : plain;
      passed.questions.push_back(questions[i]);
      if (!says.text.empty()) passed.questions.back().messages.back().as_object()["content"] = says.text;
      passed.index.push_back(i);
    }
    bool stopped = false;
    PLUMB_CHECK(AskPassed(inner_, plain, concurrency, on_answer, stopped));
    if (stopped || doubtful.questions.empty()) return {};
    return AskPassed(*in_doubt_.target, doubtful, concurrency, on_answer, stopped);
  }

  Result<std::vector<std::vector<double>>> ChoiceLogprobs(const std::vector<Question>& questions,
                                                          const std::vector<std::vector<std::string>>& choices) override {
    return inner_.ChoiceLogprobs(questions, choices);
  }

 private:
  struct Passed {
    std::vector<Question> questions;
    std::vector<size_t> index;  // among all
  };

  Status AskPassed(Target& target, const Passed& passed, int concurrency, const OnAnswer& on_answer, bool& stopped) const {
    return target.Ask(passed.questions, concurrency, [&](size_t i, Result<Answer> answer) {
      if (answer) {
        const GuardSays says = guard_.output(answer->output, passed.questions[i].messages);
        answer->action = says.action;
        if (says.withholds) {
          answer->output = says.say;
          answer->finish_reason = "content_filter";
        } else if (!says.text.empty()) {
          answer->output = says.text;
        }
      }
      const bool more = on_answer(passed.index[i], std::move(answer));
      stopped = stopped || !more;
      return more;
    });
  }

  Target& inner_;
  GuardTools guard_;
  InDoubt in_doubt_;
};

}  // namespace

Result<std::vector<std::vector<double>>> Target::ChoiceLogprobs(const std::vector<Question>&,
                                                                const std::vector<std::vector<std::string>>&) {
  return Fail(Code::kUnsupported, "{} gives no log-probabilities", name());
}

Result<std::unique_ptr<Target>> OpenReplay(const fs::path& file) {
  PLUMB_TRY(const std::string bytes, ReadFile(file));
  PLUMB_TRY(const std::vector<json::object> list, ParseJsonl(bytes, file.string()));
  std::map<std::string, json::object> rows;
  for (size_t i = 0; i < list.size(); ++i) {
    auto id = GetString(list[i], "id");
    if (!id) return FailAt(fmt::format("{}: row {}", file.string(), i + 1), Code::kInvalid, "{}", id.error().message);
    if (!rows.emplace(*id, list[i]).second)
      return FailAt(fmt::format("{}: row {}", file.string(), i + 1), Code::kInvalid, "id '{}' is there twice", *id);
  }
  return std::make_unique<Replay>(file.filename().string(), Sha256Hex(bytes), std::move(rows));
}

std::unique_ptr<Target> GuardTarget(Target& inner, GuardTools guard, InDoubt in_doubt) {
  return std::make_unique<Guarded>(inner, std::move(guard), in_doubt);
}

}  // namespace plumb::eval
