#include "model/train/remote_rollout.h"

#include <atomic>
#include <boost/asio/use_future.hpp>
#include <charconv>
#include <future>

#include "base/net/client.h"
#include "base/net/io_thread.h"

namespace plumb::train {

namespace asio = boost::asio;

// The connection: requests in flight together, waited for from this thread.
struct RemoteRoller::Wire {
  net::Url base;
  net::IoThread io;    // before `client`, whose connections are its
  net::Client client;

  net::ClientRequest Request(std::string method, std::string_view path, std::string body) const {
    net::ClientRequest request{.method = std::move(method), .url = base, .body = std::move(body)};
    request.url.target += path;
    if (!request.body.empty()) request.headers.Set("content-type", "application/json");
    return request;
  }
  // Every request's answer, in their order, up to `together` at a time.
  std::vector<Result<net::ClientResponse>> FetchAll(std::vector<net::ClientRequest> requests, int together) {
    std::vector<Result<net::ClientResponse>> answers(requests.size(), Fail(Code::kInternal, "not asked"));
    std::atomic<size_t> next{0};
    const auto worker = [&]() -> asio::awaitable<bool> {
      for (size_t i; (i = next++) < requests.size();) answers[i] = co_await client.Fetch(std::move(requests[i]));
      co_return true;
    };
    std::vector<std::future<bool>> running;
    for (int i = 0; i < together && i < static_cast<int>(requests.size()); ++i)
      running.push_back(asio::co_spawn(io.executor(), worker(), asio::use_future));
    for (auto& one : running) one.get();
    return answers;
  }
  Result<net::ClientResponse> Fetch(std::string method, std::string_view path, std::string body = {}) {
    std::vector<net::ClientRequest> one;
    one.push_back(Request(std::move(method), path, std::move(body)));
    return std::move(FetchAll(std::move(one), 1).front());
  }
};

namespace {

constexpr size_t kAnswerShown = 300;  // bytes of an answer that stand in an error

Result<json::object> ObjectOf(const Result<net::ClientResponse>& answer, const std::string& url) {
  if (!answer) return FailAt(url, answer.error().code, "{}", answer.error().message);
  if (answer->status != 200)
    return FailAt(url, Code::kUnavailable, "answered {}: {}", answer->status, answer->body.substr(0, kAnswerShown));
  const auto value = ParseJson(answer->body);
  if (!value || !value->is_object()) return FailAt(url, Code::kCorrupt, "answered with no JSON object");
  return value->get_object();
}

// The id in "token_id:7", or of the token of that text.
Result<int32_t> IdOf(const json::value& token, const lm::Tokenizer& tokenizer) {
  const json::string* text = token.if_string();
  if (!text) return Fail(Code::kCorrupt, "a token is no text");
  constexpr std::string_view kPrefix = "token_id:";
  int64_t id = -1;
  if (std::string_view(*text).starts_with(kPrefix)) {
    const auto [end, bad] = std::from_chars(text->data() + kPrefix.size(), text->data() + text->size(), id);
    if (bad == std::errc() && end == text->data() + text->size() && id >= 0) return static_cast<int32_t>(id);
    return Fail(Code::kCorrupt, "\"{}\" names no token", std::string_view(*text));
  }
  if (const auto known = tokenizer.FindToken(*text)) return *known;
  const std::vector<int32_t> ids = tokenizer.Encode(*text);
  if (ids.size() == 1) return ids[0];
  return Fail(Code::kCorrupt, "the vocabulary has no token \"{}\": a server that names tokens by their text must cut as we do", std::string_view(*text));
}

struct TokenLists {
  std::vector<int32_t> ids;
  std::vector<float> logps;
  bool cut = false;  // a token that only its text names, and that is part of a character: what comes after it is not known
};

bool PartOfCharacter(const json::value& token) {
  return token.is_string() && std::string_view(token.get_string()).find("\xEF\xBF\xBD") != std::string_view::npos;
}

Status AddToken(TokenLists& to, Result<int32_t> id, const json::value* logp) {
  if (!id) return std::unexpected(id.error());
  if (!logp || !logp->is_number()) return Fail(Code::kCorrupt, "a token has no log-probability");
  to.ids.push_back(*id);
  to.logps.push_back(static_cast<float>(logp->to_number<double>()));
  return {};
}

// {"content": [{"id"?, "token", "logprob"}…]} as in chat completions (and plumb-lm's), or
// {"tokens": […], "token_logprobs": […]} as in completions.
Result<TokenLists> ListsOf(const json::object& choice, const lm::Tokenizer& tokenizer) {
  const json::object* logprobs = FindObject(choice, "logprobs");
  if (!logprobs) return Fail(Code::kCorrupt, "the server gives no log-probabilities (\"logprobs\")");
  TokenLists out;
  if (const json::array* content = FindArray(*logprobs, "content")) {
    for (const auto& item : *content) {
      const json::object* token = item.if_object();
      if (!token) return Fail(Code::kCorrupt, "a token is no object");
      const json::value* id = token->if_contains("id");
      const json::value* text = token->if_contains("token");
      const bool named = id && id->is_int64();
      if ((out.cut = !named && text && PartOfCharacter(*text))) break;
      PLUMB_CHECK(AddToken(out, named ? Result<int32_t>(static_cast<int32_t>(id->get_int64())) : IdOf(text ? *text : json::value(), tokenizer),
                      token->if_contains("logprob")));
    }
    return out;
  }
  const json::array *tokens = FindArray(*logprobs, "tokens"), *logps = FindArray(*logprobs, "token_logprobs"), *ids = FindArray(choice, "token_ids");
  if (!tokens || !logps || tokens->size() != logps->size() || (ids && ids->size() != tokens->size()))
    return Fail(Code::kCorrupt, "\"logprobs\" holds neither \"content\" nor \"tokens\" with as many \"token_logprobs\"");
  for (size_t i = 0; i < tokens->size(); ++i) {
    const bool named = ids && (*ids)[i].is_int64();
    if ((out.cut = !named && PartOfCharacter((*tokens)[i]))) break;
    PLUMB_CHECK(AddToken(out, named ? Result<int32_t>(static_cast<int32_t>((*ids)[i].get_int64())) : IdOf((*tokens)[i], tokenizer), &(*logps)[i]));
  }
  return out;
}

// "http://host:8000/v1/" → target "/v1"; "/" and "" too.
Result<net::Url> BaseUrl(const std::string& text) {
  PLUMB_TRY(net::Url url, net::ParseUrl(text));
  while (url.target.ends_with('/')) url.target.pop_back();
  if (!url.target.ends_with("/v1")) url.target += "/v1";
  return url;
}

}  // namespace

Result<RemoteRoller::Sync> ParseRolloutSync(std::string_view name) {
  using Sync = RemoteRoller::Sync;
  for (const auto& [known, sync] : {std::pair{"auto", Sync::kAuto}, {"plumb", Sync::kPlumb}, {"lora", Sync::kLora}, {"none", Sync::kNone}})
    if (name == known) return sync;
  return Fail(Code::kInvalid, "rollout_sync is \"{}\", must be auto, plumb, lora or none", name);
}

RemoteRoller::RemoteRoller(Options options, const lm::Tokenizer& tokenizer, const Parameters& parameters, std::function<Status(const fs::path&)> save)
    : options_(std::move(options)), tokenizer_(tokenizer), parameters_(parameters), save_(std::move(save)), wire_(std::make_unique<Wire>()) {}

RemoteRoller::~RemoteRoller() = default;

Result<std::unique_ptr<RemoteRoller>> RemoteRoller::Connect(Options options, const lm::Tokenizer& tokenizer, const Parameters& parameters,
                                                            std::function<Status(const fs::path&)> save) {
  PLUMB_CHECK(options.sampling.Check());
  if (options.sampling.temperature != 1)
    return Fail(Code::kUnsupported,
                "a server's log-probabilities are those at temperature 1, and completions at temperature {:g} could not be weighed by them: use "
                "--temperature 1",
                options.sampling.temperature);
  std::unique_ptr<RemoteRoller> roller(new RemoteRoller(std::move(options), tokenizer, parameters, std::move(save)));
  PLUMB_TRY(roller->wire_->base, BaseUrl(roller->options_.url));
  PLUMB_CHECK(roller->Detect());
  return roller;
}

// Which server it is, and by what name it has the base.
Status RemoteRoller::Detect() {
  const auto handshake = wire_->Fetch("GET", "/handshake");
  if (!handshake) return FailAt(options_.url, handshake.error().code, "{}", handshake.error().message);
  const bool ours = handshake->status == 200;
  if (options_.sync == Sync::kAuto && ours) options_.sync = Sync::kPlumb;
  if (options_.sync == Sync::kPlumb && !ours)
    return FailAt(options_.url, Code::kInvalid, "is no plumb-lm (no /v1/handshake): rollout_sync must be lora or none");
  if (options_.sync == Sync::kAuto)
    return FailAt(options_.url, Code::kInvalid,
                  "is no plumb-lm. How does it get the weights that are learned? rollout_sync lora: by vLLM's /v1/load_lora_adapter; none: not at "
                  "all, what it samples is weighed by how likely the trainer finds it");
  model_ = options_.model;
  if (ours) return {};
  PLUMB_TRY(const json::object models, ObjectOf(wire_->Fetch("GET", "/models"), options_.url));
  const json::array* data = FindArray(models, "data");
  const json::object* first = data && !data->empty() ? data->front().if_object() : nullptr;
  if (!first) return FailAt(options_.url, Code::kCorrupt, "names no model in /v1/models");
  PLUMB_TRY(model_, GetString(*first, "id"));
  return {};
}

Status RemoteRoller::HandOver() {
  if (options_.sync == Sync::kNone || (handed_over_.defined() && handed_over_.equal(parameters_.flat()))) return {};
  const auto folder = [&](int64_t generation) { return fs::absolute(options_.folder) / fmt::format("adapter-{}", generation); };
  const int64_t last = generation_++;
  PLUMB_CHECK(save_(folder(generation_)));
  if (options_.sync == Sync::kPlumb) {
    std::error_code ignored;
    const std::string base = fs::exists(options_.model, ignored) ? fs::absolute(options_.model).string() : options_.model;
    model_ = fmt::format("{}+{}", base, folder(generation_).string());
  } else {
    const auto tell = [&](const char* path, json::object body) { return wire_->Fetch("POST", path, ToJson(body)); };
    const std::string name = fmt::format("plumb-{}", generation_);
    const auto loaded = tell("/load_lora_adapter", {{"lora_name", name}, {"lora_path", folder(generation_).string()}});
    if (!loaded) return FailAt(options_.url, loaded.error().code, "{}", loaded.error().message);
    if (loaded->status != 200)
      return FailAt(options_.url, Code::kUnsupported, "does not take the adapter (/v1/load_lora_adapter answered {}: {}): start vLLM with "
                    "--enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True, or use rollout_sync none",
                    loaded->status, loaded->body.substr(0, kAnswerShown));
    // One that stays loaded costs the server memory, and is no reason to stop.
    if (last > 0) (void)tell("/unload_lora_adapter", {{"lora_name", fmt::format("plumb-{}", last)}});
    model_ = name;
  }
  std::error_code ignored;
  if (last > 0) fs::remove_all(folder(last), ignored);
  handed_over_ = parameters_.flat().clone();
  return {};
}

Result<Completion> RemoteRoller::Read(const json::object& answer, size_t prompt_tokens) const {
  if (const json::object* usage = FindObject(answer, "usage")) {
    PLUMB_TRY(const int64_t counted, GetIntOr(*usage, "prompt_tokens", static_cast<int64_t>(prompt_tokens)));
    if (counted != static_cast<int64_t>(prompt_tokens))
      return Fail(Code::kInvalid, "the server counts {} tokens in a prompt of {}: its tokenizer is another one", counted, prompt_tokens);
  }
  const json::array* choices = FindArray(answer, "choices");
  const json::object* choice = choices && !choices->empty() ? choices->front().if_object() : nullptr;
  if (!choice) return Fail(Code::kCorrupt, "an answer has no choice");
  PLUMB_TRY(TokenLists lists, ListsOf(*choice, tokenizer_));
  if (lists.ids.empty()) return Fail(Code::kCorrupt, "a completion has no token");
  PLUMB_TRY(const std::string reason, GetStringOr(*choice, "finish_reason", ""));
  return Completion{.ids = std::move(lists.ids), .sampled = std::move(lists.logps), .ended = reason == "stop" && !lists.cut};
}

Result<std::vector<Completion>> RemoteRoller::Roll(const std::vector<std::vector<int32_t>>& prompts, const std::vector<uint64_t>& seeds) {
  PLUMB_CHECK(HandOver());
  std::vector<net::ClientRequest> requests;
  const lm::Sampling& sampling = options_.sampling;
  for (size_t i = 0; i < prompts.size(); ++i) {
    json::object body{{"model", model_}, {"prompt", tokenizer_.Decode(prompts[i], true)}, {"max_tokens", sampling.max_tokens}, {"temperature", 1},
                      {"seed", static_cast<int64_t>(seeds[i] & 0x7fffffff)}, {"logprobs", 1}};
    if (sampling.top_p < 1) body["top_p"] = sampling.top_p;
    if (sampling.top_k > 0) body["top_k"] = sampling.top_k;
    if (sampling.min_p > 0) body["min_p"] = sampling.min_p;
    if (options_.sync != Sync::kPlumb) {  // vLLM's; others do not mind
      body["return_token_ids"] = body["return_tokens_as_token_ids"] = true;
      body["add_special_tokens"] = false;
    }
    requests.push_back(wire_->Request("POST", "/completions", ToJson(body)));
  }
  std::vector<Completion> out;
  const auto answers = wire_->FetchAll(std::move(requests), options_.concurrency);
  for (size_t i = 0; i < answers.size(); ++i) {
    PLUMB_TRY(const json::object answer, ObjectOf(answers[i], options_.url));
    auto completion = Read(answer, prompts[i].size());
    if (!completion) return FailAt(options_.url, completion.error().code, "{}", completion.error().message);
    out.push_back(std::move(*completion));
  }
  return out;
}

}  // namespace plumb::train
