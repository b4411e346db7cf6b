// What is no chat: one question and its answer, and the list of models.
#include "runtime/provider/failure.h"
#include "runtime/provider/http_provider.h"

namespace plumb::provider {

asio::awaitable<Result<ChatResponse>> HttpProvider::Post(std::string path, json::object body, ChatRequest about) {
  Asking asking{.request = &about};
  asking.model = GetStringOr(body, "model", options_.default_model).value_or("");
  if (asking.model.empty()) asking.model = options_.default_model;
  if (!asking.model.empty()) body["model"] = asking.model;
  PLUMB_CO_TRY(net::Download download, co_await Send(path, body, asking));
  Result<ChatResponse> answer = co_await ReadPosted(std::move(download), path);
  if (answer) {
    Note(asking, nullptr);
    answer->attempts = asking.attempts;
  } else {
    Note(asking, &answer.error());
  }
  co_return answer;
}

asio::awaitable<Result<ChatResponse>> HttpProvider::ReadPosted(net::Download download, std::string path) {
  Result<std::string> text = co_await download.Rest(kMaxAnswerBytes);
  if (!text) co_return std::unexpected(Clean(Oversized(std::move(text).error())));
  auto parsed = ParseJson(*text, "the answer");
  if (!parsed || !parsed->is_object()) {
    co_return FailAt(options_.base.Text(), Code::kCorrupt, "the answer to {} is not a JSON object", path);
  }
  ChatResponse answer;
  answer.finish_reason = "stop";
  answer.raw = std::move(parsed->as_object());
  if (const json::object* usage = FindObject(answer.raw, "usage")) {
    answer.usage.input_tokens = GetIntOr(*usage, "prompt_tokens", 0).value_or(0);
  }
  if (const json::string* model = FindString(answer.raw, "model")) answer.model = *model;
  co_return answer;
}

asio::awaitable<Result<std::vector<std::string>>> HttpProvider::Models() {
  net::ClientRequest request;
  PLUMB_CO_TRY(request.url, co_await Base());
  if (request.url.target.ends_with('/')) request.url.target.pop_back();
  request.url.target += protocol_->Path("/models", "");
  request.headers = options_.headers;
  RefreshKey();
  protocol_->Authorise(request.headers, options_.key);
  request.timeouts = options_.timeouts;
  const std::string where = request.url.Text();
  PLUMB_CO_TRY(const net::ClientResponse answer, co_await client_.Fetch(std::move(request)));
  std::string reason;
  if (answer.status >= 400) co_return std::unexpected(Clean(VendorError(answer.status, answer.body, where, reason)));
  auto parsed = ParseJson(answer.body, "the answer");
  const json::array* data = parsed && parsed->is_object() ? FindArray(parsed->as_object(), "data") : nullptr;
  if (!data) co_return FailAt(where, Code::kCorrupt, "the answer is no list of models");
  std::vector<std::string> names;
  for (const json::value& model : *data) {
    const json::object* object = model.if_object();
    if (const json::string* id = object ? FindString(*object, "id") : nullptr) names.emplace_back(*id);
  }
  co_return names;
}

}  // namespace plumb::provider
