#include "intent/data/trl.h"

#include <algorithm>
#include <cmath>

#include "intent/data/rows.h"

namespace plumb::data {
namespace {

Result<TrlText> TextFromJson(const json::value& value, std::string_view key) {
  TrlText out;
  if (const json::string* text = value.if_string()) {
    out.text = std::string(*text);
    return out;
  }
  const json::array* list = value.if_array();
  if (!list || list->empty())
    return Fail(Code::kInvalid, "\"{}\" must be text or a list of messages", key);
  out.conversational = true;
  for (size_t i = 0; i < list->size(); ++i) {
    const json::object* message = (*list)[i].if_object();
    const json::string* role = message ? FindString(*message, "role") : nullptr;
    const json::string* content = message ? FindString(*message, "content") : nullptr;
    if (!role || !content)
      return Fail(Code::kInvalid, "\"{}\"[{}] must be {{\"role\": text, \"content\": text}}", key,
                  i);
    out.messages.push_back({std::string(*role), std::string(*content)});
  }
  return out;
}

Result<TrlText> Field(const json::object& object, std::string_view key) {
  return TextFromJson(object.at(key), key);
}

// TRL's extract_prompt: what chosen and rejected begin with alike is the prompt.
Status SplitImplicitPrompt(TrlRow& row) {
  TrlText &a = row.chosen, &b = row.rejected;
  if (a.conversational != b.conversational)
    return Fail(Code::kInvalid,
                "\"chosen\" and \"rejected\" must both be text or both be messages");
  row.prompt.conversational = a.conversational;
  if (!a.conversational) {
    size_t n = 0;
    while (n < std::min(a.text.size(), b.text.size()) && a.text[n] == b.text[n]) ++n;
    if (n > 0 && n < a.text.size() && n < b.text.size() && a.text[n - 1] == ' ')
      --n;  // words keep their space
    while (n > 0 && n < a.text.size() && (a.text[n] & 0xC0) == 0x80)
      --n;  // and characters stay whole
    row.prompt.text = a.text.substr(0, n);
    a.text.erase(0, n);
    b.text.erase(0, n);
    return {};
  }
  size_t n = 0;
  while (n < std::min(a.messages.size(), b.messages.size()) && a.messages[n] == b.messages[n]) ++n;
  if (n == 0 || n == a.messages.size() || n == b.messages.size())
    return Fail(Code::kInvalid, "\"chosen\" and \"rejected\" must begin alike and end differently");
  row.prompt.messages.assign(a.messages.begin(), a.messages.begin() + static_cast<long>(n));
  a.messages.erase(a.messages.begin(), a.messages.begin() + static_cast<long>(n));
  b.messages.erase(b.messages.begin(), b.messages.begin() + static_cast<long>(n));
  return {};
}

Status ReadStepwise(const json::object& object, TrlRow& row) {
  const json::array* completions = FindArray(object, "completions");
  const json::array* labels = FindArray(object, "labels");
  if (!completions || !labels || completions->size() != labels->size())
    return Fail(Code::kInvalid, "\"completions\" and \"labels\" must be lists of one length");
  for (size_t i = 0; i < completions->size(); ++i) {
    if (!(*completions)[i].is_string() || !(*labels)[i].is_bool())
      return Fail(Code::kInvalid, "\"completions\" must hold texts and \"labels\" true or false");
    row.completions.emplace_back((*completions)[i].get_string());
    row.labels.push_back((*labels)[i].get_bool());
  }
  return {};
}

// The shape is told by the keys, as TRL tells it.
Status ReadShape(const json::object& o, TrlRow& row) {
  if (o.contains("chosen") || o.contains("rejected")) {
    if (!o.contains("chosen") || !o.contains("rejected"))
      return Fail(Code::kInvalid, "a preference row needs both \"chosen\" and \"rejected\"");
    row.shape = TrlShape::kPreference;
    PLUMB_TRY(row.chosen, Field(o, "chosen"));
    PLUMB_TRY(row.rejected, Field(o, "rejected"));
    if (!o.contains("prompt")) return SplitImplicitPrompt(row);
  } else if (o.contains("completions")) {
    row.shape = TrlShape::kStepwise;
    PLUMB_CHECK(ReadStepwise(o, row));
  } else if (o.contains("completion")) {
    row.shape = o.contains("label") ? TrlShape::kUnpaired : TrlShape::kPromptCompletion;
    PLUMB_TRY(row.completion, Field(o, "completion"));
    if (row.shape == TrlShape::kUnpaired) {
      if (!o.at("label").is_bool()) return Fail(Code::kInvalid, "\"label\" must be true or false");
      row.label = o.at("label").get_bool();
    }
  } else if (o.contains("messages")) {
    row.shape = TrlShape::kMessages;
    PLUMB_TRY(row.completion, Field(o, "messages"));
    if (!row.completion.conversational)
      return Fail(Code::kInvalid, "\"messages\" must be a list of messages");
    return {};
  } else if (o.contains("text")) {
    row.shape = TrlShape::kText;
    PLUMB_TRY(row.completion.text, GetString(o, "text"));
    return {};
  } else {
    row.shape = TrlShape::kPrompt;
  }
  if (!o.contains("prompt"))
    return Fail(
        Code::kInvalid,
        "none of TRL's shapes: needs \"text\", \"messages\", \"prompt\" with \"completion\", or "
        "\"chosen\" with \"rejected\"");
  PLUMB_TRY(row.prompt, Field(o, "prompt"));
  const TrlText& answer = row.shape == TrlShape::kPreference ? row.chosen : row.completion;
  const bool has_answer = row.shape != TrlShape::kPrompt && row.shape != TrlShape::kStepwise;
  if (has_answer && answer.conversational != row.prompt.conversational)
    return Fail(Code::kInvalid, "\"prompt\" and its answer must both be text or both be messages");
  if (row.shape == TrlShape::kPreference &&
      row.chosen.conversational != row.rejected.conversational)
    return Fail(Code::kInvalid,
                "\"chosen\" and \"rejected\" must both be text or both be messages");
  return {};
}

json::value TextToJson(const TrlText& text) {
  if (!text.conversational) return json::string(text.text);
  json::array out;
  for (const Message& m : text.messages)
    out.push_back(json::object{{"role", m.role}, {"content", m.content}});
  return out;
}

constexpr std::string_view kKeys[] = {"text",   "messages", "prompt", "completion",
                                      "chosen", "rejected", "label",  "completions",
                                      "labels", "weight",   "anchor", "max_completion_tokens"};

}  // namespace

const char* TrlShapeName(TrlShape shape) {
  switch (shape) {
    case TrlShape::kText:
      return "text";
    case TrlShape::kMessages:
      return "messages";
    case TrlShape::kPrompt:
      return "prompt";
    case TrlShape::kPromptCompletion:
      return "prompt and completion";
    case TrlShape::kPreference:
      return "preference";
    case TrlShape::kUnpaired:
      return "unpaired preference";
    case TrlShape::kStepwise:
      return "stepwise";
  }
  return "?";
}

Result<TrlRow> TrlRowFromJson(const json::object& object, std::string where) {
  TrlRow row;
  row.where = where;
  auto fill = [&]() -> Status {
    PLUMB_CHECK(ReadShape(object, row));
    PLUMB_TRY(row.weight, GetNumberOr(object, "weight", 1));
    if (!std::isfinite(row.weight) || row.weight < 0)
      return Fail(Code::kInvalid, "\"weight\" must be 0 or more");
    PLUMB_TRY(row.anchor, GetBoolOr(object, "anchor", false));
    PLUMB_TRY(row.max_completion_tokens, GetIntOr(object, "max_completion_tokens", 0));
    if (row.max_completion_tokens < 0)
      return Fail(Code::kInvalid, "field 'max_completion_tokens' is {}, must be 0 or more",
                  row.max_completion_tokens);
    return {};
  };
  if (Status status = fill(); !status) {
    Error error = status.error();
    if (error.where.empty()) error.where = where;
    return std::unexpected(error);
  }
  for (const auto& item : object)
    if (std::find(std::begin(kKeys), std::end(kKeys), std::string_view(item.key())) ==
        std::end(kKeys))
      row.extra[item.key()] = item.value();
  return row;
}

json::object TrlRowToJson(const TrlRow& row) {
  json::object o;
  switch (row.shape) {
    case TrlShape::kText:
      o["text"] = row.completion.text;
      break;
    case TrlShape::kMessages:
      o["messages"] = TextToJson(row.completion);
      break;
    case TrlShape::kPreference:
      o["prompt"] = TextToJson(row.prompt);
      o["chosen"] = TextToJson(row.chosen);
      o["rejected"] = TextToJson(row.rejected);
      break;
    case TrlShape::kUnpaired:
      o["label"] = row.label;
      [[fallthrough]];
    case TrlShape::kPromptCompletion:
      o["completion"] = TextToJson(row.completion);
      [[fallthrough]];
    case TrlShape::kPrompt:
      o["prompt"] = TextToJson(row.prompt);
      break;
    case TrlShape::kStepwise:
      o["prompt"] = TextToJson(row.prompt);
      o["completions"] = json::array(row.completions.begin(), row.completions.end());
      o["labels"] = json::array(row.labels.begin(), row.labels.end());
      break;
  }
  if (row.weight != 1) o["weight"] = row.weight;
  if (row.anchor) o["anchor"] = true;
  if (row.max_completion_tokens) o["max_completion_tokens"] = row.max_completion_tokens;
  for (const auto& item : row.extra) o[item.key()] = item.value();
  return o;
}

Result<std::vector<TrlRow>> ParseTrl(std::string_view text, std::string_view name) {
  std::vector<TrlRow> rows;
  PLUMB_CHECK(EachRow(text, name, [&](const json::object& object, const std::string& where) -> Status {
    PLUMB_TRY(TrlRow row, TrlRowFromJson(object, where));
    rows.push_back(std::move(row));
    return {};
  }));
  return rows;
}

Result<std::vector<TrlRow>> ReadTrl(const fs::path& path) {
  PLUMB_TRY(const std::string text, ReadFile(path));
  return ParseTrl(text, path.string());
}

}  // namespace plumb::data
