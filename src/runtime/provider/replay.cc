#include "runtime/provider/replay.h"

#include <unordered_map>

namespace plumb::provider {
namespace {

class Replay final : public Provider {
 public:
  Replay(asio::any_io_executor executor, std::string file, std::unordered_map<std::string, json::object> rows)
      : executor_(std::move(executor)), file_(std::move(file)), rows_(std::move(rows)) {}

  const std::string& name() const override { return name_; }
  asio::any_io_executor executor() const override { return executor_; }

  asio::awaitable<Result<ChatResponse>> Chat(ChatRequest request) override { co_return Find(request); }

  asio::awaitable<Result<ChatResponse>> ChatStream(ChatRequest request, OnDelta on_delta) override {
    PLUMB_CO_TRY(ChatResponse response, Find(request));
    ChatDelta delta;
    delta.text = response.text;
    PLUMB_CO_CHECK(co_await on_delta(delta));
    co_return response;
  }

  Result<std::vector<Result<ChatResponse>>> Batch(const std::vector<ChatRequest>& requests, size_t,
                                                  const OnDone& on_done) override {
    const Error not_begun{Code::kCancelled, "stopped before this was asked", ""};
    std::vector<Result<ChatResponse>> answers(requests.size(), std::unexpected(not_begun));
    for (size_t i = 0; i < requests.size(); ++i) {
      answers[i] = Find(requests[i]);
      if (on_done && !on_done(i, answers[i])) break;
    }
    return answers;
  }

 private:
  Result<ChatResponse> Find(const ChatRequest& request) const {
    const auto found = rows_.find(request.id);
    if (found == rows_.end()) return FailAt(file_, Code::kNotFound, "no recorded output for id '{}'", request.id);
    const json::object& row = found->second;
    if (const json::string* error = FindString(row, "error")) {
      return FailAt(file_, Code::kUnavailable, "recorded failure: {}", std::string_view(*error));
    }
    ChatResponse response;
    PLUMB_TRY(response.text, GetString(row, "output"));
    PLUMB_TRY(response.finish_reason, GetStringOr(row, "finish_reason", "stop"));
    PLUMB_TRY(response.model, GetStringOr(row, "model", "replay"));
    if (const json::object* usage = FindObject(row, "usage")) {
      response.usage.input_tokens = GetIntOr(*usage, "input_tokens", 0).value_or(0);
      response.usage.output_tokens = GetIntOr(*usage, "output_tokens", 0).value_or(0);
    }
    response.raw = row;
    return response;
  }

  asio::any_io_executor executor_;
  std::string name_ = "replay";
  std::string file_;
  std::unordered_map<std::string, json::object> rows_;
};

}  // namespace

Result<std::unique_ptr<Provider>> OpenReplay(const fs::path& file, asio::any_io_executor executor) {
  PLUMB_TRY(const auto rows, ReadJsonl(file));
  std::unordered_map<std::string, json::object> by_id;
  for (const json::object& row : rows) {
    PLUMB_TRY(std::string id, GetString(row, "id"));
    if (!row.contains("output") && !row.contains("error")) {
      return FailAt(file.string(), Code::kInvalid, "the row with id '{}' has neither output nor error", id);
    }
    if (!by_id.emplace(id, row).second) return FailAt(file.string(), Code::kInvalid, "id '{}' stands there twice", id);
  }
  return std::make_unique<Replay>(std::move(executor), file.string(), std::move(by_id));
}

}  // namespace plumb::provider
