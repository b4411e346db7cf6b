#include "runtime/guard/answer_logprobs.h"

namespace plumb::guard {
namespace {

// A token's bytes: a token may end inside a character, and `token` then only stands for it.
std::string BytesOf(const json::object& entry) {
  if (const json::array* bytes = FindArray(entry, "bytes")) {
    std::string out;
    for (const json::value& byte : *bytes) out += static_cast<char>(byte.is_int64() ? byte.get_int64() : byte.is_uint64() ? static_cast<int64_t>(byte.get_uint64()) : 0);
    return out;
  }
  const json::string* token = FindString(entry, "token");
  return token ? std::string(*token) : std::string();
}

}  // namespace

void LogprobQueue::Add(const json::value& logprobs) {
  const json::object* object = logprobs.if_object();
  const json::array* content = object ? FindArray(*object, "content") : nullptr;
  if (content == nullptr || astray_) return;
  for (const json::value& entry : *content) {
    if (entry.is_object()) {
      waiting_.push_back({BytesOf(entry.get_object()), entry});
    } else {
      astray_ = true;
    }
  }
}

json::value LogprobQueue::Take(std::string_view text, size_t released, const std::function<bool(size_t, size_t)>& intact) {
  json::array content;
  while (!waiting_.empty() && !astray_) {
    Entry& first = waiting_.front();
    const size_t end = at_ + first.bytes.size();
    if (end > released) break;
    if (text.substr(at_, first.bytes.size()) != first.bytes) {
      astray_ = true;
      break;
    }
    if (intact(at_, end)) content.push_back(std::move(first.value));
    at_ = end;
    waiting_.pop_front();
  }
  if (astray_) waiting_.clear();
  if (content.empty()) return nullptr;
  json::object out;
  out["content"] = std::move(content);
  return out;
}

}  // namespace plumb::guard
