#include "model/lm/export.h"

namespace plumb::lm {
namespace {

json::object ByteLevel(bool use_regex) {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

json::value PreTokenizer(const std::string& name) {
  if (name == "gpt-2") return ByteLevel(true);
  if (name == "smollm")
    return {{"type", "Sequence"},
            {"pretokenizers", {json::object{{"type", "Digits"}, {"individual_digits", true}}, ByteLevel(true)}}};
  const std::string digits = name == "qwen2" ? R"(\p{N})" : R"(\p{N}{1,3})";
  const std::string pattern = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits +
                              R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  return {{"type", "Sequence"},
          {"pretokenizers",
           {json::object{{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}},
            ByteLevel(false)}}};
}

// tokenizer.json from a GGUF's metadata.
Result<json::object> TokenizerJson(const Gguf& gguf) {
  const auto* tokens = gguf.Find<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto* merges = gguf.Find<std::vector<std::string>>("tokenizer.ggml.merges");
  const auto* types = gguf.Find<std::vector<int64_t>>("tokenizer.ggml.token_type");
  const std::string* pre = gguf.FindText("tokenizer.ggml.pre");
  if (!tokens || !merges || !pre) return Fail(Code::kCorrupt, "its tokenizer lacks tokens, merges or its kind");
  json::object vocab;
  json::array added, pairs;
  for (size_t i = 0; i < tokens->size(); ++i) {
    vocab[(*tokens)[i]] = i;
    if (types && i < types->size() && ((*types)[i] == 3 || (*types)[i] == 4))
      added.push_back({{"id", i}, {"content", (*tokens)[i]}, {"single_word", false}, {"lstrip", false}, {"rstrip", false},
                       {"normalized", false}, {"special", (*types)[i] == 3}});
  }
  for (const std::string& merge : *merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos) return Fail(Code::kCorrupt, "merge '{}' is not a pair", merge);
    pairs.push_back(json::array{merge.substr(0, space), merge.substr(space + 1)});
  }
  return json::object{{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"added_tokens", std::move(added)},
                      {"normalizer", *pre == "qwen2" ? json::value{{"type", "NFC"}} : json::value()},
                      {"pre_tokenizer", PreTokenizer(*pre)}, {"post_processor", nullptr}, {"decoder", ByteLevel(true)},
                      {"model", {{"type", "BPE"}, {"dropout", nullptr}, {"unk_token", nullptr}, {"continuing_subword_prefix", nullptr},
                                 {"end_of_word_suffix", nullptr}, {"fuse_unk", false}, {"byte_fallback", false},
                                 {"ignore_merges", *pre == "llama-bpe"}, {"vocab", std::move(vocab)}, {"merges", std::move(pairs)}}}};
}

Status WriteTokenizer(const fs::path& source, const Tokenizer& tokenizer, const fs::path& folder) {
  std::error_code error;
  if (fs::is_directory(source, error)) {
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
      if (!fs::exists(source / name, error)) continue;
      PLUMB_TRY(std::string text, ReadFile(source / name));
      PLUMB_CHECK(WriteFileAtomic(folder / name, text));
    }
    return {};
  }
  PLUMB_TRY(Gguf gguf, OpenGguf(source));
  PLUMB_TRY(json::object root, TokenizerJson(gguf));
  PLUMB_CHECK(WriteFileAtomic(folder / "tokenizer.json", ToJson(root)));
  json::object config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  if (!tokenizer.bos_token.empty()) config["bos_token"] = tokenizer.bos_token;
  if (!tokenizer.eos_token.empty()) config["eos_token"] = config["pad_token"] = tokenizer.eos_token;
  if (!tokenizer.chat_template.empty()) config["chat_template"] = tokenizer.chat_template;
  return WriteFileAtomic(folder / "tokenizer_config.json", ToPrettyJson(config) + "\n");
}

}  // namespace

Status ExportHuggingFace(const CausalLm& model, const Tokenizer& tokenizer, const fs::path& out) {
  return ExportHuggingFace(model, model.MergedParameters(), tokenizer, out);
}

Status ExportHuggingFace(const CausalLm& model, const std::map<std::string, at::Tensor>& tensors, const Tokenizer& tokenizer,
                         const fs::path& out) {
  const fs::path folder = out.has_filename() ? out : out.parent_path();  // "new/" is "new"
  std::error_code ignored;
  if (fs::exists(folder, ignored) && !fs::is_empty(folder, ignored))
    return FailAt(folder.string(), Code::kConflict, "is there already and not empty: give a new folder");
  // All of it or nothing: written beside, and moved when it is whole.
  const fs::path draft = folder.string() + ".draft";
  const auto write = [&]() -> Status {
    PLUMB_CHECK(MakeFolder(draft));
    PLUMB_CHECK(WriteTokenizer(model.path(), tokenizer, draft));
    PLUMB_CHECK(WriteSafetensors(draft / "model.safetensors", tensors));
    const json::object config = ToHuggingFaceConfig(model.config());
    json::object generation;
    for (const char* key : {"bos_token_id", "eos_token_id"})
      if (const json::value* id = config.if_contains(key)) generation[key] = *id;
    PLUMB_CHECK(WriteFileAtomic(draft / "generation_config.json", ToPrettyJson(generation) + "\n"));
    PLUMB_CHECK(WriteFileAtomic(draft / "config.json", ToPrettyJson(config) + "\n"));
    std::error_code failed;
    fs::rename(draft, folder, failed);  // an empty folder is replaced
    if (failed) return FailAt(folder.string(), Code::kIo, "cannot be made: {}", failed.message());
    return {};
  };
  Status written = write();
  if (!written) fs::remove_all(draft, ignored);
  return written;
}

}  // namespace plumb::lm
