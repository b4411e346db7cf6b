#include "intent/policy/read.h"

namespace plumb::policy {
namespace {

std::string Text(const json::object& from, std::string_view key, std::string_view fallback = {}) {
  const json::string* text = FindString(from, key);
  return std::string(text ? std::string_view(*text) : fallback);
}

double Number(const json::object& from, std::string_view key, double fallback) {
  const json::value* value = from.if_contains(key);
  return value && value->is_number() ? value->to_number<double>() : fallback;
}

std::vector<std::string> TextsOf(const json::array& array) {
  std::vector<std::string> out;
  for (const json::value& item : array) out.emplace_back(item.as_string());
  return out;
}

std::vector<std::string> Texts(const json::object& from, std::string_view key) {
  const json::array* array = FindArray(from, key);
  return array ? TextsOf(*array) : std::vector<std::string>();
}

Action ActionOf(const json::object& from, std::string_view key, Action fallback) {
  return ParseAction(Text(from, key)).value_or(fallback);
}

const json::object& Object(const json::object& from, std::string_view key) {
  static const json::object empty;
  const json::object* object = FindObject(from, key);
  return object ? *object : empty;
}

// Calls `read` for each object in the list under `key`.
template <class Read>
void Each(const json::object& from, std::string_view key, Read read) {
  if (const json::array* array = FindArray(from, key))
    for (const json::value& item : *array) read(item.as_object());
}

std::map<std::string, std::string> TextMap(const json::object& from) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : from) out.emplace(key, value.as_string());
  return out;
}

Severity SeverityOf(const json::object& from) {
  const std::string name = Text(from, "severity", "medium");
  return name == "low" ? Severity::kLow : name == "high" ? Severity::kHigh : name == "critical" ? Severity::kCritical : Severity::kMedium;
}

std::vector<Detector> Detectors(const json::object& from) {
  std::vector<Detector> out;
  const json::array* array = FindArray(from, "detect");
  if (!array) return out;
  for (const json::value& item : *array) {
    if (item.is_string()) {
      out.push_back({std::string(item.as_string()), "", ""});
    } else {
      const std::string fallback = fmt::format("{}-{}", Text(from, "id"), out.size() + 1);
      out.push_back({Text(item.as_object(), "name", fallback), Text(item.as_object(), "regex"), Text(item.as_object(), "terms")});
    }
  }
  return out;
}

On ReadOn(const json::object& from, const On& fallback) {
  return {.input = ActionOf(from, "input", fallback.input),
          .output = ActionOf(from, "output", fallback.output),
          .tool_call = ActionOf(from, "tool_call", fallback.tool_call),
          .tool_result = ActionOf(from, "tool_result", fallback.tool_result),
          .document = ActionOf(from, "document", fallback.document)};
}

Category ReadCategory(const json::object& from, const Policy& policy) {
  Category out;
  out.id = Text(from, "id");
  out.about = Text(from, "about");
  for (const auto& [framework, names] : Object(from, "maps")) out.maps[framework] = TextsOf(names.as_array());
  out.violates = Texts(from, "violates");
  out.allows = Texts(from, "allows");
  const json::object& target = Object(from, "target");
  out.target = {Number(target, "catch", out.target.catch_rate), Number(target, "confidence", out.target.confidence)};
  out.detect = Detectors(from);
  out.on = ReadOn(Object(from, "on"), {});
  out.on_detect = ReadOn(Object(from, "on_detect"), out.on);
  out.severity = SeverityOf(from);
  out.risk = Texts(from, "risk");
  out.say = Texts(from, "say");
  if (out.say.empty()) out.say = policy.say;
  out.owner = Text(from, "owner", policy.owner);
  out.window_whole = Text(from, "window") == "whole";
  out.restore = GetBoolOr(from, "restore", false).value_or(false);
  return out;
}

int Whole(const json::object& from, std::string_view key, int fallback) { return static_cast<int>(Number(from, key, fallback)); }

// Shadows, splits, the injected prompt.
void ReadRouteExtras(const json::object& from, Route& out) {
  if (const json::array* shadows = FindArray(from, "shadow"))
    for (const json::value& item : *shadows)
      out.shadow.push_back(item.is_string() ? Shadow{std::string(item.get_string()), ""}
                                            : Shadow{Text(item.as_object(), "policy"), Text(item.as_object(), "guard")});
  const json::object& split = Object(from, "split");
  out.split.name = Text(split, "name");
  out.split.by = Text(split, "by", out.split.by);
  Each(split, "arms", [&](const json::object& item) {
    out.split.arms.push_back({Text(item, "name"), Number(item, "weight", 1), Text(item, "policy"), Text(item, "model"), Text(item, "prompt")});
  });
  out.prompt.given = from.contains("prompt");
  const json::object& prompt = Object(from, "prompt");
  out.prompt.clauses = Whole(prompt, "clauses", out.prompt.clauses);
  out.prompt.few_shots = Whole(prompt, "few_shots", out.prompt.few_shots);
  out.prompt.tokens = Whole(prompt, "tokens", out.prompt.tokens);
  out.prompt.canary = GetBoolOr(prompt, "canary", true).value_or(true);
}

Tools ReadTools(const json::object& from) {
  Tools out{Texts(from, "allow"), Texts(from, "deny"), ActionOf(from, "action", Action::kBlock), {}, Texts(from, "say")};
  Each(from, "rules", [&](const json::object& item) {
    const std::string name = Text(item, "name");
    out.rules.push_back({Text(item, "id", name), name, Object(item, "arguments"), Texts(item, "fields"), Texts(item, "not_from"),
                         Texts(item, "only_from"), ActionOf(item, "action", Action::kBlock), Texts(item, "say")});
  });
  return out;
}

Limits ReadLimits(const json::object& from) {
  const auto count = [&](std::string_view key) {
    return from.contains(key) ? std::optional(static_cast<int64_t>(Number(from, key, 0))) : std::nullopt;
  };
  Limits out;
  out.tokens = count("tokens");
  out.messages = count("messages");
  out.tools = count("tools");
  out.depth = count("depth");
  out.encodings = count("encodings");
  if (from.contains("repetition")) out.repetition = Number(from, "repetition", 0);
  out.action = ActionOf(from, "action", Action::kBlock);
  out.say = Texts(from, "say");
  return out;
}

Route ReadRoute(const json::object& from) {
  Route out;
  out.match = TextMap(Object(from, "match"));
  out.mode = Text(from, "mode", out.mode);
  out.stakes = Text(from, "stakes", out.stakes);
  out.log = Text(from, "log", out.log);
  out.on_error = Text(from, "on_error", out.on_error);
  const json::object& review = Object(from, "review");
  out.before_release = GetBoolOr(review, "before_release", false).value_or(false);
  out.review_sample = Number(review, "sample", 0);
  out.review_expires = Text(review, "expires", out.review_expires);
  out.always_review_if = Texts(review, "always_if");
  ReadRouteExtras(from, out);
  return out;
}

Tone ReadTone(const json::object& from) {
  Tone out{.be = Text(from, "be"), .avoid = Text(from, "not"), .examples = {}};
  Each(from, "examples", [&](const json::object& item) {
    out.examples.push_back({Text(item, "prompt"), Text(item, "good"), Text(item, "bad")});
  });
  return out;
}

void ReadPeople(const json::object& from, Policy& out) {
  Each(from, "escalation", [&](const json::object& item) {
    out.escalation.push_back({TextMap(Object(item, "when")), Text(item, "open"), Text(item, "page"), Text(item, "playbook"), Text(item, "within")});
  });
  Each(from, "obligations", [&](const json::object& item) {
    out.obligations.push_back({Text(item, "id"), Text(item, "applies"), Text(item, "practice"), Text(item, "evidence"),
                               Text(item, "review_every"), Texts(item, "clauses")});
  });
  out.incidents = Object(from, "incidents");
  out.roles = Object(from, "roles");
  out.approved = Object(from, "approved");
  out.cadence = Object(from, "cadence");
}

}  // namespace

Policy ReadPolicy(const json::object& resolved) {
  Policy out;
  out.id = Text(resolved, "policy");
  out.version = Text(resolved, "version");
  out.owner = Text(resolved, "owner");
  out.purpose = Text(resolved, "purpose");
  Each(resolved, "principles", [&](const json::object& item) {
    out.principles.push_back({Text(item, "id"), Text(item, "text"), Texts(item, "suites")});
  });
  const json::object& scope = Object(resolved, "scope");
  out.scope = {Texts(scope, "in"), Texts(scope, "out"), ActionOf(scope, "action", Action::kRedirect), Texts(scope, "say")};
  out.tone = ReadTone(Object(resolved, "tone"));
  out.say = Texts(resolved, "say");
  Each(resolved, "categories", [&](const json::object& item) { out.categories.push_back(ReadCategory(item, out)); });
  const json::object& model = Object(resolved, "model");
  out.model_targets = {Number(model, "refuse", out.model_targets.refuse), Number(model, "over_refusal", out.model_targets.over_refusal),
                       Number(model, "capability_drop", out.model_targets.capability_drop)};
  out.false_alarm = Number(resolved, "false_alarm", out.false_alarm);
  const json::object& languages = Object(resolved, "languages");
  out.languages = {Texts(languages, "supported"), ActionOf(languages, "on_unsupported", Action::kFlag)};
  Each(resolved, "routes", [&](const json::object& item) { out.routes.push_back(ReadRoute(item)); });
  out.tools = ReadTools(Object(resolved, "tools"));
  out.limits = ReadLimits(Object(resolved, "limits"));
  ReadPeople(resolved, out);
  out.example_files = Texts(resolved, "examples");
  return out;
}

}  // namespace plumb::policy
