#include "measure/redteam/schedule.h"

#include <gtest/gtest.h>

namespace plumb::redteam {
namespace {

TEST(RedteamSchedule, IsDueByTheClockByThePolicyAndBeforeARelease) {
  TempFolder folder;
  Time now = ParseTime("2026-11-22T05:00:00.000Z").value();
  const auto opened = ledger::Ledger::Open(folder.path() / "ledger.db", {.clock = [&] { return now; }});
  ASSERT_TRUE(opened);
  ledger::Ledger& ledger = **opened;
  const std::vector<Schedule> schedules = {{.name = "weekly", .every = std::chrono::days(7)}, {.name = "release", .before_release = true}, {.name = "policy", .on_policy_change = true}};
  const auto state = [&](const std::string& policy) {
    std::string out;
    const auto all = DueNow(schedules, &ledger, policy, now);
    EXPECT_TRUE(all);
    for (const Due& one : *all) out += one.due ? 'D' : one.for_release ? 'R' : '-';
    return out;
  };
  const auto append = [&](const char* kind, json::object body) {
    now += std::chrono::seconds(1);
    ASSERT_TRUE(ledger.Append({.kind = kind, .body = std::move(body), .subject = "", .texts = {}, .id = "", .derived_from = {}}));
  };
  EXPECT_EQ(DueNow(schedules, nullptr, "p1", now)->at(0).why, "it was never run");
  EXPECT_EQ(state("p1"), "DRD");
  for (const Schedule& one : schedules) append("redteam", CampaignEntry(one.name, "p1", {}, {}));
  EXPECT_EQ(state("p1"), "---");
  EXPECT_EQ(state("p2"), "--D") << "the policy changed";
  append("gate", {{"step", "decided"}, {"decision", "failed"}});
  append("redteam", {{"step", "repair-proof"}});
  EXPECT_EQ(state("p1"), "---");
  append("gate", {{"step", "decided"}, {"decision", "passed"}});
  EXPECT_EQ(state("p1"), "-R-") << "something was released";
  append("redteam", CampaignEntry("release", "p1", {}, {}));
  EXPECT_EQ(state("p1"), "---");
  now += std::chrono::days(7);
  EXPECT_EQ(state("p1"), "D--") << "a week is over";
  append("redteam", CampaignEntry("weekly", "p1", {}, {}));
  EXPECT_EQ(state("p1"), "---");
}

}  // namespace
}  // namespace plumb::redteam
