#include "model/plumb_lm/api.h"

#include <numeric>

namespace plumb::lm {
namespace {

json::array LogprobList(const Completion& done, const Tokenizer& tokenizer) {
  json::array out;
  for (const TokenDetail& t : done.logprobs) {
    json::object entry = {{"id", t.id}, {"token", ToUtf8(tokenizer.TokenBytes(t.id, true))}, {"logprob", t.logprob}};
    if (!t.top.empty()) {
      json::array& top = entry["top_logprobs"].emplace_array();
      for (const TokenLogprob& other : t.top)
        top.push_back({{"id", other.id}, {"token", ToUtf8(tokenizer.TokenBytes(other.id, true))}, {"logprob", other.logprob}});
    }
    out.push_back(std::move(entry));
  }
  return out;
}

Result<std::vector<std::string>> Texts(const json::value* value, std::string_view name) {
  std::vector<std::string> out;
  if (!value) return Fail(Code::kInvalid, "{} is missing", name);
  if (value->is_string()) return std::vector{std::string(value->get_string())};
  if (!value->is_array()) return Fail(Code::kInvalid, "{} is neither text nor a list of texts", name);
  for (const auto& text : value->get_array()) {
    if (!text.is_string()) return Fail(Code::kInvalid, "{} holds something that is not text", name);
    out.emplace_back(text.get_string());
  }
  return out;
}

Result<std::vector<int32_t>> EncodePrompt(const Decoder& decoder, const json::object& body) {
  if (const json::array* messages = FindArray(body, "messages")) {
    if (!decoder.chat) return std::unexpected(decoder.chat.error());
    PLUMB_TRY(const bool continues, GetBoolOr(body, "continue_final_message", false));
    using End = ChatTemplate::End;
    return decoder.chat->Encode(*decoder.tokenizer, *messages, continues ? End::kContinue : End::kAssistant);
  }
  const json::string* prompt = FindString(body, "prompt");
  if (!prompt) return Fail(Code::kInvalid, "neither messages nor prompt (as text) is given");
  return decoder.tokenizer->Encode(*prompt, {.special = true, .add_bos_eos = true});
}

}  // namespace

Result<GenerateRequest> ToRequest(const Decoder& decoder, const json::object& body, const Sampling& defaults) {
  PLUMB_TRY(int64_t n, GetIntOr(body, "n", 1));
  if (n != 1) return Fail(Code::kUnsupported, "n is {}, only 1 is supported", n);
  if (auto tools = FindArray(body, "tools"); tools && !tools->empty()) return Fail(Code::kUnsupported, "tools are not supported by local models");
  GenerateRequest request;
  PLUMB_TRY(request.sampling, SamplingFromJson(body, defaults));
  PLUMB_TRY(request.prompt, EncodePrompt(decoder, body));
  return request;
}

json::object ResultLine(const json::value& id, const Completion& done, const Tokenizer& tokenizer) {
  json::object line = {{"id", id}, {"text", done.text}, {"finish_reason", done.finish_reason},
                       {"usage", {{"input_tokens", done.input_tokens}, {"output_tokens", done.output_tokens}, {"cached_tokens", done.cached_tokens}}}};
  if (!done.logprobs.empty()) line["logprobs"] = LogprobList(done, tokenizer);
  return line;
}

json::object ErrorLine(const json::value& id, const Error& error) {
  return {{"id", id}, {"error", {{"code", CodeName(error.code)}, {"message", error.Text()}}}};
}

json::object OpenAiUsage(const Completion& done) {
  return {{"prompt_tokens", done.input_tokens}, {"completion_tokens", done.output_tokens},
          {"total_tokens", done.input_tokens + done.output_tokens},
          {"prompt_tokens_details", {{"cached_tokens", done.cached_tokens}}}};
}

json::object OpenAiResponse(bool chat, const std::string& id, int64_t created, const std::string& model, const Completion& done,
                            const Tokenizer& tokenizer) {
  json::object choice = {{"index", 0}, {"finish_reason", done.finish_reason}, {"logprobs", nullptr}};
  if (chat) choice["message"] = {{"role", "assistant"}, {"content", done.text}};
  else choice["text"] = done.text;
  if (!done.logprobs.empty()) choice["logprobs"] = {{"content", LogprobList(done, tokenizer)}};
  return {{"id", id}, {"object", chat ? "chat.completion" : "text_completion"}, {"created", created}, {"model", model},
          {"choices", json::array{std::move(choice)}}, {"usage", OpenAiUsage(done)}};
}

json::object OpenAiChunk(bool chat, const std::string& id, int64_t created, const std::string& model, std::string_view text,
                         bool first, const std::string& finish_reason) {
  json::object choice = {{"index", 0}, {"finish_reason", finish_reason.empty() ? json::value() : json::value(finish_reason)}};
  if (chat) {
    json::object& delta = choice["delta"].emplace_object();
    if (first) delta["role"] = "assistant";
    if (finish_reason.empty()) delta["content"] = text;
  } else {
    choice["text"] = text;
  }
  return {{"id", id}, {"object", chat ? "chat.completion.chunk" : "text_completion"}, {"created", created}, {"model", model},
          {"choices", json::array{std::move(choice)}}};
}

json::object OpenAiError(const Error& error) {
  const bool ours = error.code == Code::kInternal || error.code == Code::kExhausted || error.code == Code::kIo;
  return {{"error", {{"message", error.Text()}, {"type", ours ? "server_error" : "invalid_request_error"}, {"code", CodeName(error.code)}}}};
}

Result<json::object> Logprobs(Decoder& decoder, const json::object& body) {
  std::vector<std::vector<int32_t>> sequences;
  std::vector<size_t> begins;  // the first token that is reported
  if (const json::array* items = FindArray(body, "items")) {
    for (const auto& item : *items) {
      const json::object* object = item.if_object();
      if (!object) return Fail(Code::kInvalid, "an item is not an object");
      PLUMB_TRY(std::vector<int32_t> ids, EncodePrompt(decoder, *object));
      PLUMB_TRY(std::string completion, GetString(*object, "completion"));
      begins.push_back(ids.size());
      const auto rest = decoder.tokenizer->Encode(completion);
      if (ids.empty() || rest.empty()) return Fail(Code::kInvalid, "an item has an empty prompt or completion");
      ids.insert(ids.end(), rest.begin(), rest.end());
      sequences.push_back(std::move(ids));
    }
  } else {
    PLUMB_TRY(auto texts, Texts(body.if_contains("texts"), "texts"));
    for (const std::string& text : texts) {
      sequences.push_back(decoder.tokenizer->Encode(text, {.special = true, .add_bos_eos = true}));
      begins.push_back(0);
    }
  }
  PLUMB_TRY(auto scored, ScoreTokens(*decoder.engine, sequences));
  json::array results;
  for (size_t s = 0; s < sequences.size(); ++s) {
    json::array tokens, ids, logprobs;
    double sum = 0;
    int64_t count = 0;
    for (size_t i = begins[s]; i < sequences[s].size(); ++i) {
      ids.push_back(sequences[s][i]);
      tokens.push_back(json::string(ToUtf8(decoder.tokenizer->TokenBytes(sequences[s][i], true))));
      if (i == 0) {
        logprobs.push_back(nullptr);
        continue;
      }
      logprobs.push_back(scored[s][i - 1]);
      sum += scored[s][i - 1];
      ++count;
    }
    results.push_back({{"tokens", std::move(tokens)}, {"ids", std::move(ids)}, {"logprobs", std::move(logprobs)}, {"sum", sum}, {"count", count}});
  }
  return json::object{{"results", std::move(results)}};
}

Result<json::object> Embeddings(Embedder& embedder, const std::string& model, const json::object& body) {
  PLUMB_TRY(auto texts, Texts(body.if_contains("input"), "input"));
  const EmbedResult result = embedder.Embed(texts);
  json::array data;
  for (size_t i = 0; i < texts.size(); ++i) {
    json::object entry = {{"object", "embedding"}, {"index", i}, {"embedding", json::array(result.embeddings[i].begin(), result.embeddings[i].end())}};
    if (result.truncated[i]) entry["truncated"] = true;
    data.push_back(std::move(entry));
  }
  return json::object{{"object", "list"}, {"data", std::move(data)}, {"model", model},
                      {"usage", {{"prompt_tokens", result.tokens}, {"total_tokens", result.tokens}}}};
}

Result<json::object> Classify(Classifier& classifier, const json::object& body) {
  ClassifyResult result;
  if (const json::array* pairs = FindArray(body, "pairs")) {
    std::vector<std::pair<std::string, std::string>> texts;
    for (const auto& pair : *pairs) {
      const json::array* both = pair.if_array();
      if (!both || both->size() != 2 || !(*both)[0].is_string() || !(*both)[1].is_string())
        return Fail(Code::kInvalid, "a pair is not two texts");
      texts.emplace_back((*both)[0].get_string(), (*both)[1].get_string());
    }
    result = classifier.ClassifyPairs(texts);
  } else {
    PLUMB_TRY(auto texts, Texts(body.if_contains("texts"), "texts"));
    result = classifier.Classify(texts);
  }
  json::array scores;
  for (const auto& row : result.scores) scores.push_back(json::array(row.begin(), row.end()));
  return json::object{{"heads", json::array(classifier.heads().begin(), classifier.heads().end())}, {"scores", std::move(scores)},
                      {"tokens", result.tokens}, {"windows", result.windows}};
}

}  // namespace plumb::lm
