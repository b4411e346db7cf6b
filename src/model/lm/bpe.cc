#include "model/lm/bpe.h"

#include <utf8proc.h>

#include <array>
#include <queue>
#include <unordered_map>

#include "model/lm/added_tokens.h"
#include "model/lm/presplit.h"

namespace plumb::lm {
namespace {

constexpr std::string_view kMetaspace = "\u2581";  // ▁

std::string Utf8(uint32_t c) {
  utf8proc_uint8_t bytes[4];
  return std::string(reinterpret_cast<char*>(bytes), utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes));
}

// GPT-2's table: every byte as a printable character, printable Latin-1 as itself.
const std::array<std::string, 256>& ByteCharacters() {
  static const std::array<std::string, 256> table = [] {
    std::array<std::string, 256> t;
    uint32_t next = 256;
    for (uint32_t b = 0; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      t[b] = Utf8(printable ? b : next++);
    }
    return t;
  }();
  return table;
}

size_t CharLength(char lead) {
  const auto b = static_cast<unsigned char>(lead);
  return b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : b >= 0xC0 ? 2 : 1;
}

struct Merge {
  int32_t rank, id;
};

uint64_t PairKey(int32_t a, int32_t b) { return uint64_t{static_cast<uint32_t>(a)} << 32 | static_cast<uint32_t>(b); }

class Bpe final : public Tokenizer {
 public:
  Status SetVocabulary(std::vector<std::string> tokens);
  Status AddMerge(std::string_view left, std::string_view right);
  // After the vocabulary: tables between bytes and tokens.
  Status Finish();

  std::vector<int32_t> Encode(std::string_view text, const EncodeOptions& options) const override;
  std::vector<int32_t> EncodePair(std::string_view a, std::string_view b, std::vector<int32_t>* types) const override;
  std::string TokenBytes(int32_t id, bool special) const override;
  int32_t vocab_size() const override { return static_cast<int32_t>(tokens_.size()); }
  std::optional<int32_t> FindToken(std::string_view token) const override;
  bool IsSpecial(int32_t id) const override {
    const AddedToken* token = added.FindId(id);
    return token && token->special;
  }

  AddedTokens added;
  Presplit presplit;
  bool byte_level = true;     // symbols are bytes; otherwise characters with byte fallback
  bool ignore_merges = false;  // a word that is a token is that token (Llama 3)
  bool nfc = false;
  bool add_prefix_space = false;
  bool metaspace_prefix = false;  // Llama 2: "▁" in front of the text
  std::vector<int32_t> prefix, suffix;  // around a whole text (add_bos_eos)

 private:
  void EncodePlain(std::string_view text, bool first, std::vector<int32_t>& out) const;
  void EncodeWord(std::string_view word, std::vector<int32_t>& out) const;
  void MergeSymbols(std::vector<int32_t>& symbols) const;

  std::vector<std::string> tokens_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<uint64_t, Merge> merges_;
  std::array<int32_t, 256> byte_ids_{};          // the token of each byte, -1 where there is none
  std::unordered_map<std::string, char> bytes_;  // the byte of each byte-level character
};

Status Bpe::SetVocabulary(std::vector<std::string> tokens) {
  tokens_ = std::move(tokens);
  ids_.reserve(tokens_.size() * 2);
  for (size_t i = 0; i < tokens_.size(); ++i) ids_.emplace(tokens_[i], static_cast<int32_t>(i));
  return {};
}

Status Bpe::AddMerge(std::string_view left, std::string_view right) {
  const auto a = FindToken(left), b = FindToken(right), both = FindToken(std::string(left) + std::string(right));
  if (!a || !b || !both) return Fail(Code::kCorrupt, "merge '{} {}' names a token that is not in the vocabulary", left, right);
  merges_.emplace(PairKey(*a, *b), Merge{static_cast<int32_t>(merges_.size()), *both});
  return {};
}

Status Bpe::Finish() {
  for (int b = 0; b < 256; ++b) {
    const std::string name = byte_level ? ByteCharacters()[b] : fmt::format("<0x{:02X}>", b);
    byte_ids_[b] = FindToken(name).value_or(-1);
    if (byte_level) bytes_[ByteCharacters()[b]] = static_cast<char>(b);
  }
  return {};
}

std::optional<int32_t> Bpe::FindToken(std::string_view token) const {
  if (auto found = ids_.find(std::string(token)); found != ids_.end()) return found->second;
  if (auto found = added.all().find(token); found != added.all().end()) return found->second.id;
  return std::nullopt;
}

std::vector<int32_t> Bpe::Encode(std::string_view text, const EncodeOptions& options) const {
  const std::string valid = IsUtf8(text) ? std::string() : ToUtf8(text);
  if (!valid.empty()) text = valid;
  std::vector<int32_t> out;
  if (options.add_bos_eos) out = prefix;
  bool first = true;
  added.Split(
      text, options.special, [&](std::string_view plain) { EncodePlain(plain, std::exchange(first, false), out); },
      [&](int32_t id) { out.push_back(id), first = false; });
  if (options.add_bos_eos) out.insert(out.end(), suffix.begin(), suffix.end());
  return out;
}

std::vector<int32_t> Bpe::EncodePair(std::string_view a, std::string_view b, std::vector<int32_t>* types) const {
  std::vector<int32_t> out = Encode(a, {});
  const size_t first = out.size();
  const std::vector<int32_t> second = Encode(b, {});
  out.insert(out.end(), second.begin(), second.end());
  if (types) {
    types->assign(first, 0);
    types->resize(out.size(), 1);
  }
  return out;
}

void Bpe::EncodePlain(std::string_view text, bool first, std::vector<int32_t>& out) const {
  std::string normal(text);
  if (nfc) {
    utf8proc_uint8_t* composed = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &composed,
                                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (size >= 0) normal.assign(reinterpret_cast<char*>(composed), size);
    std::free(composed);
  }
  if (!byte_level) {
    std::string spaced = metaspace_prefix && first ? std::string(kMetaspace) : "";
    for (char c : normal) c == ' ' ? spaced += kMetaspace : spaced += c;
    normal = std::move(spaced);
  } else if (add_prefix_space && !normal.starts_with(' ')) {
    normal.insert(0, 1, ' ');
  }
  presplit.Split(normal, [&](std::string_view word) { EncodeWord(word, out); });
}

void Bpe::EncodeWord(std::string_view word, std::vector<int32_t>& out) const {
  std::vector<int32_t> symbols;
  symbols.reserve(word.size());
  if (byte_level) {
    if (ignore_merges) {
      std::string written;
      for (char c : word) written += ByteCharacters()[static_cast<unsigned char>(c)];
      if (auto found = ids_.find(written); found != ids_.end()) return out.push_back(found->second);
    }
    for (char c : word)
      if (const int32_t id = byte_ids_[static_cast<unsigned char>(c)]; id >= 0) symbols.push_back(id);
  } else {
    for (size_t i = 0; i < word.size();) {
      const size_t n = std::min(CharLength(word[i]), word.size() - i);
      if (auto id = FindToken(word.substr(i, n))) {
        symbols.push_back(*id);
      } else {
        for (char c : word.substr(i, n)) symbols.push_back(byte_ids_[static_cast<unsigned char>(c)]);
      }
      i += n;
    }
  }
  MergeSymbols(symbols);
  out.insert(out.end(), symbols.begin(), symbols.end());
}

// Applies the lowest-ranked merge, leftmost first, until none applies: O(n log n) with a queue over a linked list.
void Bpe::MergeSymbols(std::vector<int32_t>& symbols) const {
  struct Node {
    int32_t id, previous, next;
  };
  struct Candidate {
    int32_t rank, at, left, right, merged;
    bool operator>(const Candidate& o) const { return rank != o.rank ? rank > o.rank : at > o.at; }
  };
  const auto n = static_cast<int32_t>(symbols.size());
  std::vector<Node> nodes(n);
  for (int32_t i = 0; i < n; ++i) nodes[i] = {symbols[i], i - 1, i + 1 < n ? i + 1 : -1};
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  auto offer = [&](int32_t at) {
    if (at < 0 || nodes[at].next < 0) return;
    const int32_t left = nodes[at].id, right = nodes[nodes[at].next].id;
    if (auto found = merges_.find(PairKey(left, right)); found != merges_.end())
      queue.push({found->second.rank, at, left, right, found->second.id});
  };
  for (int32_t i = 0; i < n; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Node& node = nodes[best.at];
    // Stale where either side has been merged meanwhile: a removed node has id -1.
    if (node.id != best.left || node.next < 0 || nodes[node.next].id != best.right) continue;
    node.id = best.merged;
    const int32_t gone = node.next;
    nodes[gone].id = -1;
    node.next = nodes[gone].next;
    if (node.next >= 0) nodes[node.next].previous = best.at;
    offer(node.previous);
    offer(best.at);
  }
  symbols.clear();
  for (int32_t i = n > 0 ? 0 : -1; i >= 0; i = nodes[i].next) symbols.push_back(nodes[i].id);
}

std::string Bpe::TokenBytes(int32_t id, bool special) const {
  if (const AddedToken* token = added.FindId(id)) return token->special && !special ? std::string() : *added.TextOf(id);
  if (id < 0 || id >= vocab_size()) return {};
  const std::string& token = tokens_[id];
  std::string out;
  if (!byte_level && token.size() == 6 && token.starts_with("<0x"))
    return std::string(1, static_cast<char>(std::strtol(token.c_str() + 3, nullptr, 16)));
  for (size_t i = 0; i < token.size();) {
    const size_t n = CharLength(token[i]);
    const std::string character = token.substr(i, n);
    if (!byte_level) {
      out += character == kMetaspace ? " " : character;
    } else if (auto found = bytes_.find(character); found != bytes_.end()) {
      out += found->second;
    } else {
      out += character;
    }
    i += n;
  }
  return out;
}

// ---- tokenizer.json

Status ReadNormalizer(const json::object* step, Bpe& bpe) {
  if (!step) return {};
  PLUMB_TRY(std::string type, GetString(*step, "type"));
  if (type == "Sequence") {
    if (const json::array* several = FindArray(*step, "normalizers"))
      for (const auto& part : *several) PLUMB_CHECK(ReadNormalizer(part.if_object(), bpe));
    return {};
  }
  if (type == "NFC") {
    bpe.nfc = true;
  } else if (type == "Prepend") {
    PLUMB_TRY(std::string text, GetString(*step, "prepend"));
    if (text != kMetaspace) return Fail(Code::kUnsupported, "normalizer Prepend '{}'", text);
    bpe.metaspace_prefix = true;
  } else if (type == "Replace") {
    const json::object* pattern = FindObject(*step, "pattern");
    PLUMB_TRY(std::string from, pattern ? GetString(*pattern, "String") : GetString(*step, "pattern"));
    PLUMB_TRY(std::string to, GetString(*step, "content"));
    if (from != " " || to != kMetaspace) return Fail(Code::kUnsupported, "normalizer Replace '{}' by '{}'", from, to);
  } else {
    return Fail(Code::kUnsupported, "normalizer {} is not supported", type);
  }
  return {};
}

Status ReadPreTokenizer(const json::object* step, Bpe& bpe, bool& byte_level) {
  if (!step) return {};
  PLUMB_TRY(std::string type, GetString(*step, "type"));
  if (type == "Sequence") {
    if (const json::array* several = FindArray(*step, "pretokenizers"))
      for (const auto& part : *several) PLUMB_CHECK(ReadPreTokenizer(part.if_object(), bpe, byte_level));
    return {};
  }
  if (type == "Digits") {
    PLUMB_TRY(bool individual, GetBoolOr(*step, "individual_digits", false));
    return bpe.presplit.AddDigits(individual);
  }
  if (type == "ByteLevel") {
    byte_level = true;
    PLUMB_TRY(bpe.add_prefix_space, GetBoolOr(*step, "add_prefix_space", true));
    PLUMB_TRY(bool use_regex, GetBoolOr(*step, "use_regex", true));
    return use_regex ? bpe.presplit.AddPattern(kGpt2Pattern) : Status{};
  }
  if (type == "Split") {
    const json::object* pattern = FindObject(*step, "pattern");
    PLUMB_TRY(std::string regex, pattern ? GetString(*pattern, "Regex") : GetString(*step, "pattern"));
    PLUMB_TRY(std::string behavior, GetString(*step, "behavior"));
    PLUMB_TRY(bool invert, GetBoolOr(*step, "invert", false));
    if (behavior == "Isolated" && !invert) return bpe.presplit.AddPattern(regex);
    if (behavior == "Removed" && invert) return bpe.presplit.AddPattern(regex);
    return Fail(Code::kUnsupported, "pre-tokenizer Split with behavior {}{}", behavior, invert ? ", inverted" : "");
  }
  return Fail(Code::kUnsupported, "pre-tokenizer {} is not supported", type);
}

// TemplateProcessing around a single text: special tokens before and after the sequence.
Status ReadPostProcessor(const json::object* step, Bpe& bpe) {
  if (!step) return {};
  PLUMB_TRY(std::string type, GetString(*step, "type"));
  if (type == "ByteLevel") return {};  // moves offsets only
  if (type == "Sequence") {
    if (const json::array* several = FindArray(*step, "processors"))
      for (const auto& part : *several) PLUMB_CHECK(ReadPostProcessor(part.if_object(), bpe));
    return {};
  }
  if (type != "TemplateProcessing") return Fail(Code::kUnsupported, "post-processor {} is not supported", type);
  const json::array* single = FindArray(*step, "single");
  if (!single) return Fail(Code::kCorrupt, "the post-processor has no \"single\"");
  bool before = true;
  for (const auto& part : *single) {
    const json::object* object = part.if_object();
    const json::object* special = object ? FindObject(*object, "SpecialToken") : nullptr;
    if (!special) {
      before = false;
      continue;
    }
    PLUMB_TRY(std::string name, GetString(*special, "id"));
    auto id = bpe.FindToken(name);
    if (!id) return Fail(Code::kCorrupt, "the post-processor names '{}', which is no token", name);
    (before ? bpe.prefix : bpe.suffix).push_back(*id);
  }
  return {};
}

Result<std::vector<std::string>> ReadVocabulary(const json::object& vocab) {
  std::vector<std::string> tokens(vocab.size());
  for (const auto& [token, id] : vocab) {
    if (!id.is_int64() || id.get_int64() < 0 || id.get_int64() > (1 << 24))
      return Fail(Code::kCorrupt, "token '{}' has no valid id", std::string_view(token));
    const auto at = static_cast<size_t>(id.get_int64());
    if (at >= tokens.size()) tokens.resize(at + 1);
    tokens[at] = token;
  }
  return tokens;
}

Status ReadMerges(const json::array& merges, Bpe& bpe) {
  for (const auto& value : merges) {
    if (value.is_array() && value.get_array().size() == 2 && value.get_array()[0].is_string() && value.get_array()[1].is_string()) {
      PLUMB_CHECK(bpe.AddMerge(std::string_view(value.get_array()[0].get_string()), std::string_view(value.get_array()[1].get_string())));
      continue;
    }
    if (!value.is_string()) return Fail(Code::kCorrupt, "a merge is not a pair");
    const std::string_view text = value.get_string();
    const size_t space = text.find(' ');
    if (space == std::string_view::npos) return Fail(Code::kCorrupt, "merge '{}' is not a pair", text);
    PLUMB_CHECK(bpe.AddMerge(text.substr(0, space), text.substr(space + 1)));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> BpeFromJson(const json::object& root) {
  auto bpe = std::make_unique<Bpe>();
  const json::object* model = FindObject(root, "model");
  const json::object* vocab = model ? FindObject(*model, "vocab") : nullptr;
  const json::array* merges = model ? FindArray(*model, "merges") : nullptr;
  if (!vocab || !merges) return Fail(Code::kCorrupt, "the BPE model lacks vocab or merges");
  PLUMB_TRY(bpe->added, AddedTokens::FromJson(root));
  PLUMB_TRY(std::vector<std::string> tokens, ReadVocabulary(*vocab));
  PLUMB_CHECK(bpe->SetVocabulary(std::move(tokens)));
  PLUMB_CHECK(ReadMerges(*merges, *bpe));
  PLUMB_TRY(bpe->ignore_merges, GetBoolOr(*model, "ignore_merges", false));
  PLUMB_TRY(bool byte_fallback, GetBoolOr(*model, "byte_fallback", false));
  bpe->byte_level = false;
  PLUMB_CHECK(ReadNormalizer(FindObject(root, "normalizer"), *bpe));
  PLUMB_CHECK(ReadPreTokenizer(FindObject(root, "pre_tokenizer"), *bpe, bpe->byte_level));
  if (!bpe->byte_level && !byte_fallback)
    return Fail(Code::kUnsupported, "BPE that is neither byte-level nor with byte fallback is not supported");
  PLUMB_CHECK(ReadPostProcessor(FindObject(root, "post_processor"), *bpe));
  PLUMB_CHECK(bpe->Finish());
  return std::unique_ptr<Tokenizer>(std::move(bpe));
}

Result<std::unique_ptr<Tokenizer>> BpeFromGguf(const Gguf& gguf) {
  const std::string* model = gguf.FindText("tokenizer.ggml.model");
  if (!model || *model != "gpt2")
    return Fail(Code::kUnsupported, "its tokenizer model is '{}', only 'gpt2' is read from a GGUF: use the Hugging Face folder",
                model ? *model : "missing");
  const auto* tokens = gguf.Find<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto* merges = gguf.Find<std::vector<std::string>>("tokenizer.ggml.merges");
  const auto* types = gguf.Find<std::vector<int64_t>>("tokenizer.ggml.token_type");
  const std::string* pre = gguf.FindText("tokenizer.ggml.pre");
  if (!tokens || !merges) return Fail(Code::kCorrupt, "its tokenizer lacks tokens or merges");
  auto bpe = std::make_unique<Bpe>();
  // llama.cpp, src/llama-vocab.cpp: the splitting patterns by name.
  const std::string name = pre ? *pre : "";
  if (name == "smollm") {
    PLUMB_CHECK(bpe->presplit.AddDigits(true));
    PLUMB_CHECK(bpe->presplit.AddPattern(kGpt2Pattern));
  } else if (name == "gpt-2") {
    PLUMB_CHECK(bpe->presplit.AddPattern(kGpt2Pattern));
  } else if (name == "llama-bpe" || name == "qwen2") {
    const std::string digits = name == "qwen2" ? R"(\p{N})" : R"(\p{N}{1,3})";
    PLUMB_CHECK(bpe->presplit.AddPattern(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits +
                                         R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"));
    bpe->ignore_merges = name == "llama-bpe";
    bpe->nfc = name == "qwen2";
  } else {
    return Fail(Code::kUnsupported, "its pre-tokenizer '{}' is not one of smollm, gpt-2, llama-bpe, qwen2", name);
  }
  PLUMB_CHECK(bpe->SetVocabulary(*tokens));
  for (size_t i = 0; types && i < types->size() && i < tokens->size(); ++i)
    if (((*types)[i] == 3 || (*types)[i] == 4) && !(*tokens)[i].empty())  // control, user-defined
      bpe->added.Add((*tokens)[i], {.id = static_cast<int32_t>(i), .special = (*types)[i] == 3});
  for (const std::string& merge : *merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos) return Fail(Code::kCorrupt, "merge '{}' is not a pair", merge);
    PLUMB_CHECK(bpe->AddMerge(std::string_view(merge).substr(0, space), std::string_view(merge).substr(space + 1)));
  }
  auto token_text = [&](const char* key) -> std::string {
    const int64_t* id = gguf.FindInt(key);
    return id && *id >= 0 && *id < static_cast<int64_t>(tokens->size()) ? (*tokens)[*id] : "";
  };
  bpe->bos_token = token_text("tokenizer.ggml.bos_token_id");
  bpe->eos_token = token_text("tokenizer.ggml.eos_token_id");
  if (const bool* add = gguf.Find<bool>("tokenizer.ggml.add_bos_token"); add && *add && !bpe->bos_token.empty())
    bpe->prefix.push_back(static_cast<int32_t>(*gguf.FindInt("tokenizer.ggml.bos_token_id")));
  if (const std::string* text = gguf.FindText("tokenizer.chat_template")) bpe->chat_template = *text;
  PLUMB_CHECK(bpe->Finish());
  return std::unique_ptr<Tokenizer>(std::move(bpe));
}

}  // namespace plumb::lm
