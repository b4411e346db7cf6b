#include "model/lm/wordpiece.h"

#include <utf8proc.h>

#include <unordered_map>

#include "model/lm/added_tokens.h"

namespace plumb::lm {
namespace {

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

bool IsSpace(int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_ZS: case UTF8PROC_CATEGORY_ZL: case UTF8PROC_CATEGORY_ZP: return true;
    default: return (c >= 9 && c <= 13) || c == 0x85;
  }
}

// Other: control, format, private use (the reference's table leaves unassigned code points out).
bool IsControl(int32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC: case UTF8PROC_CATEGORY_CF: case UTF8PROC_CATEGORY_CO: case UTF8PROC_CATEGORY_CS: return true;
    default: return false;
  }
}

bool IsPunctuation(int32_t c) {
  if ((c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126)) return true;
  const auto category = utf8proc_category(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool IsChinese(int32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

class WordPiece final : public Tokenizer {
 public:
  std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options) const override;
  std::vector<int32_t> EncodePair(std::string_view a, std::string_view b, std::vector<int32_t>* types) const override;
  std::string TokenBytes(int32_t id, bool special) const override;
  int32_t vocab_size() const override { return static_cast<int32_t>(tokens_.size()); }
  std::optional<int32_t> FindToken(std::string_view token) const override {
    auto found = ids_.find(token);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  bool IsSpecial(int32_t id) const override {
    const AddedToken* token = added.FindId(id);
    return token && token->special;
  }
  Status Read(const json::object& root);

  AddedTokens added;

 private:
  void EncodePlain(std::string_view text, std::vector<int32_t>& out) const;
  void EncodeWord(std::string_view word, std::vector<int32_t>& out) const;
  void AppendNormal(int32_t c, std::string& word, std::vector<int32_t>& out) const;

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> ids_;
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> continuations_;  // without their "##"
  bool lowercase_ = true, clean_ = true, chinese_ = true, strip_accents_ = true;
  size_t longest_word_ = 100;  // characters; a longer word is unknown
  int32_t unknown_ = 0, cls_ = 0, sep_ = 0;
};

Status WordPiece::Read(const json::object& root) {
  PLUMB_TRY(added, AddedTokens::FromJson(root));
  const json::object* model = FindObject(root, "model");
  const json::object* vocab = model ? FindObject(*model, "vocab") : nullptr;
  if (!vocab) return Fail(Code::kCorrupt, "the WordPiece model lacks its vocab");
  PLUMB_TRY(std::string prefix, GetStringOr(*model, "continuing_subword_prefix", "##"));
  for (const auto& [token, id] : *vocab) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() > (1 << 24))
      return Fail(Code::kCorrupt, "token '{}' has no valid id", std::string_view(token));
    const auto at = static_cast<int32_t>(id.get_int64());
    const std::string text(token);
    if (static_cast<size_t>(at) >= tokens_.size()) tokens_.resize(at + 1);
    tokens_[at] = text;
    ids_.emplace(text, at);
    if (text.size() > prefix.size() && text.starts_with(prefix)) continuations_.emplace(text.substr(prefix.size()), at);
  }
  PLUMB_TRY(int64_t longest, GetIntOr(*model, "max_input_chars_per_word", 100));
  longest_word_ = static_cast<size_t>(std::max<int64_t>(1, longest));
  if (const json::object* normalizer = FindObject(root, "normalizer")) {
    PLUMB_TRY(std::string type, GetString(*normalizer, "type"));
    if (type != "BertNormalizer") return Fail(Code::kUnsupported, "normalizer {} with WordPiece is not supported", type);
    PLUMB_TRY(lowercase_, GetBoolOr(*normalizer, "lowercase", true));
    PLUMB_TRY(clean_, GetBoolOr(*normalizer, "clean_text", true));
    PLUMB_TRY(chinese_, GetBoolOr(*normalizer, "handle_chinese_chars", true));
    PLUMB_TRY(strip_accents_, GetBoolOr(*normalizer, "strip_accents", lowercase_));
  }
  const json::object* pre = FindObject(root, "pre_tokenizer");
  PLUMB_TRY(std::string type, pre ? GetString(*pre, "type") : Result<std::string>("none"));
  if (type != "BertPreTokenizer") return Fail(Code::kUnsupported, "pre-tokenizer {} with WordPiece is not supported", type);
  PLUMB_TRY(std::string unknown, GetStringOr(*model, "unk_token", "[UNK]"));
  const auto unk = FindToken(unknown), cls = FindToken("[CLS]"), sep = FindToken("[SEP]");
  if (!unk || !cls || !sep) return Fail(Code::kCorrupt, "the vocabulary lacks {}, [CLS] or [SEP]", unknown);
  unknown_ = *unk, cls_ = *cls, sep_ = *sep;
  return {};
}

std::vector<int32_t> WordPiece::Encode(std::string_view text, const EncodeOptions& options) const {
  const std::string valid = IsUtf8(text) ? std::string() : ToUtf8(text);
  if (!valid.empty()) text = valid;
  std::vector<int32_t> out;
  if (options.add_bos_eos) out.push_back(cls_);
  added.Split(
      text, options.special, [&](std::string_view plain) { EncodePlain(plain, out); },
      [&](int32_t id) { out.push_back(id); });
  if (options.add_bos_eos) out.push_back(sep_);
  return out;
}

std::vector<int32_t> WordPiece::EncodePair(std::string_view a, std::string_view b, std::vector<int32_t>* types) const {
  std::vector<int32_t> out = Encode(a, {.add_bos_eos = true});
  const size_t first = out.size();
  const std::vector<int32_t> second = Encode(b, {});
  out.insert(out.end(), second.begin(), second.end());
  out.push_back(sep_);
  if (types) {
    types->assign(first, 0);
    types->resize(out.size(), 1);
  }
  return out;
}

void WordPiece::EncodePlain(std::string_view text, std::vector<int32_t>& out) const {
  std::string word;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {  // the common case, without tables
      ++i;
      if (std::isalnum(byte)) {
        word += lowercase_ && byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : static_cast<char>(byte);
      } else {
        AppendNormal(byte, word, out);
      }
      continue;
    }
    int32_t c = 0;
    const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + i),
                                    static_cast<utf8proc_ssize_t>(text.size() - i), &c);
    if (n <= 0) break;  // cannot be: the text was checked
    i += static_cast<size_t>(n);
    if (clean_ && (c == 0xFFFD || IsControl(c))) continue;
    if (chinese_ && IsChinese(c)) {
      AppendNormal(' ', word, out);
      AppendNormal(c, word, out);
      AppendNormal(' ', word, out);
      continue;
    }
    if (!strip_accents_) {
      AppendNormal(c, word, out);
      continue;
    }
    int32_t parts[32];
    int last = 0;
    const auto count = utf8proc_decompose_char(c, parts, 32, UTF8PROC_DECOMPOSE, &last);
    for (utf8proc_ssize_t j = 0; j < count && j < 32; ++j)
      if (utf8proc_category(parts[j]) != UTF8PROC_CATEGORY_MN) AppendNormal(parts[j], word, out);
  }
  EncodeWord(word, out);
}

// One cleaned character: white space ends the word, punctuation is a word of its own.
void WordPiece::AppendNormal(int32_t c, std::string& word, std::vector<int32_t>& out) const {
  if (clean_ && (c == 0 || IsControl(c))) return;
  if (IsSpace(c)) {
    EncodeWord(word, out);
    word.clear();
    return;
  }
  if (lowercase_) c = utf8proc_tolower(c);
  utf8proc_uint8_t bytes[4];
  const std::string_view encoded(reinterpret_cast<char*>(bytes), utf8proc_encode_char(c, bytes));
  if (!IsPunctuation(c)) {
    word += encoded;
    return;
  }
  EncodeWord(word, out);
  word.clear();
  EncodeWord(encoded, out);
}

// Greedy longest match, first from the vocabulary, then from the continuations.
void WordPiece::EncodeWord(std::string_view word, std::vector<int32_t>& out) const {
  if (word.empty()) return;
  size_t characters = 0;
  for (char c : word) characters += (c & 0xC0) != 0x80;
  if (characters > longest_word_) return out.push_back(unknown_);
  const size_t before = out.size();
  for (size_t begin = 0; begin < word.size();) {
    const auto& table = begin == 0 ? ids_ : continuations_;
    size_t end = word.size();
    for (;; --end) {
      if (end == begin) {
        out.resize(before);
        return out.push_back(unknown_);
      }
      if (end < word.size() && (word[end] & 0xC0) == 0x80) continue;  // not a character's border
      if (auto found = table.find(word.substr(begin, end - begin)); found != table.end()) {
        out.push_back(found->second);
        break;
      }
    }
    begin = end;
  }
}

std::string WordPiece::TokenBytes(int32_t id, bool special) const {
  if (id < 0 || id >= vocab_size() || (IsSpecial(id) && !special)) return {};
  const std::string& token = tokens_[id];
  return token.starts_with("##") ? token.substr(2) : " " + token;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> WordPieceFromJson(const json::object& root) {
  auto tokenizer = std::make_unique<WordPiece>();
  PLUMB_CHECK(tokenizer->Read(root));
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

}  // namespace plumb::lm
