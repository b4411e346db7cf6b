#include "evidence/finding/finding.h"

#include <algorithm>
#include <array>
#include <map>

#include "intent/data/duplicate.h"

namespace plumb::finding {
namespace {

constexpr std::array<std::string_view, 7> kStates = {"received", "triaged", "confirmed", "fixed", "verified", "rejected", "duplicate"};
constexpr std::array<std::string_view, 5> kRewards = {"none", "pending", "granted", "paid", "declined"};
constexpr std::string_view kKind = "finding", kStepKind = "finding-step";
constexpr double kNearlyTheSame = 0.8;  // Jaccard similarity of five-word pieces

template <size_t n, class Enum>
Result<Enum> ParseName(const std::array<std::string_view, n>& names, std::string_view name, const char* what, Enum) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  return Fail(Code::kInvalid, "{} '{}' must be {}", what, name, Join(std::vector<std::string>(names.begin(), names.end()), ", "));
}

// Every entry of a kind since a time, oldest first.
Result<std::vector<ledger::Stored>> Entries(ledger::Ledger& ledger, std::string_view kind, const std::string& since = "") {
  std::vector<ledger::Stored> out;
  ledger::Query query{.kind = std::string(kind), .before = {}, .from = 0, .since = since, .limit = 1000, .newest_first = false};
  while (true) {
    PLUMB_TRY(const std::vector<ledger::Stored> page, ledger.List(query));
    out.insert(out.end(), page.begin(), page.end());
    if (page.size() < query.limit) return out;
    query.from = page.back().index + 1;
  }
}

std::string TextIn(const json::object& object, std::string_view key) {
  const json::string* text = FindString(object, key);
  return text ? std::string(*text) : "";
}

constexpr std::pair<const char*, std::string Report::*> kPersonal[] = {
    {"what", &Report::what}, {"prompt", &Report::prompt}, {"response", &Report::response}, {"contact", &Report::contact}, {"from", &Report::from}};
constexpr std::pair<const char*, std::string Report::*> kPlain[] = {
    {"source", &Report::source}, {"clause", &Report::clause}, {"severity", &Report::severity}, {"external", &Report::external}};

Finding FromEntry(const ledger::Stored& stored) {
  Finding out;
  out.id = stored.id;
  out.time = out.updated = stored.time;
  for (const auto& [name, field] : kPersonal) out.report.*field = TextIn(stored.texts, name);
  for (const auto& [name, field] : kPlain) out.report.*field = TextIn(stored.body, name);
  out.state = out.report.state = ParseState(TextIn(stored.body, "state")).value_or(State::kReceived);
  out.reward = out.report.reward = ParseReward(TextIn(stored.body, "reward")).value_or(Reward::kNone);
  out.duplicate_of = TextIn(stored.body, "duplicate_of");
  out.erased = out.report.what.empty();
  return out;
}

void Apply(const ledger::Stored& step, Finding& to) {
  if (const auto state = ParseState(TextIn(step.body, "state"))) {
    to.state = *state;
    to.verified = *state == State::kVerified ? step.time : "";
  }
  if (std::string evidence = TextIn(step.body, "evidence"); !evidence.empty()) to.evidence = std::move(evidence);
  if (const auto reward = ParseReward(TextIn(step.body, "reward"))) to.reward = *reward;
  to.by = TextIn(step.body, "by");
  to.note = TextIn(step.texts, "note");
  to.updated = step.time;
}

Status CheckReport(const Report& report) {
  if (Trim(report.what).empty()) return Fail(Code::kInvalid, "say what happened: 'what' is empty");
  for (const auto& [name, field] : kPersonal) {
    if ((report.*field).size() > kLongestText) return Fail(Code::kInvalid, "'{}' is longer than {} bytes", name, kLongestText);
    if (!IsUtf8(report.*field)) return Fail(Code::kInvalid, "'{}' is not UTF-8 text", name);
  }
  for (const auto& [name, field] : kPlain) {
    if ((report.*field).size() > 200 || !IsUtf8(report.*field)) return Fail(Code::kInvalid, "'{}' must be a short text", name);
  }
  return {};
}

Status CheckIntake(const std::vector<Finding>& known, const Report& report, Time now, const Intake& intake) {
  const std::string since = FormatTime(now - std::chrono::hours(1));
  int64_t all = 0, own = 0;
  for (const Finding& one : known) {
    if (one.time < since || one.report.source != report.source) continue;
    ++all;
    own += !report.from.empty() && one.report.from == report.from;
  }
  if (intake.from_one > 0 && own >= intake.from_one) return Fail(Code::kExhausted, "{} reports came from here within an hour; please try again later", own);
  if (intake.from_all > 0 && all >= intake.from_all) return Fail(Code::kExhausted, "more reports than can be taken in came within an hour; please try again later");
  return {};
}

// The first of `known` that says the same; nullptr where none does.
const Finding* SameAs(const std::vector<Finding>& known, const Report& report) {
  const auto text_of = [](const Report& one) { return one.what + "\n" + one.prompt; };
  const std::string mine = data::NormalizeForComparison(text_of(report));
  const auto pieces = data::Shingles(text_of(report));
  for (const Finding& one : known) {
    if (one.erased || !one.duplicate_of.empty()) continue;
    if (!one.report.clause.empty() && !report.clause.empty() && one.report.clause != report.clause) continue;
    if (data::NormalizeForComparison(text_of(one.report)) == mine || data::Jaccard(data::Shingles(text_of(one.report)), pieces) >= kNearlyTheSame) return &one;
  }
  return nullptr;
}

}  // namespace

const char* StateName(State state) { return kStates[static_cast<size_t>(state)].data(); }
Result<State> ParseState(std::string_view name) { return ParseName(kStates, name, "the state", State()); }
const char* RewardName(Reward reward) { return kRewards[static_cast<size_t>(reward)].data(); }
Result<Reward> ParseReward(std::string_view name) { return ParseName(kRewards, name, "the reward", Reward()); }

Result<Finding> Submit(ledger::Ledger& ledger, const Report& report, Time now, const Intake& intake) {
  PLUMB_CHECK(CheckReport(report));
  PLUMB_TRY(const auto stored, Entries(ledger, kKind));
  std::vector<Finding> known;
  for (const ledger::Stored& one : stored) known.push_back(FromEntry(one));
  PLUMB_CHECK(CheckIntake(known, report, now, intake));
  const auto again = std::ranges::find_if(known, [&](const Finding& one) {
    return !report.external.empty() && one.report.external == report.external && one.report.source == report.source;
  });
  if (again != known.end()) return FailAt(again->id, Code::kConflict, "'{}' of {} is known already as {}", report.external, report.source, again->id);
  const Finding* same = SameAs(known, report);

  ledger::Entry entry{.kind = std::string(kKind), .body = {}, .subject = "", .texts = {}, .id = NewId("fnd", now), .derived_from = {}};
  entry.subject = entry.id;
  for (const auto& [name, field] : kPlain) {
    if (!(report.*field).empty()) entry.body[name] = report.*field;
  }
  entry.body["state"] = StateName(same ? State::kDuplicate : report.state);
  entry.body["reward"] = RewardName(report.reward);
  if (same) entry.body["duplicate_of"] = same->id;
  for (const auto& [name, field] : kPersonal) {
    if (!(report.*field).empty()) entry.texts.push_back({name, report.*field});
  }
  PLUMB_TRY(const ledger::Receipt receipt, ledger.Append(std::move(entry)));
  return Find(ledger, receipt.id);
}

Result<Finding> Find(ledger::Ledger& ledger, const std::string& id) {
  auto stored = ledger.Get(id);
  if (!stored || stored->kind != kKind) return Fail(Code::kNotFound, "no finding '{}'", ToUtf8(id));
  Finding out = FromEntry(*stored);
  PLUMB_TRY(const auto steps, Entries(ledger, kStepKind, stored->time));
  for (const ledger::Stored& step : steps) {
    if (TextIn(step.body, "of") == id) Apply(step, out);
  }
  return out;
}

Result<std::vector<Finding>> List(ledger::Ledger& ledger, std::optional<State> state) {
  PLUMB_TRY(const auto stored, Entries(ledger, kKind));
  PLUMB_TRY(const auto steps, Entries(ledger, kStepKind));
  std::vector<Finding> out;
  std::map<std::string, size_t> at;
  for (const ledger::Stored& one : stored) {
    at[one.id] = out.size();
    out.push_back(FromEntry(one));
  }
  for (const ledger::Stored& step : steps) {
    const auto found = at.find(TextIn(step.body, "of"));
    if (found != at.end()) Apply(step, out[found->second]);
  }
  std::ranges::reverse(out);
  if (state) std::erase_if(out, [&](const Finding& one) { return one.state != *state; });
  return out;
}

Result<Finding> Decide(ledger::Ledger& ledger, const std::string& id, const Change& change, Time now) {
  PLUMB_CHECK(Find(ledger, id));
  if (!change.state && !change.reward) return Fail(Code::kInvalid, "nothing is decided: give a state or a reward");
  ledger::Entry entry{.kind = std::string(kStepKind), .body = {{"of", id}, {"by", change.by}}, .subject = id, .texts = {}, .id = NewId("fns", now), .derived_from = {id}};
  if (!change.evidence.empty()) {
    entry.body["evidence"] = change.evidence;
    entry.derived_from.push_back(change.evidence);
  }
  if (change.state) entry.body["state"] = StateName(*change.state);
  if (change.reward) entry.body["reward"] = RewardName(*change.reward);
  if (!change.note.empty()) entry.texts.push_back({"note", change.note});
  PLUMB_TRY(const ledger::Receipt receipt, ledger.Append(std::move(entry)));
  return Find(ledger, id);
}

json::object FindingJson(const Finding& one, bool texts) {
  json::object out{{"id", one.id}, {"received", one.time}, {"updated", one.updated}, {"state", StateName(one.state)}, {"reward", RewardName(one.reward)}};
  if (!texts) return out;
  for (const auto& [name, field] : kPlain) out[name] = one.report.*field;
  for (const auto& [name, field] : kPersonal) {
    if (std::string_view(name) != "from") out[name] = one.erased ? json::value() : json::value(one.report.*field);
  }
  out["duplicate_of"] = one.duplicate_of;
  out["note"] = one.note;
  out["by"] = one.by;
  out["evidence"] = one.evidence;
  out["verified"] = one.verified.empty() ? json::value() : json::value(one.verified);
  out["erased"] = one.erased;
  return out;
}

}  // namespace plumb::finding
