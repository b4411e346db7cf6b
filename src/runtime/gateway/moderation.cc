// /v1/moderations and /v1/exchanges/{id}.
#include <array>

#include "runtime/gateway/access.h"
#include "runtime/gateway/openai_form.h"
#include "runtime/gateway/hold_turn.h"
#include "runtime/gateway/service.h"

namespace plumb::gateway {
namespace {

constexpr std::array<std::string_view, 13> kOpenAiCategories = {
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic"};

// One text, a list of texts, or a list of parts of which only text can be judged.
Result<std::vector<std::string>> Inputs(const json::object& body) {
  const json::value* input = body.if_contains("input");
  if (!input) return Fail(Code::kInvalid, "input is missing; it must be a text or a list of texts");
  std::vector<std::string> texts;
  if (const json::string* one = input->if_string()) {
    texts.emplace_back(*one);
    return texts;
  }
  const json::array* list = input->if_array();
  if (!list) return Fail(Code::kInvalid, "input must be a text or a list of texts");
  for (const json::value& item : *list) {
    const json::object* part = item.if_object();
    const json::string* text = part ? FindString(*part, "text") : item.if_string();
    if (!text) return Fail(Code::kUnsupported, "only text can be moderated here; images are refused rather than passed unseen");
    texts.emplace_back(*text);
  }
  return texts;
}

json::object ModerationResult(const policy::Policy& policy, const guard::Verdict& verdict) {
  json::object flags, scores, applied;
  for (std::string_view name : kOpenAiCategories) {
    flags[name] = false;
    scores[name] = 0.0;
    applied[name] = json::array{"text"};
  }
  bool flagged = verdict.failed;
  for (const auto& [id, found] : verdict.categories) {
    flagged = flagged || found.fired;
    const policy::Category* category = policy.FindCategory(id);
    if (!category) continue;
    const auto names = category->maps.find("openai");
    if (names == category->maps.end()) continue;
    for (const std::string& name : names->second) {
      if (!scores.contains(name)) continue;
      if (found.fired) flags[name] = true;
      if (found.score > scores[name].as_double()) scores[name] = found.score;
    }
  }
  json::object result;
  result["flagged"] = flagged;
  result["categories"] = std::move(flags);
  result["category_scores"] = std::move(scores);
  result["category_applied_input_types"] = std::move(applied);
  result["plumb"] = guard::VerdictJson(verdict);  // our own clauses beside OpenAI's names
  return result;
}

Result<std::vector<std::string>> ModerationInputs(const Service& service, const net::Request& request, Caller& caller) {
  PLUMB_TRY(caller, Authorise(service, request));
  PLUMB_TRY(const json::value body, ParseJson(request.body, "request body"));
  if (!body.is_object()) return Fail(Code::kInvalid, "the request body must be a JSON object");
  return Inputs(body.get_object());
}

}  // namespace

asio::awaitable<void> Moderations(Service& service, net::Request& request, net::ResponseWriter& out) {
  const Force force = service.force;  // the caller's key is part of it
  Caller caller;
  auto texts = ModerationInputs(service, request, caller);
  if (!texts) {
    co_await SendError(out, texts.error());
    co_return;
  }
  // A request, and no model's tokens.
  auto place = co_await AdmitCaller(service, *force, caller, {}, out.headers);
  if (!place) {
    co_await SendError(out, place.error());
    co_return;
  }
  std::vector<guard::Subject> subjects;
  for (std::string& text : *texts) subjects.push_back({std::move(text), ""});
  const guard::Guard* guard = &force->guard();
  auto work = [guard, subjects = std::move(subjects)]() { return guard->Check(guard::Direction::kInput, subjects); };
  const auto start = std::chrono::steady_clock::now();
  const std::vector<guard::Verdict> verdicts = co_await On(service.guard_threads, std::move(work));
  service.metrics.ObserveGuard("moderation", MillisSince(start) / 1000);
  json::array results;
  for (const guard::Verdict& verdict : verdicts) results.push_back(ModerationResult(force->policy, verdict));
  json::object body;
  body["id"] = NewId("modr", service.options.clock());
  body["model"] = "plumbline-" + force->policy.id;
  body["results"] = std::move(results);
  place->Settle(0, 0);
  const json::value answer(std::move(body));
  co_await out.SendJson(200, answer);
}

asio::awaitable<void> GetExchange(Service& service, net::Request& request, net::ResponseWriter& out) {
  auto caller = Authorise(service, request);
  if (!caller) {
    co_await SendError(out, caller.error());
    co_return;
  }
  const std::string id = request.path.substr(request.path.rfind('/') + 1);
  ledger::Ledger* ledger = service.ledger.get();
  auto read = [ledger, id]() { return ledger->Get(id); };
  Result<ledger::Stored> stored = co_await On(service.ledger_threads, std::move(read));
  // A key sees its own exchanges; that another key's exist is none of its business.
  const bool own = stored && stored->kind == "exchange" &&
                   (May(caller->role, Right::kRead) || GetStringOr(stored->body, "key", "").value_or("") == caller->name);
  if (!own) {
    const Error missing{Code::kNotFound, fmt::format("no exchange '{}'", ToUtf8(id)), ""};
    co_await SendError(out, missing);
    co_return;
  }
  json::object body = ExchangeDetail(*stored);
  const bool reads_all = May(caller->role, Right::kRead);
  if (!reads_all) body.erase("withheld");  // what the guard or a person held back
  int status = 200;
  if (GetStringOr(stored->body, "status", "").value_or("") == "held") {
    const Time now = service.options.clock();
    auto find = [ledger, id, now]() { return FindHold(*ledger, id, now); };
    Result<Hold> hold = co_await On(service.ledger_threads, std::move(find));
    if (hold) status = DescribeHold(*hold, reads_all, hold->key == caller->name, body);
  }
  auto prove = [ledger, id]() { return ledger->Prove(id); };
  Result<json::object> proof = co_await On(service.ledger_threads, std::move(prove));
  body["proof"] = proof ? json::value(*proof) : json::value();
  body["verifier_key"] = service.ledger->VerifierKey();
  if (status == 202) out.headers.Set("retry-after", "5");
  const json::value answer(std::move(body));
  co_await out.SendJson(status, answer);
}

}  // namespace plumb::gateway
