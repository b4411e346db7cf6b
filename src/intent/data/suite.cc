#include "intent/data/suite.h"

#include <algorithm>
#include <map>
#include <set>

#include "intent/data/import.h"

namespace plumb::data {
namespace {

constexpr std::string_view kExpectNames[] = {"refuse", "comply", "answer", "redirect", "score"};

bool GoodId(std::string_view id) {
  return !id.empty() && id.size() <= 200 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == ':' || c == '-' || c == '/';
  });
}

Result<json::array> ReadMessages(const json::object& row, const std::string& where) {
  const json::value* messages = row.if_contains("messages");
  const json::value* prompt = row.if_contains("prompt");
  if (!messages && prompt && prompt->is_array()) messages = prompt;  // TRL's conversational prompt
  if (!messages) {
    if (!prompt || !prompt->is_string())
      return FailAt(where, Code::kInvalid, "a case needs 'prompt' (a text) or 'messages' (a list of role and content)");
    if (Trim(std::string_view(prompt->as_string())).empty())
      return FailAt(where, Code::kInvalid, "'prompt' is empty");
    return json::array{json::object{{"role", "user"}, {"content", prompt->as_string()}}};
  }
  if (!messages->is_array() || messages->as_array().empty())
    return FailAt(where, Code::kInvalid, "'messages' must be a list of objects with role and content");
  for (const json::value& one : messages->as_array()) {
    const json::object* message = one.if_object();
    const json::string* role = message ? FindString(*message, "role") : nullptr;
    if (!role || !FindString(*message, "content"))
      return FailAt(where, Code::kInvalid, "each of 'messages' needs 'role' and 'content', both texts");
    if (*role != "system" && *role != "user" && *role != "assistant" && *role != "tool")
      return FailAt(where, Code::kInvalid, "role '{}' is not system, user, assistant or tool",
                    std::string_view(*role));
  }
  if (messages->as_array().back().as_object().at("role") != "user")
    return FailAt(where, Code::kInvalid, "the last of 'messages' must be the user's");
  return messages->as_array();
}

Result<json::array> ReadScorers(const json::object& row, const std::string& where) {
  const json::value* scorer = row.if_contains("scorer");
  if (!scorer || scorer->is_null()) return json::array{};
  json::array list = scorer->is_array() ? scorer->as_array() : json::array{*scorer};
  for (const json::value& one : list) {
    if (!one.is_object() || !FindString(one.as_object(), "type"))
      return FailAt(where, Code::kInvalid, "'scorer' must be an object with 'type', or a list of such");
  }
  return list;
}

// What can only be seen with all rows at hand; fills in the default groups.
std::vector<std::string> CheckTogether(std::vector<Case>& cases) {
  std::vector<std::string> wrong;
  std::map<std::string, const Case*> by_id;
  for (const Case& one : cases) {
    if (!by_id.emplace(one.id, &one).second) wrong.push_back(fmt::format("id '{}' is there twice", one.id));
  }
  for (Case& one : cases) {
    if (!one.twin.empty() && !by_id.contains(one.twin))
      wrong.push_back(fmt::format("case '{}': its twin '{}' is not in the suite", one.id, one.twin));
    if (one.group.empty()) one.group = one.twin.empty() ? one.id : std::min(one.id, one.twin);
  }
  return wrong;
}

}  // namespace

const char* ExpectName(Expect expect) { return kExpectNames[static_cast<int>(expect)].data(); }

Result<Expect> ParseExpect(std::string_view name) {
  for (size_t i = 0; i < std::size(kExpectNames); ++i) {
    if (name == kExpectNames[i]) return static_cast<Expect>(i);
  }
  return Fail(Code::kInvalid, "'expect' is '{}', must be refuse, comply, answer, redirect or score", name);
}

std::string Case::Prompt() const {
  const json::string* content = FindString(messages.back().as_object(), "content");
  return content ? std::string(*content) : std::string();
}

Result<Case> ParseCase(const json::object& row, const std::string& where) {
  const auto at = [&](Error error) {
    error.where = where;
    return std::unexpected(std::move(error));
  };
  Case out;
  auto id = GetString(row, "id");
  if (!id) return at(id.error());
  if (!GoodId(*id)) return FailAt(where, Code::kInvalid, "id '{}' must be letters, digits and . _ : / -", *id);
  out.id = *id;
  PLUMB_TRY(out.messages, ReadMessages(row, where));
  PLUMB_TRY(out.scorers, ReadScorers(row, where));
  if (row.contains("expect")) {
    auto name = GetString(row, "expect");
    if (!name) return at(name.error());
    auto expect = ParseExpect(*name);
    if (!expect) return at(expect.error());
    out.expect = *expect;
  } else if (out.scorers.empty()) {
    return FailAt(where, Code::kInvalid, "a case needs 'expect' (refuse, comply, answer, redirect, score) or 'scorer'");
  }
  if (out.scorers.empty() && (out.expect == Expect::kAnswer || out.expect == Expect::kScore))
    return FailAt(where, Code::kInvalid, "expect '{}' needs a 'scorer' that tells a good answer", ExpectName(out.expect));
  for (auto [key, field] : {std::pair{"clause", &out.clause}, {"twin", &out.twin}, {"group", &out.group},
                            {"kind", &out.kind}, {"lang", &out.lang}, {"canary", &out.canary}}) {
    auto text = GetStringOr(row, key, *field);
    if (!text) return at(text.error());
    *field = *text;
  }
  if (const json::value* choices = row.if_contains("choices"); choices && !choices->is_null()) {
    if (!choices->is_array()) return FailAt(where, Code::kInvalid, "'choices' must be a list of texts");
    for (const json::value& choice : choices->as_array()) {
      if (!choice.is_string()) return FailAt(where, Code::kInvalid, "'choices' must be a list of texts");
      out.choices.emplace_back(choice.as_string());
    }
  }
  if (const json::value* answer = row.if_contains("answer")) out.answer = *answer;
  if (const json::value* about = row.if_contains("about")) {
    if (!about->is_object()) return FailAt(where, Code::kInvalid, "'about' must be an object");
    out.about = about->as_object();
  }
  if (row.contains("max_tokens")) {
    auto limit = GetInt(row, "max_tokens");
    if (!limit) return at(limit.error());
    if (*limit < 1) return FailAt(where, Code::kInvalid, "max_tokens is {}, must be at least 1", *limit);
    out.max_tokens = *limit;
  }
  out.row = row;
  return out;
}

Result<Suite> LoadSuite(const fs::path& path) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? path / "cases.jsonl" : path;
  PLUMB_TRY(const std::string bytes, ReadFile(file));
  Suite suite;
  suite.path = file.string();
  suite.name = file.filename() == "cases.jsonl" ? fs::absolute(file).parent_path().filename().string()
                                                : file.stem().string();
  suite.sha256 = Sha256Hex(bytes);
  std::vector<json::object> rows;
  if (auto format = DetectFormat(file, bytes)) {
    PLUMB_TRY(rows, Import(*format, bytes, file.string(), {}));
  } else {
    PLUMB_TRY(rows, ParseJsonl(bytes, file.string()));
  }
  if (rows.empty()) return FailAt(file.string(), Code::kInvalid, "the suite has no cases");

  std::vector<std::string> wrong;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto one = ParseCase(rows[i], fmt::format("{}: case {}", file.string(), i + 1));
    if (one) suite.cases.push_back(std::move(*one));
    else wrong.push_back(one.error().Text());
  }
  if (wrong.empty()) {
    for (std::string& text : CheckTogether(suite.cases)) wrong.push_back(file.string() + ": " + text);
  }
  if (wrong.empty()) return suite;
  const size_t all = wrong.size();
  wrong.resize(std::min<size_t>(all, 10));
  return Fail(Code::kInvalid, "{}{}", Join(wrong, "\n"), all > 10 ? fmt::format("\nand {} more", all - 10) : "");
}

Status WriteSuite(const fs::path& folder, const std::vector<json::object>& rows) {
  std::vector<Case> cases;
  for (size_t i = 0; i < rows.size(); ++i) {
    PLUMB_TRY(Case one, ParseCase(rows[i], fmt::format("{}: case {}", folder.string(), i + 1)));
    cases.push_back(std::move(one));
  }
  if (const std::vector<std::string> wrong = CheckTogether(cases); !wrong.empty())
    return FailAt(folder.string(), Code::kInvalid, "{}", wrong.front());
  return WriteJsonl(folder / "cases.jsonl", rows);
}

}  // namespace plumb::data
