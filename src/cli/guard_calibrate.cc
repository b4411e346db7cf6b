// plumb guard calibrate|verify: what holds a guard to its promises
#include "cli/guard_calibrate.h"

#include <cstdio>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "cli/guard_traffic.h"
#include "evidence/ledger/ledger.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/drift.h"
#include "runtime/guard/train.h"

namespace plumb::cli {
namespace {

struct DataFlags : GuardFlags {
  std::vector<std::string> data;
  std::vector<std::string> ordinary;
  std::vector<std::string> reviewed;

  void AddData(CLI::App& command) {
    command.add_option("--data", data,
                       "More labelled texts (JSONL: clause, violates|allows, direction)");
    command.add_option("--ordinary", ordinary,
                       "Everyday traffic that must not alarm (JSONL: text or prompt)");
    command.add_option("--reviewed", reviewed,
                       "Traffic that people labelled, a sheet of 'plumb guard sample': sets the "
                       "thresholds of its directions, each row weighted by 1/probability");
  }
  Result<guard::CalibrationOptions> Options(const policy::Policy& policy) const {
    std::vector<json::object> sheet;
    for (const std::string& path : reviewed) {
      PLUMB_TRY(std::vector<json::object> more, ReadJsonl(path));
      sheet.insert(sheet.end(), more.begin(), more.end());
    }
    guard::CalibrationOptions options{.budget_share = guard::kBudgetShare};
    PLUMB_TRY(options.reviewed, guard::ReviewedRows(policy, sheet));
    return options;
  }
  Result<std::vector<json::object>> Extra() const {
    std::vector<json::object> rows;
    for (const auto* list : {&data, &ordinary})
      for (const std::string& path : *list) {
        PLUMB_TRY(std::vector<json::object> more, ReadJsonl(path));
        rows.insert(rows.end(), more.begin(), more.end());
      }
    return rows;
  }
};

struct VerifyFlags : DataFlags {
  int max_age = guard::kFreshDays;
  bool from_ledger = false;
};

void PrintCalibration(const guard::GuardRecord& record) {
  for (const auto& [name, stack] : record.stacks)
    for (const auto& [direction, c] : stack.directions) {
      if (c.ordinary == 0) continue;  // borrowed
      fmt::print(
          "{} stack, {}: false alarms {} of {}{} (≤ {:.2f} %, budget {:.2f} %{}){}\n", name,
          DirectionName(direction), c.alarms, c.ordinary,
          c.least_probability > 0 ? " reviewed" : "", 100 * c.alarm_upper_bound, 100 * c.budget,
          c.guaranteed ? "" : fmt::format("; {} more ordinary texts needed", c.ordinary_missing),
          c.joint ? fmt::format("; {} catches proved together", c.claims) : "");
      for (const auto& [id, clause] : c.clauses)
        fmt::print(
            "  {:<20} ≥ {:.4f}  catches {}/{} (proved {:.3f}, target {:.2f})  look-alikes {}/{}  "
            "{}\n",
            id, clause.threshold, clause.positives - clause.missed, clause.positives,
            clause.catch_lower_bound, clause.catch_rate, clause.look_alikes_alarmed,
            clause.look_alikes, clause.calibrated ? "calibrated" : clause.reason);
    }
}

Status Calibrate(const DataFlags& flags, Globals& globals) {
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  PLUMB_TRY(const auto extra, flags.Extra());
  PLUMB_TRY(const auto rows,
            guard::CalibrationRows(loaded.guard->policy(), policy::Split::kCalibration, extra));
  PLUMB_TRY(const guard::CalibrationOptions options, flags.Options(loaded.guard->policy()));
  PLUMB_TRY(guard::GuardRecord record, guard::Calibrate(*loaded.guard, rows, options));
  record.policy_version = loaded.guard->policy().version;
  record.policy_hash = loaded.guard->policy().hash;
  record.calibrated = FormatTime(SystemClock()());
  PLUMB_CHECK(guard::SaveRecord(loaded.folder, record));
  PLUMB_CHECK(WriteFileAtomic(loaded.folder / "card.md",
                              guard::RenderCard(loaded.guard->policy(), record)));
  if (globals.json) {
    std::puts(ToJson(guard::RecordJson(record)).c_str());
  } else {
    PrintCalibration(record);
  }
  return {};
}

json::array StaleJson(const std::vector<guard::Stale>& stale) {
  json::array out;
  for (const guard::Stale& one : stale) out.push_back({{"reason", one.reason}, {"says", one.says}});
  return out;
}

// What the ledger's exchanges under this very guard scored, held against the calibration texts.
Status AddDrift(const LoadedGuard& loaded, const Globals& globals, std::vector<guard::Stale>& stale,
                json::array& drift) {
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  PLUMB_TRY(const auto ledger, ledger::Ledger::Open(config.ledger, {.read_only = true}));
  PLUMB_TRY(const std::string id, Sha256File((loaded.folder / "guard.json").string()));
  guard::DriftWatch watch(loaded.guard->record());
  PLUMB_CHECK(WatchLedger(*ledger, id, loaded.guard->record().calibrated, watch));
  for (const guard::DriftWatch::State& state : watch.States()) {
    drift.push_back({{"stack", state.stack},
                     {"direction", state.direction},
                     {"texts", state.texts},
                     {"evidence", state.evidence},
                     {"alarm_at", state.alarm_at}});
    if (!globals.json && state.texts > 0)
      fmt::print("drift {} {}: {} texts, evidence 10^{:.2f}, an alarm at 10^{:.2f}\n", state.stack,
                 state.direction, state.texts, state.evidence, state.alarm_at);
  }
  for (const std::string& alarm : watch.Alarms()) stale.push_back({"drift", alarm});
  return {};
}

Result<bool> VerifyGuard(const VerifyFlags& flags, Globals& globals) {
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  PLUMB_TRY(const auto extra, flags.Extra());
  PLUMB_TRY(const auto calibration,
            guard::CalibrationRows(loaded.guard->policy(), policy::Split::kCalibration, extra));
  PLUMB_TRY(const auto test,
            guard::CalibrationRows(loaded.guard->policy(), policy::Split::kTest, {}));
  PLUMB_TRY(const guard::CalibrationOptions options, flags.Options(loaded.guard->policy()));
  PLUMB_TRY(const guard::VerifyReport report,
            guard::Verify(*loaded.guard, calibration, test, options));
  std::vector<guard::Stale> stale = guard::Staleness(
      loaded.guard->record(), loaded.guard->policy(), SystemClock()(), flags.max_age);
  json::array drift;
  if (flags.from_ledger) PLUMB_CHECK(AddDrift(loaded, globals, stale, drift));
  json::array checks;
  for (const guard::Check& check : report.checks) {
    checks.push_back({{"stack", check.stack},
                      {"direction", check.direction},
                      {"clause", check.clause},
                      {"holds", check.holds},
                      {"message", check.message}});
    if (!globals.json)
      fmt::print("{} {} {} {}: {}\n", check.holds ? "ok  " : "BAD ", check.stack, check.direction,
                 check.clause, check.message);
  }
  if (globals.json)
    std::puts(
        ToJson(json::object{{"holds", report.holds()},
                            {"stale", StaleJson(stale)},
                            {"drift", std::move(drift)},
                            {"checks", std::move(checks)}})
            .c_str());
  for (const guard::Stale& one : stale) fmt::print(stderr, "plumb: stale: {}\n", one.says);
  if (!globals.json && !report.holds())
    fmt::print(stderr,
               "plumb: the guard's thresholds do not hold: run 'plumb guard calibrate', and find "
               "out who changed them\n");
  return report.holds() && stale.empty();
}

}  // namespace

void AddGuardCalibration(CLI::App& guard_verb, Globals& globals) {
  auto* calibrate =
      guard_verb.add_subcommand("calibrate", "Set thresholds, with what can be proved of them");
  auto calibrate_flags = std::make_shared<DataFlags>();
  calibrate_flags->Add(*calibrate, globals);
  calibrate_flags->AddData(*calibrate);
  calibrate->callback([calibrate_flags, &globals] {
    if (const Status done = Calibrate(*calibrate_flags, globals); !done)
      Report(done.error(), globals);
  });

  auto* verify = guard_verb.add_subcommand(
      "verify",
      "Hold the recorded thresholds against the test split; exit 1 where they do not hold");
  auto verify_flags = std::make_shared<VerifyFlags>();
  verify_flags->Add(*verify, globals);
  verify_flags->AddData(*verify);
  verify->add_flag("--from-ledger", verify_flags->from_ledger,
                   "Whether what the ledger recorded under this guard still scores as the "
                   "calibration texts did; drift is stale");
  verify->add_option("--max-age", verify_flags->max_age, "Days after which thresholds are stale")
      ->capture_default_str();
  verify->callback([verify_flags, &globals] {
    const auto holds = VerifyGuard(*verify_flags, globals);
    if (!holds) return Report(holds.error(), globals);
    if (!*holds) globals.exit_code = 1;
  });
}

}  // namespace plumb::cli
