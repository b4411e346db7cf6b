#include "measure/eval/juror.h"

#include "measure/eval/pairwise_prompt.h"
#include "runtime/provider/fence.h"

namespace plumb::eval {
namespace {

// What came of one order so far.
struct Asking {
  Question question;
  size_t exhibit;
  int order;        // 0: "meets" is offered first
  Vote vote = Vote::kFailed;
  std::string reason, output;
  int64_t input_tokens = 0, output_tokens = 0;
  bool repaired = false;
};

// One opinion of both orders.
Opinion Together(const Asking& first, const Asking& second) {
  Opinion out;
  out.said = {first.vote, second.vote};
  const auto add = [&](const Asking& one) {
    out.repaired += one.repaired;
    out.input_tokens += one.input_tokens;
    out.output_tokens += one.output_tokens;
  };
  add(first);
  if (&first != &second) add(second);
  if (first.vote == second.vote) {
    out.vote = first.vote;
    out.reason = first.reason;
    return out;
  }
  for (const Vote missing : {Vote::kFailed, Vote::kInvalid}) {
    if (first.vote != missing && second.vote != missing) continue;
    out.vote = missing;
    out.reason = first.vote == missing ? first.reason : second.reason;
    return out;
  }
  out.vote = Vote::kUnsure;
  out.reason = fmt::format("{} with \"meets\" offered first ({}), {} with \"breaks\" offered first ({})", VoteName(first.vote), first.reason,
                           VoteName(second.vote), second.reason);
  return out;
}

class JudgingModel : public Juror {
 public:
  JudgingModel(Target& target, ModelJurorOptions options) : target_(target), options_(std::move(options)) {
    const json::object identity = target_.Describe();
    if (const json::string* kind = FindString(identity, "kind")) kind_ = *kind;
  }

  std::string name() const override { return target_.name(); }
  int orders() const override { return options_.both_orders ? 2 : 1; }
  Status MaySee(const std::vector<std::string>& never_send) const override { return target_.MaySee(never_send); }

  json::object Describe() const override {
    return {{"kind", "model"}, {"target", target_.name()}, {"identity", target_.Describe()}, {"task_sha256", JudgeTaskHash()},
            {"orders", orders()}, {"schema", options_.schema}, {"max_tokens", options_.max_tokens}, {"temperature", options_.temperature},
            {"seed", options_.seed}};
  }

  Status Judge(const std::vector<Exhibit>& exhibits, int concurrency, const OnOpinion& on_opinion) override {
    std::vector<Asking> askings;
    for (size_t i = 0; i < exhibits.size(); ++i) {
      for (int order = 0; order < orders(); ++order) askings.push_back({.question = Ask(exhibits[i], order), .exhibit = i, .order = order, .reason = "", .output = ""});
    }
    std::vector<int> open(exhibits.size(), orders());
    bool stopped = false;
    // An exhibit's opinion is there with its last order; the askings of one exhibit stand beside one another.
    const auto settled = [&](const Asking& one) {
      if (--open[one.exhibit] > 0) return true;
      const size_t first = one.exhibit * static_cast<size_t>(orders());
      const bool more = on_opinion(one.exhibit, Together(askings[first], askings[first + static_cast<size_t>(orders()) - 1]));
      stopped = stopped || !more;
      return more;
    };
    std::vector<size_t> all(askings.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    std::vector<size_t> unread;
    PLUMB_CHECK(AskRound(askings, all, concurrency, [&](size_t at) {
      if (askings[at].vote != Vote::kInvalid) return settled(askings[at]);
      unread.push_back(at);
      return true;
    }));
    if (stopped || unread.empty()) return {};
    for (size_t at : unread) {
      Asking& one = askings[at];
      one.question.messages.push_back(json::object{{"role", "assistant"}, {"content", one.output.empty() ? "(nothing)" : one.output}});
      one.question.messages.push_back(json::object{{"role", "user"}, {"content", JudgeRepair(one.reason)}});
    }
    return AskRound(askings, unread, concurrency, [&](size_t at) {
      askings[at].repaired = Decides(askings[at].vote) || askings[at].vote == Vote::kUnsure;
      return settled(askings[at]);
    });
  }

 private:
  Question Ask(const Exhibit& exhibit, int order) const {
    const bool meets_first = order == 0;
    const std::string mark = MarkOf(options_.nonce, exhibit.key, {exhibit.conversation, exhibit.answer, exhibit.criterion});
    Question question{.id = fmt::format("{}:{}", exhibit.key, meets_first ? "meets-first" : "breaks-first"),
                      .messages = {json::object{{"role", "system"}, {"content", JudgeTask(exhibit.criterion, meets_first)}},
                                   json::object{{"role", "user"}, {"content", JudgeCase(mark, exhibit)}}},
                      .max_tokens = options_.max_tokens, .temperature = options_.temperature, .seed = options_.seed, .extra = {}};
    if (!options_.schema) return question;
    question.extra = provider::HeldTo(kind_, VerdictSchema(meets_first));
    return question;
  }

  // Asks those of `which`; `done` hears of each once its vote is in.
  Status AskRound(std::vector<Asking>& askings, const std::vector<size_t>& which, int concurrency, const std::function<bool(size_t)>& done) {
    std::vector<Question> questions;
    for (size_t at : which) questions.push_back(askings[at].question);
    return target_.Ask(questions, concurrency, [&](size_t i, Result<Answer> answer) {
      Asking& one = askings[which[i]];
      if (!answer) {
        one.vote = Vote::kFailed;
        one.reason = answer.error().Text();
        return done(which[i]);
      }
      one.output = IsUtf8(answer->output) ? answer->output : ToUtf8(answer->output);
      one.input_tokens += answer->input_tokens;
      one.output_tokens += answer->output_tokens;
      const auto finding = ParseVerdict(one.output);
      one.vote = finding ? finding->vote : Vote::kInvalid;
      one.reason = finding ? finding->reason : finding.error().message;
      if (!finding && answer->finish_reason == "length") one.reason += " (it was cut off at the token limit)";
      return done(which[i]);
    });
  }

  Target& target_;
  ModelJurorOptions options_;
  std::string kind_;
};

}  // namespace

Result<std::unique_ptr<Juror>> ModelJuror(Target& target, ModelJurorOptions options) {
  if (options.nonce.size() < 16) return Fail(Code::kInvalid, "the fences need at least 16 random bytes");
  return std::make_unique<JudgingModel>(target, std::move(options));
}

}  // namespace plumb::eval
