#include "measure/redteam/schedule.h"

#include <map>

namespace plumb::redteam {
namespace {

struct Past {
  std::string time, policy;
};

std::string Field(const json::object& body, std::string_view key) {
  const json::string* text = FindString(body, key);
  return text ? std::string(*text) : "";
}

// The newest campaign of every schedule.
Result<std::map<std::string, Past>> LastOf(ledger::Ledger& ledger) {
  std::map<std::string, Past> out;
  ledger::Query query{.kind = "redteam", .before = {}, .from = 0, .since = "", .limit = 1000, .newest_first = false};
  while (true) {
    PLUMB_TRY(const auto page, ledger.List(query));
    for (const ledger::Stored& one : page) {
      if (Field(one.body, "step") == "campaign") out[Field(one.body, "schedule")] = {one.time, Field(one.body, "policy")};
    }
    if (page.size() < query.limit) return out;
    query.from = page.back().index + 1;
  }
}

// When a gate last let something pass; empty: never.
Result<std::string> LastRelease(ledger::Ledger& ledger) {
  ledger::Query query{.kind = "gate", .before = {}, .from = {}, .since = "", .limit = 100, .newest_first = true};
  while (true) {
    PLUMB_TRY(const auto page, ledger.List(query));
    for (const ledger::Stored& one : page) {
      if (Field(one.body, "step") == "decided" && Field(one.body, "decision") == "passed") return one.time;
    }
    if (page.size() < query.limit) return std::string();
    query.before = page.back().index;
  }
}

}  // namespace

json::object CampaignEntry(const std::string& schedule, const std::string& policy_hash, const json::object& summary, const json::object& target) {
  return {{"step", "campaign"}, {"schedule", schedule}, {"policy", policy_hash}, {"target", target}, {"summary", summary}};
}

Result<std::vector<Due>> DueNow(const std::vector<Schedule>& schedules, ledger::Ledger* ledger, const std::string& policy_hash, Time now) {
  std::map<std::string, Past> past;
  std::string release;
  if (ledger) {
    PLUMB_TRY(past, LastOf(*ledger));
    PLUMB_TRY(release, LastRelease(*ledger));
  }
  std::vector<Due> out;
  for (const Schedule& one : schedules) {
    const auto last = past.find(one.name);
    Due due{.name = one.name, .last = last == past.end() ? "" : last->second.time};
    std::vector<std::string> why;
    if (last == past.end()) {
      due.due = one.every || one.on_policy_change;
      due.for_release = one.before_release;
      why.push_back("it was never run");
    } else {
      PLUMB_TRY(const Time then, ParseTime(due.last));
      if (one.every && now - then >= *one.every) {
        due.due = true;
        why.push_back(fmt::format("it was due at {}", FormatTime(then + *one.every)));
      } else if (one.every) {
        why.push_back(fmt::format("it is due at {}", FormatTime(then + *one.every)));
      }
      if (one.on_policy_change && last->second.policy != policy_hash) {
        due.due = true;
        why.push_back("the policy has changed since");
      }
      if (one.before_release && due.last < release) {
        due.for_release = true;
        why.push_back(fmt::format("a gate passed at {}: it is to be run before the next release", release));
      }
      if (why.empty()) why.push_back("nothing has changed since it was run");
    }
    due.why = Join(why, "; ");
    out.push_back(std::move(due));
  }
  return out;
}

}  // namespace plumb::redteam
