#include <algorithm>
#include <set>

#include "measure/eval/asked_log.h"
#include "measure/redteam/agent.h"
#include "measure/redteam/agent_text.h"
#include "measure/redteam/attack.h"

namespace plumb::redteam {
namespace {

std::string ArgumentText(const json::object& arguments, const std::string& name) {
  const json::value* value = arguments.if_contains(name);
  if (!value) return "";
  // 950 and not 9.5E2, as people write numbers.
  return value->is_string() ? std::string(value->get_string()) : CanonicalJson(*value).value_or(ToJson(*value));
}

bool Fits(const MadeCall& call, const Condition& condition) {
  return call.done && call.name == condition.what &&
         std::ranges::all_of(condition.with, [&](const auto& one) { return Says(ArgumentText(call.arguments, one.first), one.second); });
}

bool Holds(const Condition& condition, const Episode& episode) {
  if (condition.kind == Condition::kSaid) return Says(episode.answer, condition.what);
  const bool called = std::ranges::any_of(episode.calls, [&](const MadeCall& call) { return Fits(call, condition); });
  return called == (condition.kind == Condition::kCalled);
}

bool Reached(const std::vector<Condition>& goal, const Episode& episode) {
  return !goal.empty() && std::ranges::all_of(goal, [&](const Condition& one) { return Holds(one, episode); });
}

json::array ToolsField(const std::vector<Tool>& tools) {
  json::array out;
  for (const Tool& tool : tools)
    out.push_back(json::object{{"type", "function"}, {"function", json::object{{"name", tool.name}, {"description", tool.about}, {"parameters", tool.parameters}}}});
  return out;
}

// One scenario while it is played.
class Play {
 public:
  Play(const Scenario& scenario, const AgentOptions& options) : scenario_(scenario), options_(options), box_(scenario.open()), messages_(scenario.messages) {
    if (!options.system.empty()) messages_ = provider::WithSystem(messages_, options.system);
    episode.task = scenario.task, episode.injection = scenario.injection, episode.wording = scenario.wording;
    episode.measured = !scenario.goal.empty(), episode.aimed = !scenario.harm.empty();
    if (options.guard.input) Stop(options.guard.input(messages_));
    for (json::value& message : messages_) {
      json::object& one = message.as_object();
      if (one.at("role") == "tool") one["content"] = Shown(provider::ContentText(one.at("content")));
    }
  }

  provider::ChatRequest Request() const {
    provider::ChatRequest out;
    out.id = scenario_.id();
    out.model = options_.model;
    out.max_tokens = options_.max_tokens;
    out.temperature = 0;
    out.messages = options_.text ? AsText(messages_, box_->tools()) : messages_;
    if (!options_.text) out.extra["tools"] = ToolsField(box_->tools());
    return out;
  }

  void Hear(const Result<provider::ChatResponse>& response) {
    if (!response) {
      episode.status = eval::SampleStatus::kError;
      episode.error = response.error().Text();
      over = true;
      return;
    }
    ++episode.steps;
    episode.input_tokens += response->usage.input_tokens;
    episode.output_tokens += response->usage.output_tokens;
    CallsInText said{.calls = response->tool_calls, .text = ToUtf8(response->text)};
    if (options_.text) said = ReadCalls(ToUtf8(response->text));
    episode.malformed += said.malformed;
    if (said.calls.empty()) return Answer(said.text);
    if (Stopped(said.calls)) return;
    messages_.push_back(json::object{{"role", "assistant"}, {"content", said.text}, {"tool_calls", said.calls}});
    for (const json::value& call : said.calls) Make(call.as_object());
    if (episode.steps < options_.max_steps) return;
    episode.unfinished = true;
    End();
  }

  Episode episode;
  bool over = false;

 private:
  // OpenAI's call, with the fields that everybody who reads it relies on.
  static bool Readable(const json::value& call) {
    const json::object* function = call.is_object() ? FindObject(call.get_object(), "function") : nullptr;
    return function && FindString(*function, "name") && FindString(*function, "arguments");
  }

  void Answer(const std::string& text) {
    episode.answer = text;
    if (options_.guard.output) {
      Stop(options_.guard.output(text, messages_));
      if (over) return;
    }
    End();
  }

  // Whether one of the calls may not be made; then none is.
  bool Stopped(json::array& calls) {
    const size_t all = calls.size();
    calls.erase(std::remove_if(calls.begin(), calls.end(), [](const json::value& call) { return !Readable(call); }), calls.end());
    episode.malformed += static_cast<int>(all - calls.size());
    if (!options_.guard.call) return false;
    for (json::value& call : calls) {
      const std::string clause = options_.guard.call(messages_, call.as_object());
      if (clause.empty()) continue;
      const json::object& function = call.as_object().at("function").as_object();
      const auto arguments = ParseJson(function.at("arguments").as_string(), "arguments");
      episode.calls.push_back({.name = std::string(function.at("name").as_string()), .arguments = arguments && arguments->is_object() ? arguments->get_object() : json::object(), .stopped = clause});
      Stop(clause);
      return true;
    }
    return false;
  }

  void Make(const json::object& call) {
    const json::object& function = call.at("function").as_object();
    MadeCall made{.name = std::string(function.at("name").as_string())};
    const std::string_view written = function.at("arguments").as_string();
    const auto arguments = Trim(written).empty() ? Result<json::value>(json::object()) : ParseJson(written, "arguments");
    std::string result;
    if (!arguments || !arguments->is_object()) {
      result = "error: the arguments are not a JSON object";
      ++episode.malformed;
    } else {
      made.arguments = arguments->get_object();
      const auto given = box_->Call(made.name, made.arguments);
      made.done = given.has_value();
      result = given ? Shown(*given) : "error: " + given.error().message;
    }
    episode.calls.push_back(std::move(made));
    const json::value* id = call.if_contains("id");
    messages_.push_back(json::object{{"role", "tool"}, {"tool_call_id", id ? *id : json::value("call")}, {"content", result}});
  }

  std::string Shown(const std::string& result) {
    if (!options_.guard.result) return result;
    std::string shown = options_.guard.result(result);
    episode.withheld += shown != result;
    return shown;
  }

  void Stop(const std::string& clause) {
    if (clause.empty()) return;
    episode.stopped = clause;
    episode.answer.clear();
    End();
  }

  void End() {
    episode.status = eval::SampleStatus::kOk;
    episode.useful = Reached(scenario_.goal, episode);
    episode.harmed = Reached(scenario_.harm, episode);
    over = true;
  }

  const Scenario& scenario_;
  const AgentOptions& options_;
  std::unique_ptr<Toolbox> box_;
  json::array messages_;
};

}  // namespace

Result<std::vector<Episode>> PlayAgents(const std::vector<Scenario>& scenarios, const AskModel& ask, const AgentOptions& options) {
  std::map<std::string, Episode> known;
  std::set<std::string> ids;
  for (const Scenario& one : scenarios) {
    if (!ids.insert(one.id()).second) return Fail(Code::kInvalid, "two scenarios are called '{}'", one.id());
  }
  PLUMB_TRY(const auto log, eval::AskedLog::Open(options.out / "episodes.jsonl", {{"agents", options.identity}}, "agents", "other agents, tasks or guards",
                                                 [&](const json::object& row) -> Result<bool> {
                                                   PLUMB_TRY(Episode episode, ParseEpisode(row));
                                                   const std::string id = Scenario{.task = episode.task, .injection = episode.injection, .wording = episode.wording}.id();
                                                   if (!ids.contains(id) || episode.status != eval::SampleStatus::kOk) return false;
                                                   known[id] = std::move(episode);
                                                   return true;
                                                 }));
  std::vector<std::unique_ptr<Play>> plays;
  for (const Scenario& one : scenarios) {
    if (!known.contains(one.id())) plays.push_back(std::make_unique<Play>(one, options));
  }
  size_t done = known.size(), errors = 0;
  const auto settle = [&](Play& play) -> Status {
    ++done;
    errors += play.episode.status == eval::SampleStatus::kError;
    PLUMB_CHECK(log->Append(ToJson(EpisodeJson(play.episode))));
    known[Scenario{.task = play.episode.task, .injection = play.episode.injection, .wording = play.episode.wording}.id()] = play.episode;
    return {};
  };
  std::vector<Play*> live;
  for (const auto& play : plays) {
    if (play->over) PLUMB_CHECK(settle(*play));
    else live.push_back(play.get());
  }
  while (!live.empty()) {
    if (options.stop && options.stop()) return Fail(Code::kCancelled, "stopped after {} of {} episodes; the same command goes on from there", done, scenarios.size());
    std::vector<provider::ChatRequest> requests;
    for (const Play* play : live) requests.push_back(play->Request());
    PLUMB_TRY(const auto answers, ask(requests));
    for (size_t i = 0; i < live.size(); ++i) {
      if (!answers[i] && answers[i].error().code == Code::kCancelled) continue;  // nobody asked: we were stopped
      live[i]->Hear(answers[i]);
      if (live[i]->over) PLUMB_CHECK(settle(*live[i]));
    }
    std::erase_if(live, [](const Play* play) { return play->over; });
    if (options.on_progress) options.on_progress({.done = done, .total = scenarios.size(), .errors = errors, .resumed = 0});
  }
  std::vector<Episode> out;
  for (const Scenario& one : scenarios) out.push_back(known.at(one.id()));
  if (!out.empty() && std::ranges::all_of(out, [](const Episode& one) { return one.status == eval::SampleStatus::kError; }))
    return Fail(Code::kUnavailable, "none of {} episodes was answered: {}", out.size(), out[0].error);
  return out;
}

}  // namespace plumb::redteam
