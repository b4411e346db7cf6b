#include "runtime/gateway/exchange.h"

#include <boost/json/monotonic_resource.hpp>
#include <cmath>

#include "runtime/guard/silence.h"
#include "runtime/guard/verdict_json.h"

namespace plumb::gateway {
namespace {

constexpr size_t kEntryBytes = 16 << 10;  // what an entry usually needs

double Rounded(double ms) { return std::round(ms * 100) / 100; }

json::value DirectionSummary(const std::optional<guard::Verdict>& verdict) {
  if (!verdict) return nullptr;
  json::array clauses;
  for (const auto& [id, category] : verdict->categories) {
    if (category.fired) clauses.emplace_back(id);
  }
  return json::object{{"action", policy::ActionName(verdict->action)}, {"clauses", clauses}, {"unsafe", verdict->unsafe}};
}

std::string LastUserText(const json::array& messages) {
  std::string last;
  for (const json::value& value : messages) {
    const json::object* message = value.if_object();
    const json::string* role = message ? FindString(*message, "role") : nullptr;
    if (role && *role == "user" && message->contains("content")) last = provider::ContentText(message->at("content"));
  }
  return last;
}

// The first 160 bytes or so, cut between characters.
std::string Preview(std::string text) {
  if (text.size() <= 160) return text;
  size_t end = 160;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

json::object UsageBody(const provider::Usage& usage) {
  json::object body = {{"input_tokens", usage.input_tokens}, {"output_tokens", usage.output_tokens}};
  if (usage.cached_input_tokens) body["cached_input_tokens"] = usage.cached_input_tokens;
  if (usage.cache_creation_input_tokens) body["cache_creation_input_tokens"] = usage.cache_creation_input_tokens;
  if (usage.reasoning_tokens) body["reasoning_tokens"] = usage.reasoning_tokens;
  return body;
}

// One success at the first try needs no telling.
bool Telling(const std::vector<provider::Attempt>& attempts) {
  return attempts.size() > 1 || (attempts.size() == 1 && attempts[0].outcome != "ok");
}

json::array AttemptsBody(const std::vector<provider::Attempt>& attempts) {
  json::array body;
  for (const provider::Attempt& attempt : attempts) {
    json::object row = {{"target", attempt.target}, {"status", attempt.status}, {"outcome", attempt.outcome}, {"ms", Rounded(attempt.ms)}};
    if (!attempt.reason.empty()) row["reason"] = attempt.reason;
    if (attempt.begun) row["begun"] = true;
    body.push_back(std::move(row));
  }
  return body;
}

}  // namespace

std::vector<std::string> SilentDetectors(const Exchange& exchange) {
  std::vector<std::string> out;
  for (const auto& [direction, verdict] : {std::pair{"input", &exchange.input}, std::pair{"output", &exchange.output}}) {
    if (!*verdict) continue;
    for (const std::string& name : guard::SilentDetectors(**verdict)) out.push_back(fmt::format("{}/{}", direction, name));
  }
  return out;
}

ledger::Entry ToEntry(const Exchange& exchange, const Bound& bound) {
  // The entry's JSON lies in memory of its own: taking it apart value by value, on the ledger's thread, costs as much as
  // building it.
  const json::storage_ptr memory = json::make_shared_resource<json::monotonic_resource>(kEntryBytes);
  ledger::Entry entry{.kind = "exchange", .body = json::object(40, memory), .subject = exchange.subject, .texts = {}, .id = exchange.id, .derived_from = {}};
  json::object& body = entry.body;
  body["api"] = exchange.api;
  body["model"] = exchange.model;
  body["target"] = exchange.target;
  body["provider"] = exchange.provider;
  body["key"] = exchange.key;
  body["stream"] = exchange.stream;
  body["mode"] = exchange.mode;
  body["log"] = exchange.log;
  body["status"] = exchange.status;
  if (!exchange.error.empty()) body["error"] = exchange.error;
  body["action"] = policy::ActionName(exchange.action);
  body["clause"] = exchange.clause;
  body["input"] = DirectionSummary(exchange.input);
  body["output"] = DirectionSummary(exchange.output);
  if (!exchange.attributes.empty()) body["attributes"] = json::value_from(exchange.attributes);
  if (!exchange.arm.empty()) body["arm"] = exchange.arm;
  if (exchange.in_doubt) body["in_doubt"] = true;
  if (!exchange.rules.empty()) body["rules"] = exchange.rules;
  if (!exchange.bearing.empty()) body["bearing"] = json::value_from(exchange.bearing);
  body["finish_reason"] = exchange.finish_reason;
  body["usage"] = UsageBody(exchange.usage);
  body["cached"] = exchange.cached;
  body["cost_usd"] = exchange.cost ? json::value(static_cast<double>(*exchange.cost) / 1e12) : json::value();
  if (exchange.attempts && Telling(*exchange.attempts)) body["attempts"] = AttemptsBody(*exchange.attempts);
  body["ms"] = {{"total", Rounded(exchange.total_ms)},
                {"guard_input", Rounded(exchange.guard_input_ms)},
                {"guard_output", Rounded(exchange.guard_output_ms)},
                {"first_text", Rounded(exchange.first_text_ms)}};
  json::object verdicts(2, memory);
  for (const auto& [direction, verdict] : {std::pair{"input", &exchange.input}, std::pair{"output", &exchange.output}}) {
    verdicts.emplace(direction, nullptr);
    if (*verdict) verdicts[direction] = guard::VerdictJsonIn(memory, **verdict);
  }
  body["verdicts"] = std::move(verdicts);
  // A detector that did not run is never left to be found among those that did.
  if (const std::vector<std::string> silent = SilentDetectors(exchange); !silent.empty()) body["silent"] = json::array(silent.begin(), silent.end());
  body["bound"] = {{"policy", bound.policy}, {"guard", bound.guard}};
  const std::string request = ToJson(exchange.messages);
  if (exchange.log == "full") {
    entry.texts.push_back({"request", request});
    entry.texts.push_back({"response", exchange.response});
    if (!exchange.withheld.empty()) entry.texts.push_back({"withheld", exchange.withheld});
  } else if (exchange.log == "hashed") {
    body["sha256"] = {{"request", Sha256Hex(request)}, {"response", Sha256Hex(exchange.response)}};
  }
  return entry;
}

json::object ExchangeRow(const ledger::Stored& stored) {
  json::object row;
  row["id"] = stored.id;
  row["index"] = stored.index;
  row["time"] = stored.time;
  for (const char* key : {"api", "model", "target", "provider", "key", "stream", "mode", "status", "error", "action", "clause",
                          "input", "output", "finish_reason", "usage", "cached", "cost_usd", "attempts", "ms", "attributes", "arm", "in_doubt", "rules", "bearing"}) {
    if (stored.body.contains(key)) row[key] = stored.body.at(key);
  }
  row["preview"] = nullptr;
  if (const json::string* request = FindString(stored.texts, "request")) {
    auto messages = ParseJson(*request, "request");
    if (messages && messages->is_array()) row["preview"] = Preview(LastUserText(messages->get_array()));
  }
  return row;
}

json::object ExchangeDetail(const ledger::Stored& stored) {
  json::object detail = ExchangeRow(stored);
  detail["messages"] = nullptr;
  detail["response"] = nullptr;
  if (const json::string* request = FindString(stored.texts, "request")) {
    auto messages = ParseJson(*request, "request");
    if (messages) detail["messages"] = *messages;
  }
  if (const json::string* response = FindString(stored.texts, "response")) detail["response"] = *response;
  if (const json::string* withheld = FindString(stored.texts, "withheld")) detail["withheld"] = *withheld;
  for (const char* key : {"verdicts", "bound", "sha256"}) {
    if (stored.body.contains(key)) detail[key] = stored.body.at(key);
  }
  return detail;
}

}  // namespace plumb::gateway
