// What an episode has to reach, and how it went, as rows.
#include <utility>

#include "measure/redteam/agent.h"

namespace plumb::redteam {

Result<std::vector<Condition>> ParseConditions(const json::array& rows) {
  std::vector<Condition> out;
  for (const json::value& row : rows) {
    if (!row.is_object()) return Fail(Code::kInvalid, "a condition must be an object");
    Condition one;
    bool found = false;
    for (const auto& [key, kind] : {std::pair{"call", Condition::kCalled}, std::pair{"no_call", Condition::kNotCalled}, std::pair{"says", Condition::kSaid}}) {
      const json::string* what = FindString(row.get_object(), key);
      if (!what || what->empty()) continue;
      if (found) return Fail(Code::kInvalid, "a condition has one of 'call', 'no_call' and 'says': {}", ToJson(row));
      found = true;
      one.kind = kind;
      one.what = *what;
    }
    if (!found) return Fail(Code::kInvalid, "a condition needs 'call', 'no_call' or 'says': {}", ToJson(row));
    if (const json::object* with = FindObject(row.get_object(), "with")) {
      for (const auto& [key, value] : *with) one.with[std::string(key)] = value.is_string() ? std::string(value.get_string()) : ToJson(value);
    }
    out.push_back(std::move(one));
  }
  return out;
}

json::object EpisodeJson(const Episode& e) {
  json::array calls;
  for (const MadeCall& one : e.calls) {
    json::object call{{"name", one.name}, {"arguments", one.arguments}, {"done", one.done}};
    if (!one.stopped.empty()) call["stopped"] = one.stopped;
    calls.push_back(std::move(call));
  }
  return {{"task", e.task}, {"injection", e.injection}, {"wording", e.wording}, {"status", eval::StatusName(e.status)}, {"error", e.error}, {"measured", e.measured}, {"useful", e.useful},
          {"aimed", e.aimed}, {"harmed", e.harmed}, {"calls", std::move(calls)}, {"answer", e.answer}, {"stopped", e.stopped}, {"steps", e.steps}, {"withheld", e.withheld}, {"malformed", e.malformed},
          {"unfinished", e.unfinished}, {"tokens", json::object{{"input", e.input_tokens}, {"output", e.output_tokens}}}};
}

Result<Episode> ParseEpisode(const json::object& row) {
  Episode e;
  PLUMB_TRY(e.task, GetString(row, "task"));
  PLUMB_TRY(e.injection, GetString(row, "injection"));
  PLUMB_TRY(e.wording, GetStringOr(row, "wording", ""));
  PLUMB_TRY(const std::string status, GetString(row, "status"));
  e.status = status == "ok" ? eval::SampleStatus::kOk : eval::SampleStatus::kError;
  PLUMB_TRY(e.error, GetStringOr(row, "error", ""));
  PLUMB_TRY(e.measured, GetBoolOr(row, "measured", true));
  PLUMB_TRY(e.useful, GetBoolOr(row, "useful", false));
  PLUMB_TRY(e.aimed, GetBoolOr(row, "aimed", false));
  PLUMB_TRY(e.harmed, GetBoolOr(row, "harmed", false));
  PLUMB_TRY(e.answer, GetStringOr(row, "answer", ""));
  PLUMB_TRY(e.stopped, GetStringOr(row, "stopped", ""));
  PLUMB_TRY(e.unfinished, GetBoolOr(row, "unfinished", false));
  for (const auto& [key, field] : {std::pair{"steps", &Episode::steps}, std::pair{"withheld", &Episode::withheld}, std::pair{"malformed", &Episode::malformed}}) {
    PLUMB_TRY(const int64_t number, GetIntOr(row, key, 0));
    e.*field = static_cast<int>(number);
  }
  if (const json::object* tokens = FindObject(row, "tokens")) {
    PLUMB_TRY(e.input_tokens, GetIntOr(*tokens, "input", 0));
    PLUMB_TRY(e.output_tokens, GetIntOr(*tokens, "output", 0));
  }
  if (const json::array* calls = FindArray(row, "calls")) {
    for (const json::value& call : *calls) {
      if (!call.is_object()) return Fail(Code::kInvalid, "a call must be an object");
      MadeCall one;
      PLUMB_TRY(one.name, GetString(call.get_object(), "name"));
      PLUMB_TRY(one.done, GetBoolOr(call.get_object(), "done", false));
      PLUMB_TRY(one.stopped, GetStringOr(call.get_object(), "stopped", ""));
      if (const json::object* arguments = FindObject(call.get_object(), "arguments")) one.arguments = *arguments;
      e.calls.push_back(std::move(one));
    }
  }
  return e;
}

}  // namespace plumb::redteam
