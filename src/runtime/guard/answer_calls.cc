#include "runtime/guard/answer_calls.h"

#include <algorithm>

#include "base/core/text.h"

namespace plumb::guard {
namespace {

// The part that says what is called ("function", or "custom"), and the name of its text.
struct Body {
  json::object* object = nullptr;
  const char* text = "arguments";
};
Body BodyOf(json::object& call) {
  for (const auto& [key, text] : {std::pair{"function", "arguments"}, std::pair{"custom", "input"}})
    if (json::value* value = call.if_contains(key); value && value->is_object()) return {&value->get_object(), text};
  return {};
}

void Append(json::object& into, std::string_view key, const json::value& more) {
  json::value& value = into[key];
  if (value.is_string() && more.is_string()) {
    value.get_string().append(more.get_string());
  } else if (!more.is_null()) {
    value = more;
  }
}

void Collect(const json::value& value, std::vector<std::string>& out) {
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, inner] : *object) {
      out.emplace_back(key);
      Collect(inner, out);
    }
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& inner : *array) Collect(inner, out);
  } else if (const json::string* text = value.if_string()) {
    out.emplace_back(*text);
  } else if (value.is_number()) {
    out.push_back(ToJson(value));
  }
}

std::string TextOf(const json::object& object, std::string_view key) {
  const json::string* text = FindString(object, key);
  return text ? std::string(*text) : std::string();
}

// What a lenient reader makes of text that is no JSON to us: backslashes before signs dropped. (\u escapes are the
// normaliser's.)
std::string WithoutBackslashes(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escapes = text[i] == '\\' && i + 1 < text.size() && std::string_view("\"\\/").find(text[i + 1]) != std::string_view::npos;
    if (escapes) ++i;
    out += text[i];
  }
  return out;
}

// Name and arguments as they stand, and then as they are read.
std::vector<Subject> SubjectsOf(const json::object& body, const char* key) {
  const std::string name = TextOf(body, "name"), arguments = TextOf(body, key);
  std::vector<Subject> subjects = {{name + "\n" + arguments, ""}};
  const auto strings = ArgumentStrings(arguments);
  const std::string read = strings ? Join(*strings, "\n") : WithoutBackslashes(arguments);
  if (!read.empty() && read != arguments) subjects.push_back({name + "\n" + read, ""});
  return subjects;
}

// The stricter of both, with the scores of both; evidence is the first's where both have some.
Verdict Both(Verdict a, const Verdict& b) {
  for (const auto& [id, category] : b.categories) {
    CategoryVerdict& mine = a.categories[id];
    const bool news = category.fired && !mine.fired;
    const double score = std::max(mine.score, category.score);
    const Action action = std::max(mine.action, category.action);
    if (news) mine = category;
    mine.score = score;
    mine.action = action;
  }
  for (const auto& [name, report] : b.detectors) {
    DetectorReport& mine = a.detectors[name];
    const double ms = mine.ms + report.ms;
    if (report.status != DetectorStatus::kOk) mine = report;
    mine.ms = ms;
  }
  a.unsafe = std::max(a.unsafe, b.unsafe);
  a.failed |= b.failed;
  if (b.action > a.action) {
    a.action = b.action;
    a.clause = b.clause;
  }
  return a;
}

Verdict JudgeBody(const Guard& guard, const json::object& body, const char* key) {
  std::vector<Verdict> verdicts = guard.Check(Direction::kToolCall, SubjectsOf(body, key));
  Verdict out = std::move(verdicts[0]);
  for (size_t i = 1; i < verdicts.size(); ++i) out = Both(std::move(out), verdicts[i]);
  return out;
}

// A string of a JSON text, quotes included, and what it says.
struct Literal {
  size_t begin = 0, end = 0;
  std::string text;
};

// Every string that is a value. `text` is JSON.
std::vector<Literal> LiteralsOf(const std::string& text) {
  std::vector<Literal> out;
  for (size_t begin = text.find('"'); begin != std::string::npos;) {
    size_t end = begin + 1;
    while (text[end] != '"') end += text[end] == '\\' ? 2 : 1;
    ++end;
    const size_t next = text.find_first_not_of(" \t\r\n", end);
    const bool key = next != std::string::npos && text[next] == ':';
    const auto said = ParseJson(std::string_view(text).substr(begin, end - begin));
    if (!key && said && said->is_string()) out.push_back({begin, end, std::string(said->get_string())});
    begin = text.find('"', end);
  }
  return out;
}

// Replaces the evidence in the strings of `arguments`; everything else stays byte for byte. False where it is no JSON.
bool RedactStrings(const Guard& guard, std::string& arguments) {
  if (!ParseJson(arguments)) return false;
  const std::vector<Literal> literals = LiteralsOf(arguments);
  std::vector<Subject> subjects;
  for (const Literal& literal : literals) subjects.push_back({literal.text, ""});
  const std::vector<Verdict> verdicts = guard.Check(Direction::kToolCall, subjects);
  std::string out;
  size_t at = 0;
  for (size_t i = 0; i < literals.size(); ++i) {
    const std::string redacted = Redact(literals[i].text, verdicts[i]);
    if (redacted == literals[i].text) continue;
    out.append(arguments, at, literals[i].begin - at);
    out += ToJson(json::value(redacted));
    at = literals[i].end;
  }
  out.append(arguments, at);
  arguments = std::move(out);
  return true;
}

}  // namespace

void ToolCallBuilder::Add(const json::array& deltas) {
  for (const json::value& value : deltas) {
    const json::object* delta = value.if_object();
    if (delta == nullptr) continue;
    const json::value* index = delta->if_contains("index");
    const int64_t at = index && index->is_int64() ? index->get_int64() : index && index->is_uint64() ? static_cast<int64_t>(index->get_uint64()) : calls_.empty() ? 0 : calls_.rbegin()->first + 1;
    json::object& call = calls_[at];
    for (const auto& [key, more] : *delta) {
      if (key == "index") continue;
      if (!more.is_object()) {
        if (!more.is_null()) call[key] = more;
        continue;
      }
      json::value& body = call[key];
      if (!body.is_object()) body = json::object();
      for (const auto& [inner, text] : more.get_object()) {
        if (inner == "arguments" || inner == "input") {
          Append(body.get_object(), inner, text);
        } else if (!text.is_null()) {
          body.get_object()[inner] = text;
        }
      }
    }
  }
}

Result<std::vector<std::string>> ArgumentStrings(std::string_view arguments) {
  PLUMB_TRY(const json::value value, ParseJson(arguments));
  std::vector<std::string> out;
  Collect(value, out);
  return out;
}

Verdict GuardToolCall(const Guard& guard, json::object& call, bool enforce, bool& redacted) {
  const Body body = BodyOf(call);
  if (body.object == nullptr) return guard.Check(Direction::kToolCall, Subject{ToJson(call), ""});
  Verdict verdict = JudgeBody(guard, *body.object, body.text);
  if (!enforce || verdict.action != Action::kRedact) return verdict;
  std::string arguments = TextOf(*body.object, body.text);
  json::object tidy = *body.object;
  if (RedactStrings(guard, arguments)) {
    tidy[body.text] = arguments;
    if (JudgeBody(guard, tidy, body.text).action < Action::kRedact) {
      *body.object = std::move(tidy);
      redacted = true;
      return verdict;
    }
  }
  verdict.action = Action::kBlock;
  return verdict;
}

}  // namespace plumb::guard
