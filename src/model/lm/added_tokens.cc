#include "model/lm/added_tokens.h"

namespace plumb::lm {

Result<AddedTokens> AddedTokens::FromJson(const json::object& root) {
  AddedTokens tokens;
  const json::array* list = FindArray(root, "added_tokens");
  if (!list) return tokens;
  for (const auto& value : *list) {
    if (!value.is_object()) return Fail(Code::kCorrupt, "an added token is not an object");
    const json::object& entry = value.get_object();
    PLUMB_TRY(std::string content, GetString(entry, "content"));
    if (content.empty()) return Fail(Code::kCorrupt, "an added token is empty");
    AddedToken token;
    PLUMB_TRY(int64_t id, GetInt(entry, "id"));
    if (id < 0 || id > (1 << 24)) return Fail(Code::kCorrupt, "added token '{}' has id {}", content, id);
    token.id = static_cast<int32_t>(id);
    PLUMB_TRY(token.special, GetBoolOr(entry, "special", false));
    PLUMB_TRY(token.lstrip, GetBoolOr(entry, "lstrip", false));
    PLUMB_TRY(token.rstrip, GetBoolOr(entry, "rstrip", false));
    PLUMB_TRY(bool single_word, GetBoolOr(entry, "single_word", false));
    if (single_word) return Fail(Code::kUnsupported, "added token '{}' is single_word", content);
    tokens.Add(std::move(content), token);
  }
  return tokens;
}

void AddedTokens::Add(std::string text, AddedToken token) {
  starts_[static_cast<unsigned char>(text[0])] = true;
  texts_[token.id] = text;
  tokens_[std::move(text)] = token;
}

void AddedTokens::Split(std::string_view text, bool special, const std::function<void(std::string_view)>& plain,
                        const std::function<void(int32_t)>& token) const {
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!starts_[static_cast<unsigned char>(text[i])]) continue;
    const AddedToken* best = nullptr;
    size_t length = 0;
    for (const auto& [content, added] : tokens_) {
      if (added.special && !special) continue;
      if (content.size() > length && text.substr(i, content.size()) == content) best = &added, length = content.size();
    }
    if (!best) continue;
    std::string_view before = text.substr(begin, i - begin);
    if (best->lstrip)
      while (!before.empty() && std::isspace(static_cast<unsigned char>(before.back()))) before.remove_suffix(1);
    if (!before.empty()) plain(before);
    token(best->id);
    i += length;
    if (best->rstrip)
      while (i < text.size() && std::isspace(static_cast<unsigned char>(text[i]))) ++i;
    begin = i--;
  }
  if (begin < text.size()) plain(text.substr(begin));
}

const AddedToken* AddedTokens::FindId(int32_t id) const {
  const std::string* text = TextOf(id);
  return text ? &tokens_.find(*text)->second : nullptr;
}

const std::string* AddedTokens::TextOf(int32_t id) const {
  auto found = texts_.find(id);
  return found == texts_.end() ? nullptr : &found->second;
}

}  // namespace plumb::lm
