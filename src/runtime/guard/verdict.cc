#include <algorithm>
#include <cmath>

#include "runtime/guard/verdict_json.h"

namespace plumb::guard {
namespace {

constexpr std::string_view kNames[] = {"input", "output", "tool_call", "tool_result", "document"};

// To so many decimal places: 3 or 6.
double Rounded(double value, int places) {
  const double scale = places == 3 ? 1e3 : 1e6;
  return std::round(value * scale) / scale;
}

// The text of a message: a string, or the text parts of an array.
std::string ContentOf(const json::object& message) {
  const json::value* content = message.if_contains("content");
  if (content == nullptr) return {};
  if (const json::string* text = content->if_string()) return std::string(*text);
  std::string out;
  if (const json::array* parts = content->if_array())
    for (const json::value& part : *parts)
      if (const json::object* object = part.if_object())
        if (const json::string* text = FindString(*object, "text")) out += (out.empty() ? "" : "\n") + std::string(*text);
  return out;
}

}  // namespace

std::string_view DirectionName(Direction direction) { return kNames[static_cast<size_t>(direction)]; }

Result<Direction> ParseDirection(std::string_view name) {
  for (const Direction direction : kDirections)
    if (name == DirectionName(direction)) return direction;
  return Fail(Code::kInvalid, "direction is '{}', must be input, output, tool_call, tool_result or document", name);
}

std::string_view DetectorStatusName(DetectorStatus status) {
  return status == DetectorStatus::kOk ? "ok" : status == DetectorStatus::kError ? "error" : "not_run";
}

json::object VerdictJson(const Verdict& verdict) {
  json::object categories, detectors;
  for (const auto& [id, category] : verdict.categories) {
    json::array spans;
    for (const Span span : category.spans) spans.push_back({span.begin, span.end});
    json::object one = {{"score", Rounded(category.score, 6)}, {"threshold", Rounded(category.threshold, 6)}, {"spans", std::move(spans)}};
    if (!category.channel.empty()) one["channel"] = category.channel;
    categories[id] = std::move(one);
  }
  for (const auto& [name, report] : verdict.detectors) {
    json::object one = {{"status", DetectorStatusName(report.status)}, {"ms", Rounded(report.ms, 3)}};
    if (report.skipped) one["skipped"] = true;
    if (!report.note.empty()) one["note"] = report.note;
    if (!report.reason.empty()) one["reason"] = report.reason;
    detectors[name] = std::move(one);
  }
  json::object out;
  out["action"] = policy::ActionName(verdict.action);
  out["unsafe"] = Rounded(verdict.unsafe, 6);
  if (verdict.refusal) out["refusal"] = Rounded(*verdict.refusal, 6);
  if (!verdict.clause.empty()) out["clause"] = verdict.clause;
  if (verdict.failed) out["failed"] = true;
  out["categories"] = std::move(categories);
  out["detectors"] = std::move(detectors);
  return out;
}

void WriteVerdict(const Verdict& verdict, CanonicalWriter& out) {
  out.BeginObject();
  out.Key("action").String(policy::ActionName(verdict.action));
  out.Key("categories").BeginObject();
  for (const auto& [id, category] : verdict.categories) {
    out.Key(id).BeginObject();
    if (!category.channel.empty()) out.Key("channel").String(category.channel);
    out.Key("score").Double(Rounded(category.score, 6));
    out.Key("spans").BeginArray();
    for (const Span span : category.spans) {
      out.BeginArray();
      out.Int(span.begin);
      out.Int(span.end);
      out.EndArray();
    }
    out.EndArray();
    out.Key("threshold").Double(Rounded(category.threshold, 6));
    out.EndObject();
  }
  out.EndObject();
  if (!verdict.clause.empty()) out.Key("clause").String(verdict.clause);
  out.Key("detectors").BeginObject();
  for (const auto& [name, report] : verdict.detectors) {
    out.Key(name).BeginObject();
    out.Key("ms").Double(Rounded(report.ms, 3));
    if (!report.note.empty()) out.Key("note").String(report.note);
    if (report.skipped) out.Key("skipped").Bool(true);
    out.Key("status").String(DetectorStatusName(report.status));
    out.EndObject();
  }
  out.EndObject();
  if (verdict.failed) out.Key("failed").Bool(true);
  if (verdict.refusal) out.Key("refusal").Double(Rounded(*verdict.refusal, 6));
  out.Key("unsafe").Double(Rounded(verdict.unsafe, 6));
  out.EndObject();
}

Result<Subject> SubjectOf(const json::array& messages, Direction direction) {
  Subject subject;
  bool answered = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    const json::object* message = messages[i].if_object();
    const json::string* role = message ? FindString(*message, "role") : nullptr;
    if (role == nullptr) return Fail(Code::kInvalid, "message {} needs a 'role' and 'content'", i);
    const std::string content = ContentOf(*message);
    if (*role == "assistant") {
      if (direction == Direction::kOutput) subject.text = content;
      if (direction != Direction::kOutput) subject.text.clear();
      answered = true;
    } else if (*role == "user" || *role == "tool" || *role == "function") {
      std::string& into = direction == Direction::kOutput ? subject.prompt : subject.text;
      if (direction == Direction::kOutput && answered) into.clear();
      answered = false;
      into += (into.empty() ? "" : "\n") + content;
    }
  }
  if (direction == Direction::kOutput && !answered) return Fail(Code::kInvalid, "direction output needs an assistant message at the end");
  if (subject.text.empty() && direction != Direction::kOutput) return Fail(Code::kInvalid, "no user message at the end to judge");
  return subject;
}

}  // namespace plumb::guard
