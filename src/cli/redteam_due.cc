#include "cli/redteam_due.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "intent/policy/policy.h"

namespace plumb::cli {
namespace {

Status DueVerb(bool release, Globals& globals) {
  PLUMB_TRY(const Config config, LoadConfig(globals.config));
  std::string hash;
  std::error_code absent;
  if (fs::exists(globals.policy, absent)) {
    PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
    hash = policy.hash;
  }
  std::unique_ptr<ledger::Ledger> ledger;
  if (fs::exists(config.ledger, absent)) {
    PLUMB_TRY(ledger, ledger::Ledger::Open(config.ledger, {.read_only = true}));
  }
  PLUMB_TRY(const auto all, redteam::DueNow(config.redteam, ledger.get(), hash, SystemClock()()));
  json::array rows;
  for (const redteam::Due& one : all) {
    const bool due = one.due || (release && one.for_release);
    if (due) globals.exit_code = 1;
    rows.push_back(json::object{{"name", one.name}, {"due", due}, {"before_release", one.for_release}, {"last", one.last.empty() ? json::value() : json::value(one.last)}, {"why", one.why}});
    if (!globals.json) fmt::print("{:16} {}  {}\n", one.name, due ? "DUE" : one.for_release ? "before the next release" : "not due", one.why);
  }
  if (globals.json) std::puts(ToJson(rows).c_str());
  else if (all.empty()) fmt::print("nothing is scheduled: 'redteam' in {}\n", globals.config);
  return {};
}

std::string ShellQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Daily is enough: what is not due is not run.
Status ScheduleVerb(Globals& globals) {
  PLUMB_TRY(const Config config, LoadConfig(globals.config));
  std::error_code ignored;
  const std::string folder = ShellQuoted(fs::absolute(config.folder, ignored).lexically_normal().string());
  for (const redteam::Schedule& one : config.redteam) {
    if (one.every || one.on_policy_change)
      fmt::print("# {}: cron\n17 3 * * *  cd {} && plumb redteam run --schedule {} --if-due\n", one.name, folder, ShellQuoted(one.name));
    if (one.before_release) fmt::print("# {}: a step of the release's CI, before its gate\nplumb redteam run --schedule {} --if-due && plumb redteam due --release\n", one.name, ShellQuoted(one.name));
  }
  return {};
}

}  // namespace

Result<redteam::Schedule> FindSchedule(const Config& config, const std::string& name) {
  const auto found = std::ranges::find(config.redteam, name, &redteam::Schedule::name);
  if (found != config.redteam.end()) return *found;
  std::vector<std::string> names;
  for (const redteam::Schedule& one : config.redteam) names.push_back(one.name);
  return Fail(Code::kNotFound, "no schedule '{}'{} (plumb.yaml has {})", name, DidYouMean(name, names), names.empty() ? "none" : Join(names, ", "));
}

void AddDue(CLI::App& redteam, Globals& globals) {
  CLI::App* due = redteam.add_subcommand("due", "Which scheduled campaigns are due, by what the ledger says was run; exits 1 where one is");
  auto release = std::make_shared<bool>(false);
  due->add_flag("--release", *release, "A release is at hand: those that are run before one count too");
  AddGlobals(*due, globals);
  due->callback([release, &globals] {
    if (Status status = DueVerb(*release, globals); !status) Report(status.error(), globals);
  });
  CLI::App* schedule = redteam.add_subcommand("schedule", "The lines for cron and CI that run what is scheduled in plumb.yaml");
  AddGlobals(*schedule, globals);
  schedule->callback([&globals] {
    if (Status status = ScheduleVerb(globals); !status) Report(status.error(), globals);
  });
}

}  // namespace plumb::cli
