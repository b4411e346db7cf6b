#include "model/lm/chat_template.h"

#include <algorithm>

namespace plumb::lm {
namespace {

Result<std::string> ContentText(const json::value* content) {
  if (!content || content->is_null()) return Fail(Code::kInvalid, "a message has no content");
  if (content->is_string()) return std::string(content->get_string());
  const json::array* parts = content->if_array();
  if (!parts) return Fail(Code::kInvalid, "a message's content is neither text nor a list of parts");
  std::string text;
  for (const auto& part : *parts) {
    const json::object* object = part.if_object();
    const json::string* words = object ? FindString(*object, "text") : nullptr;
    if (!words) return Fail(Code::kUnsupported, "a message has a part that is not text");
    text += std::string_view(*words);
  }
  return text;
}

// Control tokens written in a message are broken with a mark that no template contains; Encode takes it out again
// after cutting the text at the real ones. U+E000 is private use; a message that has it already is left whole.
constexpr std::string_view kBreak = "\uE000";

std::string Guarded(std::string_view text) {
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '<' || c == '[') out += kBreak;
  }
  return out;
}

// Where the last message ends; the rendered text is cut there.
constexpr std::string_view kEnd = "\uE001";

Status MarkEnd(json::array& messages) {
  json::object* last = messages.empty() ? nullptr : messages.back().if_object();
  json::value* content = last ? last->if_contains("content") : nullptr;
  if (!content) return Fail(Code::kInvalid, "there is no last message to continue");
  PLUMB_TRY(std::string text, ContentText(content));
  *content = text.append(kEnd);
  return {};
}

}  // namespace

Result<ChatTemplate> ChatTemplate::Of(const Tokenizer& tokenizer) {
  if (tokenizer.chat_template.empty())
    return Fail(Code::kUnsupported, "the model has no chat template: give a prompt instead of messages, or add chat_template to tokenizer_config.json");
  ChatTemplate out;
  auto parsed = Jinja::Parse(tokenizer.chat_template);
  if (!parsed) return std::unexpected(Context(parsed.error(), "reading the model's chat template"));
  out.template_ = std::move(*parsed);
  out.bos_token_ = tokenizer.bos_token;
  out.eos_token_ = tokenizer.eos_token;
  return out;
}

Result<std::string> ChatTemplate::Render(const json::array& messages, bool add_generation_prompt) const {
  if (messages.empty()) return Fail(Code::kInvalid, "messages is empty");
  json::array plain;
  for (const auto& message : messages) {
    const json::object* object = message.if_object();
    if (!object) return Fail(Code::kInvalid, "a message is not an object");
    PLUMB_TRY(std::string role, GetString(*object, "role"));
    PLUMB_TRY(std::string content, ContentText(object->if_contains("content")));
    plain.push_back({{"role", role}, {"content", content}});
  }
  return template_.Render({{"messages", std::move(plain)},
                           {"add_generation_prompt", add_generation_prompt},
                           {"bos_token", bos_token_},
                           {"eos_token", eos_token_}});
}

Result<std::vector<int32_t>> ChatTemplate::Encode(const Tokenizer& tokenizer, const json::array& messages,
                                                  End end) const {
  bool forged = false;
  json::array guarded = messages;
  for (auto& message : guarded) {
    json::object* object = message.if_object();
    json::value* content = object ? object->if_contains("content") : nullptr;
    if (!content || content->is_null()) continue;
    PLUMB_TRY(std::string text, ContentText(content));
    *content = text;
    const std::vector<int32_t> seen = tokenizer.Encode(text, {.special = true});
    if (std::ranges::none_of(seen, [&](int32_t id) { return tokenizer.IsSpecial(id); })) continue;
    forged = true;
    *content = Guarded(text);
  }
  if (end == End::kContinue) PLUMB_CHECK(MarkEnd(guarded));
  PLUMB_TRY(std::string text, Render(guarded, end == End::kAssistant));
  if (end == End::kContinue) {
    const size_t at = text.rfind(kEnd);
    if (at == std::string::npos) return Fail(Code::kUnsupported, "the model's chat template does not write the last message out, so it cannot be continued");
    text.resize(at);
  }
  if (!forged) return tokenizer.Encode(text, {.special = true});
  // Cut at the template's own control tokens, take the marks out of the stretches between, and encode those as text.
  std::vector<int32_t> ids;
  std::string rest;
  auto flush = [&] {
    size_t at;
    while ((at = rest.find(kBreak)) != std::string::npos) rest.erase(at, kBreak.size());
    const auto plain = tokenizer.Encode(rest);
    ids.insert(ids.end(), plain.begin(), plain.end());
    rest.clear();
  };
  for (int32_t id : tokenizer.Encode(text, {.special = true})) {
    if (!tokenizer.IsSpecial(id)) {
      rest += tokenizer.TokenBytes(id);
      continue;
    }
    flush();
    ids.push_back(id);
  }
  flush();
  return ids;
}

}  // namespace plumb::lm
