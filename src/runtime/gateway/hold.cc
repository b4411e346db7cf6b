#include "runtime/gateway/hold.h"

namespace plumb::gateway {
namespace {

constexpr char kExpired[] = "Nobody could look at this answer in time, and it was not given. Please ask again.";
constexpr char kRefused[] = "A person looked at this answer and did not release it.";

std::string Suffix(std::string_view exchange) { return std::string(exchange.substr(exchange.find('_') + 1)); }
std::string HoldId(std::string_view exchange) { return "hld_" + Suffix(exchange); }
std::string ReviewId(std::string_view exchange) { return "rev_" + Suffix(exchange); }

std::string TextOf(const json::object& object, std::string_view key) { return GetStringOr(object, key, "").value_or(""); }

// What is only in the ledger's encrypted part, and may be gone.
json::object Sealed(const ledger::Stored& stored, std::string_view field) {
  const json::string* text = FindString(stored.texts, field);
  auto parsed = text ? ParseJson(*text, field) : Result<json::value>(json::object());
  return parsed && parsed->is_object() ? parsed->as_object() : json::object();
}

Hold FromEntry(const ledger::Stored& stored) {
  const json::object& body = stored.body;
  Hold hold;
  hold.exchange = TextOf(body, "exchange");
  hold.time = stored.time;
  hold.expires = TextOf(body, "expires");
  hold.api = TextOf(body, "api");
  hold.model = TextOf(body, "model");
  hold.key = TextOf(body, "key");
  hold.clause = TextOf(body, "clause");
  hold.policy = TextOf(body, "policy");
  hold.stream = GetBoolOr(body, "stream", false).value_or(false);
  hold.created = GetIntOr(body, "created", 0).value_or(0);
  hold.choices = static_cast<int>(GetIntOr(body, "choices", 1).value_or(1));
  const json::object question = Sealed(stored, "question");
  if (const json::array* messages = FindArray(question, "messages")) hold.messages = *messages;
  if (const json::object* echo = FindObject(question, "echo")) hold.echo = *echo;
  hold.subject = TextOf(question, "subject");
  if (auto answer = ParseAnswer(Sealed(stored, "answer"))) hold.answer = std::move(*answer);
  hold.places = Sealed(stored, "places");
  return hold;
}

void TakeReview(Hold& hold, const ledger::Stored& review) {
  const std::string kind = TextOf(review.body, "decision");
  hold.state = kind == "release" ? HoldState::kReleased : kind == "edit" ? HoldState::kEdited : HoldState::kRefused;
  hold.by = TextOf(review.body, "by");
  hold.decided = review.time;
  const json::string* text = FindString(review.texts, "text");
  if (text) (hold.state == HoldState::kEdited ? hold.edited : hold.say) = std::string(*text);
}

// A hold with what became of it. Error: the ledger's own, not that nobody has decided.
Result<Hold> WithReview(ledger::Ledger& ledger, const ledger::Stored& stored, Time now) {
  Hold hold = FromEntry(stored);
  auto review = ledger.Get(ReviewId(hold.exchange));
  if (review) {
    TakeReview(hold, *review);
  } else if (review.error().code != Code::kNotFound) {
    return std::unexpected(review.error());
  } else if (FormatTime(now) >= hold.expires) {
    hold.state = HoldState::kExpired;
  }
  return hold;
}

}  // namespace

std::string_view HoldStateName(HoldState state) {
  constexpr std::string_view kNames[] = {"waiting", "released", "edited", "refused", "expired"};
  return kNames[static_cast<size_t>(state)];
}

Result<ledger::Receipt> PutHold(ledger::Ledger& ledger, const Hold& hold) {
  ledger::Entry entry;
  entry.kind = "hold";
  entry.id = HoldId(hold.exchange);
  entry.subject = hold.subject;
  entry.derived_from = {hold.exchange};
  json::object& body = entry.body;
  body["exchange"] = hold.exchange;
  body["expires"] = hold.expires;
  body["api"] = hold.api;
  body["model"] = hold.model;
  body["key"] = hold.key;
  body["clause"] = hold.clause;
  body["policy"] = hold.policy;
  body["stream"] = hold.stream;
  body["created"] = hold.created;
  body["choices"] = hold.choices;
  json::object question;
  question["messages"] = hold.messages;
  question["echo"] = hold.echo;
  question["subject"] = hold.subject;
  entry.texts.push_back({"question", ToJson(question)});
  entry.texts.push_back({"answer", ToJson(AnswerJson(hold.answer))});
  if (!hold.places.empty()) entry.texts.push_back({"places", ToJson(hold.places)});
  return ledger.Append(std::move(entry));
}

Result<Hold> FindHold(ledger::Ledger& ledger, std::string_view exchange, Time now) {
  auto stored = ledger.Get(HoldId(exchange));
  if (!stored) {
    if (stored.error().code != Code::kNotFound) return std::unexpected(stored.error());
    return Fail(Code::kNotFound, "nothing is held for '{}'", ToUtf8(exchange));
  }
  return WithReview(ledger, *stored, now);
}

Result<std::vector<Hold>> ListHolds(ledger::Ledger& ledger, Time now, const HoldQuery& query) {
  constexpr size_t kPage = 200;
  std::vector<Hold> out;
  ledger::Query page;
  page.kind = "hold";
  page.limit = kPage;
  while (out.size() < query.limit) {
    PLUMB_TRY(const std::vector<ledger::Stored> entries, ledger.List(page));
    for (const ledger::Stored& entry : entries) {
      PLUMB_TRY(Hold hold, WithReview(ledger, entry, now));
      if ((query.decided || hold.state == HoldState::kWaiting) && out.size() < query.limit) out.push_back(std::move(hold));
    }
    if (entries.size() < kPage) break;
    page.before = entries.back().index;
  }
  return out;
}

Result<ledger::Receipt> DecideHold(ledger::Ledger& ledger, std::string_view exchange, const Decision& decision, Time now) {
  static const std::vector<std::string> kinds = {"release", "edit", "refuse"};
  if (std::ranges::find(kinds, decision.kind) == kinds.end())
    return Fail(Code::kInvalid, "a decision is 'release', 'edit' or 'refuse', not '{}'{}", decision.kind, DidYouMean(decision.kind, kinds));
  if (decision.kind == "edit" && Trim(decision.text).empty()) return Fail(Code::kInvalid, "an edit needs 'text': the words that are given instead");
  if (decision.kind == "release" && !decision.text.empty()) return Fail(Code::kInvalid, "a release gives the answer as it is; to change it, 'edit' it");
  PLUMB_TRY(const Hold hold, FindHold(ledger, exchange, now));
  if (hold.state == HoldState::kExpired) return Fail(Code::kConflict, "this answer expired at {}", hold.expires);
  if (hold.state != HoldState::kWaiting)
    return Fail(Code::kConflict, "this answer was {} by {} at {}", HoldStateName(hold.state), hold.by, hold.decided);
  ledger::Entry entry;
  entry.kind = "review";
  entry.id = ReviewId(exchange);
  entry.subject = hold.subject;
  entry.derived_from = {hold.exchange, HoldId(exchange)};
  entry.body["exchange"] = hold.exchange;
  entry.body["decision"] = decision.kind;
  entry.body["by"] = decision.by;
  entry.body["role"] = decision.role;
  entry.body["clause"] = hold.clause;
  if (!decision.text.empty()) entry.texts.push_back({"text", decision.text});
  if (!decision.note.empty()) entry.texts.push_back({"note", decision.note});
  return ledger.Append(std::move(entry));
}

Answer FinalAnswer(const Hold& hold) {
  Answer out = hold.answer;
  if (hold.state == HoldState::kReleased && !out.choices.empty()) return out;
  Choice only;
  if (hold.state == HoldState::kEdited && !hold.edited.empty()) {
    only.text = hold.edited;
    only.finish_reason = "stop";
  } else {
    only.refusal = hold.state == HoldState::kExpired ? kExpired : hold.say.empty() ? kRefused : hold.say;
    only.finish_reason = "content_filter";
  }
  out.choices = {std::move(only)};
  return out;
}

json::object HoldJson(const Hold& hold, bool reviewer) {
  json::object out;
  out["exchange"] = hold.exchange;
  out["state"] = HoldStateName(hold.state);
  out["time"] = hold.time;
  out["expires"] = hold.expires;
  if (!hold.decided.empty()) out["decided"] = hold.decided;
  if (!reviewer) return out;
  out["model"] = hold.model;
  out["api"] = hold.api;
  out["key"] = hold.key;
  out["clause"] = hold.clause;
  out["policy"] = hold.policy;
  out["messages"] = hold.messages;
  out["answer"] = AnswerJson(hold.answer);
  if (!hold.by.empty()) out["by"] = hold.by;
  if (!hold.edited.empty()) out["edited"] = hold.edited;
  if (!hold.say.empty()) out["say"] = hold.say;
  return out;
}

}  // namespace plumb::gateway
