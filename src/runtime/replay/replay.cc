#include "runtime/replay/replay.h"

#include "intent/policy/route_match.h"

namespace plumb::replay {
namespace {

using guard::Action;
using guard::Direction;

// One text of one exchange on its way to the guard.
struct Piece {
  size_t exchange = 0;
  guard::Subject subject;
};
using Pieces = std::map<Direction, std::vector<Piece>>;

std::string_view Field(const json::object& object, std::string_view key) {
  const json::string* text = FindString(object, key);
  return text ? std::string_view(*text) : std::string_view();
}

// Texts of `role` since the assistant last spoke, as the gateway judges them.
std::vector<std::string> NewTexts(const json::array& messages, std::string_view role) {
  size_t begin = messages.size();
  while (begin > 0 && Field(messages[begin - 1].get_object(), "role") != "assistant") --begin;
  std::vector<std::string> out;
  for (size_t i = begin; i < messages.size(); ++i) {
    const json::object& message = messages[i].get_object();
    const std::string_view text = Field(message, "content");
    if (Field(message, "role") == role && !text.empty()) out.emplace_back(text);
  }
  return out;
}

void AddPieces(const data::Traffic& one, size_t index, Pieces& pieces) {
  const std::string input = Join(NewTexts(one.messages, "user"), "\n");
  if (!input.empty()) pieces[Direction::kInput].push_back({index, {input, ""}});
  for (const char* role : {"tool", "function"}) {
    for (std::string& text : NewTexts(one.messages, role)) pieces[Direction::kToolResult].push_back({index, {std::move(text), ""}});
  }
  if (!one.response.empty()) pieces[Direction::kOutput].push_back({index, {one.response, input}});
  for (const json::value& call : one.tool_calls) {
    const json::object* object = call.if_object();
    const json::object* function = object ? FindObject(*object, "function") : nullptr;
    pieces[Direction::kToolCall].push_back({index, {ToJson(function ? json::value(*function) : call), ""}});
  }
}

// What a verdict in a direction does to an exchange: a tool result is replaced, everything else above redaction stops it.
std::string_view OutcomeOf(Direction direction, Action action) {
  if (action <= Action::kFlag) return "passed";
  if (action == Action::kRedact || direction == Direction::kToolResult) return "redacted";
  return "stopped";
}

bool Milder(std::string_view a, std::string_view b) {
  const auto rank = [](std::string_view outcome) { return outcome == "passed" ? 0 : outcome == "redacted" ? 1 : 2; };
  return rank(a) < rank(b);
}

// Texts without which nobody can say how the exchange would have ended.
bool Unknowable(const data::Traffic& one) {
  const bool no_answer = !one.no_response.empty() && one.no_response != "the call failed" && one.no_response != "no text";
  return no_answer || (!one.no_request.empty() && one.no_request != "no text");
}

struct Sides {
  std::vector<ReplaySide> sides;
  std::vector<bool> failed;
};

// The guard whose overlays fit where the exchange came from.
const guard::Guard& GuardOf(const data::Traffic& one, const guard::Guard& plain, const OverlaidGuards& overlaid) {
  if (overlaid.empty()) return plain;
  const auto attribute = [&](const char* name) {
    const auto found = one.attributes.find(name);
    return found == one.attributes.end() ? std::string() : found->second;
  };
  const policy::LoadOptions where{.region = attribute("region"), .locale = attribute("locale"), .domain = attribute("domain"), .channel = attribute("channel")};
  const auto fits = overlaid.find(policy::FittingOverlays(plain.policy(), where));
  return fits == overlaid.end() ? plain : *fits->second;
}

// One verdict for each piece, every guard asked once.
std::vector<guard::Verdict> Verdicts(Direction direction, const std::vector<Piece>& list, const std::vector<const guard::Guard*>& guards) {
  std::map<const guard::Guard*, std::vector<size_t>> by_guard;
  for (size_t i = 0; i < list.size(); ++i) by_guard[guards[list[i].exchange]].push_back(i);
  std::vector<guard::Verdict> out(list.size());
  for (const auto& [guard, places] : by_guard) {
    std::vector<guard::Subject> subjects;
    for (const size_t i : places) subjects.push_back(list[i].subject);
    std::vector<guard::Verdict> verdicts = guard->Check(direction, subjects);
    for (size_t k = 0; k < places.size(); ++k) out[places[k]] = std::move(verdicts[k]);
  }
  return out;
}

Sides JudgeAll(std::span<const data::Traffic> exchanges, const Pieces& pieces, const guard::Guard& guard, const OverlaidGuards& overlaid) {
  std::vector<const guard::Guard*> guards;
  for (const data::Traffic& one : exchanges) guards.push_back(&GuardOf(one, guard, overlaid));
  Sides out{std::vector<ReplaySide>(exchanges.size()), std::vector<bool>(exchanges.size())};
  std::vector<std::string_view> worst(exchanges.size(), "passed");
  std::vector<Action> strictest(exchanges.size(), Action::kAllow);
  for (const auto& [direction, list] : pieces) {
    const std::vector<guard::Verdict> verdicts = Verdicts(direction, list, guards);
    const std::string name(guard::DirectionName(direction));
    for (size_t i = 0; i < list.size(); ++i) {
      const size_t at = list[i].exchange;
      const guard::Verdict& verdict = verdicts[i];
      ReplaySide& side = out.sides[at];
      if (verdict.failed) out.failed[at] = true;
      std::set<std::string>& fired = side.fired[name];
      for (const auto& [id, category] : verdict.categories) {
        if (category.fired) fired.insert(id);
      }
      if (verdict.clause == "scope" && verdict.action > Action::kAllow) fired.insert("scope");
      const std::string_view outcome = OutcomeOf(direction, verdict.action);
      if (Milder(worst[at], outcome)) worst[at] = outcome;
      if (verdict.action > strictest[at]) {
        strictest[at] = verdict.action;
        side.action = policy::ActionName(verdict.action);
        side.clause = verdict.clause;
        side.direction = name;
      }
    }
  }
  for (size_t i = 0; i < exchanges.size(); ++i) {
    ReplaySide& side = out.sides[i];
    std::map<std::string, std::string> attributes = exchanges[i].attributes;
    attributes["model"] = exchanges[i].model;
    attributes["key"] = exchanges[i].key;
    side.observed = policy::RouteFor(guards[i]->policy(), attributes).mode == "observe";
    side.outcome = side.observed ? "passed" : worst[i];
    // What is there was let through; what is not there might have been stopped.
    if (side.outcome != "stopped" && !side.observed && Unknowable(exchanges[i])) side.outcome = "unknown";
  }
  return out;
}

std::optional<ReplaySide> Recorded(const data::Traffic& one) {
  ReplaySide side;
  if (one.action.empty()) {
    side.outcome = "passed";
    return side;
  }
  side.action = one.action;
  side.clause = one.clause;
  side.observed = one.observed;
  std::string_view worst = "passed";
  for (const auto& [direction, verdict] : one.verdicts) {
    side.fired[direction] = verdict.fired;
    const auto action = policy::ParseAction(verdict.action);
    const std::string_view outcome = OutcomeOf(direction == "input" ? Direction::kInput : Direction::kOutput, action.value_or(Action::kAllow));
    if (Milder(worst, outcome)) worst = outcome;
    if (verdict.action == one.action) side.direction = direction;
  }
  // An action that neither direction's verdict names was taken on a tool's result.
  const auto strictest = policy::ParseAction(one.action);
  if (side.direction.empty() && strictest && *strictest > Action::kFlag) {
    side.direction = "tool_result";
    if (worst == "passed") worst = "redacted";
  }
  side.outcome = one.observed ? "passed" : worst;
  return side;
}

// About 200 bytes, cut between characters.
std::string Beginning(std::string_view text) {
  if (text.size() <= 200) return std::string(text);
  size_t end = 200;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

json::object SideJson(const ReplaySide& side) {
  json::object fired;
  for (const auto& [direction, clauses] : side.fired) fired[direction] = json::value_from(clauses);
  return {{"outcome", side.outcome}, {"action", side.action}, {"clause", side.clause}, {"direction", side.direction},
          {"observed", side.observed}, {"fired", std::move(fired)}};
}

Result<ReplaySide> ParseSide(const json::object& object) {
  ReplaySide side;
  PLUMB_TRY(side.outcome, GetString(object, "outcome"));
  PLUMB_TRY(side.action, GetString(object, "action"));
  PLUMB_TRY(side.clause, GetString(object, "clause"));
  PLUMB_TRY(side.direction, GetString(object, "direction"));
  PLUMB_TRY(side.observed, GetBoolOr(object, "observed", false));
  const json::object* fired = FindObject(object, "fired");
  if (!fired) return Fail(Code::kInvalid, "'fired' must be an object");
  for (const auto& [direction, clauses] : *fired) {
    auto list = json::try_value_to<std::set<std::string>>(clauses);
    if (!list) return Fail(Code::kInvalid, "'fired.{}' must be a list of clauses", std::string_view(direction));
    side.fired[direction] = std::move(*list);
  }
  return side;
}

}  // namespace

std::string RowKey(const data::Traffic& exchange) {
  return exchange.where == exchange.id ? exchange.id : exchange.where + "#" + exchange.id;
}

std::vector<ReplayRow> Replay(std::span<const data::Traffic> exchanges, const ReplayGuards& guards) {
  Pieces pieces;
  for (size_t i = 0; i < exchanges.size(); ++i) AddPieces(exchanges[i], i, pieces);
  Sides after = JudgeAll(exchanges, pieces, *guards.after, guards.after_overlaid);
  Sides before;
  if (guards.before) before = JudgeAll(exchanges, pieces, *guards.before, guards.before_overlaid);
  std::vector<ReplayRow> rows(exchanges.size());
  for (size_t i = 0; i < exchanges.size(); ++i) {
    const data::Traffic& one = exchanges[i];
    ReplayRow& row = rows[i];
    row.id = one.id;
    row.where = RowKey(one);
    row.time = one.time;
    row.model = one.model;
    row.no_request = one.no_request;
    row.no_response = one.no_response;
    row.after = std::move(after.sides[i]);
    row.before = guards.before ? std::optional(std::move(before.sides[i])) : Recorded(one);
    const bool failed = after.failed[i] || (guards.before && before.failed[i]);
    const bool whole = !Unknowable(one);
    row.status = failed ? "not_judged" : row.after.fired.empty() ? "not_replayed" : whole ? "replayed" : "partly";
    row.asked = Beginning(Join(NewTexts(one.messages, "user"), "\n"));
    row.answered = Beginning(one.response);
  }
  return rows;
}

std::string_view ChangeOf(const ReplayRow& row) {
  if (!row.before || row.status == "not_judged" || row.status == "not_replayed") return "unknown";
  const std::string& was = row.before->outcome;
  const std::string& is = row.after.outcome;
  if (is == "unknown" && was == "stopped" && row.no_response == "not asked" && row.no_request.empty()) return "newly_asked";
  if (was == "unknown" || is == "unknown") return "unknown";
  if (was == is) return "same";
  if (is == "stopped") return "newly_stopped";
  if (is == "redacted") return "newly_redacted";
  return "newly_passed";
}

json::object RowJson(const ReplayRow& row) {
  json::object out = {{"id", row.id}, {"where", row.where}, {"time", row.time}, {"model", row.model}, {"status", row.status}, {"change", ChangeOf(row)}};
  if (!row.no_request.empty()) out["no_request"] = row.no_request;
  if (!row.no_response.empty()) out["no_response"] = row.no_response;
  out["before"] = row.before ? json::value(SideJson(*row.before)) : json::value();
  out["after"] = SideJson(row.after);
  return out;
}

Result<ReplayRow> ParseRow(const json::object& object) {
  ReplayRow row;
  PLUMB_TRY(row.id, GetString(object, "id"));
  PLUMB_TRY(row.where, GetString(object, "where"));
  PLUMB_TRY(row.time, GetStringOr(object, "time", ""));
  PLUMB_TRY(row.model, GetStringOr(object, "model", ""));
  PLUMB_TRY(row.status, GetString(object, "status"));
  PLUMB_TRY(row.no_request, GetStringOr(object, "no_request", ""));
  PLUMB_TRY(row.no_response, GetStringOr(object, "no_response", ""));
  if (const json::object* before = FindObject(object, "before")) {
    PLUMB_TRY(row.before, ParseSide(*before));
  }
  const json::object* after = FindObject(object, "after");
  if (!after) return Fail(Code::kInvalid, "'after' is missing");
  PLUMB_TRY(row.after, ParseSide(*after));
  return row;
}

}  // namespace plumb::replay
