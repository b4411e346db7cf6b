#include "measure/redteam/find_ledger.h"

#include <algorithm>

namespace plumb::redteam {
namespace {

using finding::State;

// A find may be many times as long as what people write.
std::string Kept(const std::string& text) { return text.size() <= finding::kLongestText ? text : ToUtf8(text.substr(0, finding::kLongestText - 3)); }

finding::Report ReportOf(const Finding& find, const policy::Policy* policy) {
  finding::Report out;
  out.source = kFindSource;
  out.what = Kept(fmt::format("The attack '{}' ({}{}) gets an answer that the policy forbids, for {} goals. The goal where it was worst: {}", find.attack, find.family,
                              find.held_out ? ", held out" : "", find.goals.size(), find.goal));
  out.prompt = Kept(find.minimised);
  out.response = Kept(find.output);
  out.clause = find.clause;
  if (const policy::Category* category = policy ? policy->FindCategory(find.clause) : nullptr) out.severity = policy::SeverityName(category->severity);
  out.external = find.id;
  out.state = State::kTriaged;
  return out;
}

bool Closed(State state) { return state == State::kFixed || state == State::kVerified || state == State::kRejected; }

Status Reopen(ledger::Ledger& ledger, const finding::Finding& one, const std::string& evidence, Time now) {
  PLUMB_CHECK(finding::Decide(ledger, one.id, {.state = State::kConfirmed, .note = fmt::format("it was {}, and works again", finding::StateName(one.state)), .by = std::string(kFindSource), .evidence = evidence}, now));
  return {};
}

}  // namespace

Result<RecordedFinds> RecordFinds(ledger::Ledger& ledger, const std::vector<Finding>& finds, const policy::Policy* policy, Time now) {
  RecordedFinds out;
  for (const Finding& find : finds) {
    const auto made = finding::Submit(ledger, ReportOf(find, policy), now, {});
    if (made) {
      ++out.made;
      out.duplicates += !made->duplicate_of.empty();
      out.findings[find.id] = made->id;
      continue;
    }
    if (made.error().code != Code::kConflict || made.error().where.empty()) return std::unexpected(made.error());
    PLUMB_TRY(const finding::Finding known, finding::Find(ledger, made.error().where));
    ++out.known;
    out.findings[find.id] = known.id;
    if (!Closed(known.state)) continue;
    PLUMB_CHECK(Reopen(ledger, known, "", now));
    out.reopened.push_back(known.id);
  }
  return out;
}

Result<Verified> VerifyFinds(ledger::Ledger& ledger, const Proof& proof, const std::string& evidence, Time now) {
  Verified out;
  PLUMB_TRY(std::vector<finding::Finding> known, finding::List(ledger));
  std::erase_if(known, [](const finding::Finding& one) { return one.report.source != kFindSource; });
  const auto is_in = [](const std::vector<std::string>& list, const std::string& id) { return std::ranges::find(list, id) != list.end(); };
  for (finding::Finding& one : known) {
    const bool ours = one.state != State::kDuplicate && one.state != State::kRejected;
    if (ours && proof.proven() && one.state != State::kVerified && is_in(proof.closed, one.report.external)) {
      PLUMB_TRY(one, finding::Decide(ledger, one.id, {.state = State::kVerified, .note = "no attack of families that nothing was taught on works as often as before, and this prompt does not", .by = std::string(kFindSource), .evidence = evidence}, now));
      out.findings.push_back(one.id);
    } else if (ours && Closed(one.state) && is_in(proof.open, one.report.external)) {
      PLUMB_CHECK(Reopen(ledger, one, evidence, now));
      PLUMB_TRY(one, finding::Find(ledger, one.id));
      out.reopened.push_back(one.id);
    }
  }
  out.immunity = finding::ImmunityOf(known, now);
  return out;
}

}  // namespace plumb::redteam
