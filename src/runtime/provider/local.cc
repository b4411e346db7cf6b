#include "runtime/provider/local.h"

#include "base/net/io_thread.h"

namespace plumb::provider {
namespace {

HttpOptions LocalHttp(const std::string& model) {
  HttpOptions options;
  options.name = "local";
  options.default_model = model;
  // A long answer on a small machine takes its time, and a queue before it too.
  options.timeouts.first_byte = std::chrono::minutes(30);
  options.timeouts.idle = std::chrono::minutes(10);
  options.timeouts.overall = std::chrono::hours(24);
  options.retry.max_attempts = 3;
  return options;
}

// A verdict is waited for by somebody: what cannot answer soon is a failure, and the policy says what follows.
HttpOptions EncoderHttp(const std::string& model) {
  HttpOptions options = LocalHttp(model);
  options.timeouts.first_byte = std::chrono::seconds(20);
  options.timeouts.idle = std::chrono::seconds(20);
  options.timeouts.overall = std::chrono::seconds(60);
  options.retry.max_attempts = 1;
  return options;
}

LmOptions WithModel(LmOptions options, const std::string& model) {
  if (options.models.empty()) options.models = {model};
  return options;
}

json::object BulkRow(const ChatRequest& request, size_t index) {
  json::object row = request.extra;
  row["id"] = std::to_string(index);
  row["messages"] = request.messages;
  if (request.temperature) row["temperature"] = *request.temperature;
  if (request.top_p) row["top_p"] = *request.top_p;
  if (request.max_tokens) row["max_tokens"] = *request.max_tokens;
  if (request.seed) row["seed"] = *request.seed;
  if (!request.stop.empty()) row["stop"] = json::value_from(request.stop);
  return row;
}

Result<ChatResponse> FromBulk(const json::object& row, const std::string& model) {
  if (const json::object* error = FindObject(row, "error")) {
    const json::string* message = FindString(*error, "message");
    return FailAt("plumb-lm", Code::kInvalid, "{}", message ? std::string_view(*message) : "no reason given");
  }
  ChatResponse response;
  PLUMB_TRY(response.text, GetString(row, "text"));
  PLUMB_TRY(response.finish_reason, GetStringOr(row, "finish_reason", "stop"));
  response.model = model;
  if (const json::object* usage = FindObject(row, "usage")) {
    response.usage.input_tokens = GetIntOr(*usage, "input_tokens", 0).value_or(0);
    response.usage.output_tokens = GetIntOr(*usage, "output_tokens", 0).value_or(0);
  }
  response.raw = row;
  return response;
}

Result<std::vector<std::vector<float>>> Rows(const json::array& rows, size_t expected) {
  if (rows.size() != expected) {
    return FailAt("plumb-lm", Code::kCorrupt, "{} texts were sent and {} rows came back", expected, rows.size());
  }
  std::vector<std::vector<float>> out;
  for (const json::value& row : rows) {
    auto numbers = json::try_value_to<std::vector<float>>(row);
    if (!numbers) return FailAt("plumb-lm", Code::kCorrupt, "a row of scores holds something else than numbers");
    out.push_back(std::move(*numbers));
  }
  return out;
}

}  // namespace

LocalProvider::LocalProvider(asio::any_io_executor executor, const std::string& model, LmOptions options)
    : LocalProvider(std::move(executor), model, std::move(options), LocalHttp(model)) {}

LocalProvider::LocalProvider(asio::any_io_executor executor, const std::string& model, LmOptions options, HttpOptions http)
    : HttpProvider(executor, std::move(http), OpenAiProtocol({.completers = {""}})),
      model_(model),
      process_(executor, WithModel(std::move(options), model)) {}

asio::awaitable<Result<net::Url>> LocalProvider::Base() {
  PLUMB_CO_TRY(net::Url url, co_await process_.Ready());
  url.target = "/v1";
  co_return url;
}

asio::awaitable<Status> LocalProvider::Generate(const std::vector<ChatRequest>& requests, const OnDone& on_done,
                                                std::vector<Result<ChatResponse>>& answers) {
  json::array rows;
  for (size_t i = 0; i < requests.size(); ++i) rows.push_back(BulkRow(requests[i], i));
  const std::string model = requests.empty() || requests[0].model.empty() ? model_ : requests[0].model;
  json::object body = {{"model", model}};
  body["requests"] = std::move(rows);
  Asking asking;
  PLUMB_CO_TRY(net::Download download, co_await Send("/generate", body, asking));
  std::string pending;
  while (true) {
    Result<std::string> piece = co_await download.Next();
    if (!piece) co_return std::unexpected(std::move(piece).error());
    if (piece->empty()) break;
    pending += *piece;
    size_t begin = 0;
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', begin)) {
      const std::string_view line = std::string_view(pending).substr(begin, end - begin);
      begin = end + 1;
      if (Trim(line).empty()) continue;
      PLUMB_CO_TRY(const json::value row, ParseJson(line, "plumb-lm"));
      if (!row.is_object()) co_return FailAt("plumb-lm", Code::kCorrupt, "a result is not an object");
      PLUMB_CO_TRY(const std::string id, GetString(row.as_object(), "id"));
      const size_t index = std::strtoul(id.c_str(), nullptr, 10);
      if (index >= answers.size()) co_return FailAt("plumb-lm", Code::kCorrupt, "a result for id '{}' nobody asked for", id);
      answers[index] = FromBulk(row.as_object(), model);
      // Leaving closes the connection, and with it what plumb-lm still works on.
      if (on_done && !on_done(index, answers[index])) co_return Status();
    }
    pending.erase(0, begin);
  }
  co_return Status();
}

Result<std::vector<Result<ChatResponse>>> LocalProvider::Batch(const std::vector<ChatRequest>& requests, size_t,
                                                               const OnDone& on_done) {
  const Error unanswered{Code::kCancelled, "stopped before this was answered", ""};
  std::vector<Result<ChatResponse>> answers(requests.size(), std::unexpected(unanswered));
  if (requests.empty()) return answers;
  const Status done = net::Wait(executor(), Generate(requests, on_done, answers));
  if (done) return answers;
  size_t answered = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i] || answers[i].error().code != Code::kCancelled) {
      ++answered;
      continue;
    }
    answers[i] = std::unexpected(done.error());
    if (on_done) on_done(i, answers[i]);
  }
  if (answered == 0) return std::unexpected(done.error());
  return answers;
}

asio::awaitable<Result<json::object>> LocalProvider::CallAsync(std::string path, json::object body) {
  if (!body.contains("model")) body["model"] = model_;
  if (path.starts_with("/v1")) path.erase(0, 3);
  Asking asking;
  PLUMB_CO_TRY(net::Download download, co_await Send(path, body, asking));
  PLUMB_CO_TRY(const std::string text, co_await download.Rest(size_t{1} << 30));
  PLUMB_CO_TRY(json::value answer, ParseJson(text, "plumb-lm"));
  if (!answer.is_object()) co_return FailAt("plumb-lm", Code::kCorrupt, "the answer to {} is not an object", path);
  co_return std::move(answer.as_object());
}

Result<json::object> LocalProvider::Call(std::string_view path, json::object body) {
  return net::Wait(executor(), CallAsync(std::string(path), std::move(body)));
}

Result<std::vector<TokenLogprobs>> LocalProvider::Logprobs(const std::vector<json::array>& prompts,
                                                           const std::vector<std::string>& completions) {
  json::array items;
  for (size_t i = 0; i < prompts.size(); ++i) {
    items.push_back(json::object{{"messages", prompts[i]}, {"completion", completions[i]}});
  }
  json::object body;
  body["items"] = std::move(items);
  PLUMB_TRY(const json::object answer, Call("/v1/logprobs", std::move(body)));
  const json::array* results = FindArray(answer, "results");
  if (!results || results->size() != prompts.size()) {
    return FailAt("plumb-lm", Code::kCorrupt, "the answer to /v1/logprobs has not one result for each request");
  }
  std::vector<TokenLogprobs> out;
  for (const json::value& result : *results) {
    const json::object* object = result.if_object();
    const json::array* values = object ? FindArray(*object, "logprobs") : nullptr;
    auto numbers = values ? json::try_value_to<std::vector<double>>(*values)
                          : json::result<std::vector<double>>(json::error::syntax);
    if (!numbers) return FailAt("plumb-lm", Code::kCorrupt, "a result of /v1/logprobs has no logprobs");
    TokenLogprobs row;
    row.logprobs = std::move(*numbers);
    for (double value : row.logprobs) row.total += value;
    if (const json::array* tokens = FindArray(*object, "tokens")) {
      for (const json::value& token : *tokens) row.tokens.emplace_back(token.is_string() ? token.get_string().c_str() : "");
    }
    out.push_back(std::move(row));
  }
  return out;
}

LocalEncoder::LocalEncoder(asio::any_io_executor executor, const std::string& model, LmOptions options)
    : provider_(std::move(executor), model, std::move(options), EncoderHttp(model)) {}

Result<std::vector<std::string>> LocalEncoder::Heads() {
  PLUMB_TRY(const json::object answer, provider_.Call("/v1/classify", {{"texts", json::array{"."}}}));
  const json::array* heads = FindArray(answer, "heads");
  auto names = heads ? json::try_value_to<std::vector<std::string>>(*heads)
                     : json::result<std::vector<std::string>>(json::error::syntax);
  if (!names) return FailAt("plumb-lm", Code::kCorrupt, "the answer to /v1/classify names no heads");
  return std::move(*names);
}

Result<std::vector<std::vector<float>>> LocalEncoder::Classify(const std::vector<std::string>& texts) {
  PLUMB_TRY(const json::object answer, provider_.Call("/v1/classify", {{"texts", json::value_from(texts)}}));
  const json::array* scores = FindArray(answer, "scores");
  if (!scores) return FailAt("plumb-lm", Code::kCorrupt, "the answer to /v1/classify has no scores");
  return Rows(*scores, texts.size());
}

Result<std::vector<std::vector<float>>> LocalEncoder::Embed(const std::vector<std::string>& texts) {
  // An adapter holds heads and what they need; sentences are told apart by the encoder itself.
  const std::string base = provider_.model().substr(0, provider_.model().find('+'));
  PLUMB_TRY(const json::object answer, provider_.Call("/v1/embeddings", {{"model", base}, {"input", json::value_from(texts)}}));
  const json::array* data = FindArray(answer, "data");
  if (!data) return FailAt("plumb-lm", Code::kCorrupt, "the answer to /v1/embeddings has no data");
  json::array rows;
  for (const json::value& row : *data) {
    const json::object* object = row.if_object();
    rows.push_back(object && object->contains("embedding") ? object->at("embedding") : json::value());
  }
  return Rows(rows, texts.size());
}

}  // namespace plumb::provider
