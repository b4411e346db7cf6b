#include "model/lm/tokenizer.h"

#include "model/lm/bpe.h"
#include "model/lm/gguf.h"
#include "model/lm/wordpiece.h"

namespace plumb::lm {
namespace {

// "bos_token" is a string, or an object with "content".
std::string TokenText(const json::object& config, std::string_view key) {
  if (auto text = FindString(config, key)) return std::string(*text);
  if (auto object = FindObject(config, key))
    if (auto text = FindString(*object, "content")) return std::string(*text);
  return {};
}

// The number of bytes at the end of `text` that begin a character and do not finish it.
size_t Unfinished(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

Status ReadTokenizerConfig(const fs::path& folder, Tokenizer& tokenizer) {
  std::error_code ignored;
  const fs::path path = folder / "tokenizer_config.json";
  if (fs::exists(path, ignored)) {
    PLUMB_TRY(json::value value, ReadJson(path));
    if (!value.is_object()) return FailAt(path.string(), Code::kCorrupt, "is not an object");
    const json::object& config = value.get_object();
    tokenizer.bos_token = TokenText(config, "bos_token");
    tokenizer.eos_token = TokenText(config, "eos_token");
    if (auto text = FindString(config, "chat_template")) tokenizer.chat_template = std::string(*text);
    if (auto several = FindArray(config, "chat_template"))  // [{"name": "default", "template": …}]
      for (const auto& entry : *several)
        if (entry.is_object() && TokenText(entry.get_object(), "name") == "default")
          tokenizer.chat_template = TokenText(entry.get_object(), "template");
  }
  if (fs::exists(folder / "chat_template.jinja", ignored)) {
    PLUMB_TRY(tokenizer.chat_template, ReadFile(folder / "chat_template.jinja"));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> Tokenizer::Load(const fs::path& model) {
  std::error_code ignored;
  if (!fs::is_directory(model, ignored)) {
    PLUMB_TRY(Gguf gguf, OpenGguf(model));
    auto tokenizer = BpeFromGguf(gguf);
    if (!tokenizer) return FailAt(model.string(), tokenizer.error().code, "{}", tokenizer.error().message);
    return std::unique_ptr<Tokenizer>(std::move(*tokenizer));
  }
  const fs::path path = model / "tokenizer.json";
  PLUMB_TRY(json::value root, ReadJson(path));
  auto build = [&]() -> Result<std::unique_ptr<Tokenizer>> {
    const json::object* object = root.if_object();
    const json::object* parts = object ? FindObject(*object, "model") : nullptr;
    if (!parts) return Fail(Code::kCorrupt, "has no \"model\"");
    PLUMB_TRY(std::string type, GetStringOr(*parts, "type", parts->contains("merges") ? "BPE" : "WordPiece"));
    if (type == "BPE") return BpeFromJson(*object);
    if (type == "WordPiece") return WordPieceFromJson(*object);
    return Fail(Code::kUnsupported, "tokenizer model '{}' is not BPE or WordPiece", type);
  };
  auto tokenizer = build();
  if (!tokenizer) return FailAt(path.string(), tokenizer.error().code, "{}", tokenizer.error().message);
  PLUMB_CHECK(ReadTokenizerConfig(model, **tokenizer));
  return tokenizer;
}

std::string Tokenizer::Decode(const std::vector<int32_t>& ids, bool special) const {
  std::string bytes;
  for (int32_t id : ids) bytes += TokenBytes(id, special);
  return ToUtf8(bytes);
}

std::string Utf8Stream::Push(std::string_view bytes) {
  held_ += bytes;
  const size_t keep = Unfinished(held_);
  std::string out = ToUtf8(std::string_view(held_).substr(0, held_.size() - keep));
  held_.erase(0, held_.size() - keep);
  return out;
}

std::string Utf8Stream::Finish() { return ToUtf8(std::exchange(held_, {})); }

}  // namespace plumb::lm
