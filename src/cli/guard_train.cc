// plumb guard train|calibrate|verify: what makes a guard, and what holds it to its promises
#include "cli/guard_train.h"

#include <cstdio>

#include "cli/config.h"
#include "cli/guard_files.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/train.h"

namespace plumb::cli {
namespace {

using guard::Direction;

struct TrainFlags {
  std::string out;
  std::vector<std::string> data;
  std::string encoder_base = "bge-small";
  std::string encoder_folder, write_rows;
  bool without_encoder = false;
  int epochs = 12;
  double encoder_epochs = 3, max_seconds = 0;
  uint64_t seed = 1;
};

Status TrainGuard(const TrainFlags& flags, Globals& globals) {
  PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
  PLUMB_TRY(const Config config, ConfigOrDefaults(globals.config));
  std::vector<json::object> extra;
  for (const std::string& path : flags.data) {
    PLUMB_TRY(const std::vector<json::object> more, ReadJsonl(path));
    extra.insert(extra.end(), more.begin(), more.end());
  }
  PLUMB_TRY(const guard::TrainingSet set, guard::BuildTrainingSet(policy, extra));
  if (!flags.write_rows.empty()) return guard::WriteEncoderRows(set, flags.write_rows);
  const fs::path folder =
      flags.out.empty() ? fs::path(globals.policy).parent_path() / "guard" : fs::path(flags.out);
  PLUMB_CHECK(MakeFolder(folder));
  guard::TrainOptions options;
  options.linear.epochs = flags.epochs;
  options.linear.seed = flags.seed;
  options.created = FormatTime(SystemClock()());
  std::unique_ptr<guard::Classifier> encoder;
  if (!flags.encoder_folder.empty()) {
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
      PLUMB_TRY(const std::string bytes, ReadFile(fs::path(flags.encoder_folder) / name));
      PLUMB_CHECK(WriteFileAtomic(folder / "encoder" / name, bytes));
    }
    PLUMB_TRY(options.encoder_base, guard::EncoderBase(folder / "encoder"));
  } else if (!flags.without_encoder) {
    options.encoder_base = flags.encoder_base;
  }
  if (!flags.without_encoder) {
    guard::EncoderTraining training;
    training.base = flags.encoder_base;
    training.epochs = flags.encoder_epochs;
    training.seed = flags.seed;
    training.max_seconds = flags.max_seconds;
    training.plumb_lm = config.lm.program;
    if (!globals.json)
      training.on_event = [](const json::object& event) {
        fmt::print(stderr, "{}\n", ToJson(event));
      };
    if (flags.encoder_folder.empty())
      PLUMB_CHECK(guard::TrainEncoder(set, folder / "encoder", training));
    PLUMB_TRY(encoder, guard::OpenEncoder(options.encoder_base, folder / "encoder",
                                          {.lm = {.program = config.lm.program}, .executor = {}}));
    options.encoder = encoder.get();
  } else if (fs::exists(folder / "encoder")) {
    return FailAt((folder / "encoder").string(), Code::kConflict,
                  "is there from an earlier training; remove it, or train with the encoder");
  }
  PLUMB_TRY(const guard::GuardRecord record, guard::TrainGuard(policy, set, folder, options));
  if (globals.json) {
    std::puts(ToJson(guard::RecordJson(record)).c_str());
  } else {
    fmt::print("{}: {} heads from {} texts{}; now run 'plumb guard calibrate --guard {}'\n",
               folder.string(), set.heads.size(), set.rows.size(),
               record.encoder ? ", with the encoder" : "", folder.string());
  }
  return {};
}

struct DataFlags : GuardFlags {
  std::vector<std::string> data;
  std::vector<std::string> ordinary;

  void AddData(CLI::App& command) {
    command.add_option("--data", data,
                       "More labelled texts (JSONL: clause, violates|allows, direction)");
    command.add_option("--ordinary", ordinary,
                       "Everyday traffic that must not alarm (JSONL: text or prompt)");
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
  int max_age = 365;
};

void PrintCalibration(const guard::GuardRecord& record) {
  for (const auto& [name, stack] : record.stacks)
    for (const auto& [direction, c] : stack.directions) {
      if (c.ordinary == 0) continue;  // borrowed
      fmt::print(
          "{} stack, {}: false alarms {} of {} (≤ {:.2f} %, budget {:.2f} %{})\n", name,
          DirectionName(direction), c.alarms, c.ordinary, 100 * c.alarm_upper_bound, 100 * c.budget,
          c.guaranteed ? "" : fmt::format("; {} more ordinary texts needed", c.ordinary_missing));
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
  PLUMB_TRY(guard::GuardRecord record,
            guard::Calibrate(*loaded.guard, rows, {.budget_share = guard::kBudgetShare}));
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

Result<bool> VerifyGuard(const VerifyFlags& flags, Globals& globals) {
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  PLUMB_TRY(const auto extra, flags.Extra());
  PLUMB_TRY(const auto calibration,
            guard::CalibrationRows(loaded.guard->policy(), policy::Split::kCalibration, extra));
  PLUMB_TRY(const auto test,
            guard::CalibrationRows(loaded.guard->policy(), policy::Split::kTest, {}));
  PLUMB_TRY(const guard::VerifyReport report,
            guard::Verify(*loaded.guard, calibration, test, {.budget_share = guard::kBudgetShare}));
  const std::vector<std::string> stale = guard::Staleness(
      loaded.guard->record(), loaded.guard->policy(), SystemClock()(), flags.max_age);
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
                            {"stale", json::array(stale.begin(), stale.end())},
                            {"checks", std::move(checks)}})
            .c_str());
  for (const std::string& reason : stale) fmt::print(stderr, "plumb: stale: {}\n", reason);
  if (!globals.json && !report.holds())
    fmt::print(stderr,
               "plumb: the guard's thresholds do not hold: run 'plumb guard calibrate', and find "
               "out who changed them\n");
  return report.holds() && stale.empty();
}

}  // namespace

void AddGuardTraining(CLI::App& guard_verb, Globals& globals) {
  auto* train = guard_verb.add_subcommand("train", "Make a guard from the policy's examples");
  auto train_flags = std::make_shared<TrainFlags>();
  AddGlobals(*train, globals);
  train->add_option("--out", train_flags->out,
                    "The folder to write (default: guard/ beside the policy)");
  train->add_option(
      "--data", train_flags->data,
      "More labelled texts (JSONL: text, labels {head: 0|1}, weight; or clause, violates|allows)");
  train->add_option("--encoder", train_flags->encoder_base, "The encoder to fine-tune")
      ->capture_default_str();
  auto* without = train->add_flag("--without-encoder", train_flags->without_encoder,
                                  "Train the linear tier alone");
  train
      ->add_option("--encoder-folder", train_flags->encoder_folder,
                   "An encoder that is trained already (adapter_config.json with heads); only the "
                   "linear tier and the joining weights are trained")
      ->excludes(without);
  train->add_option("--write-rows", train_flags->write_rows,
                    "Write the rows that would teach the encoder to this file, and stop");
  train->add_option("--epochs", train_flags->epochs, "Passes of the linear tier")
      ->capture_default_str();
  train->add_option("--encoder-epochs", train_flags->encoder_epochs, "Passes of the encoder")
      ->capture_default_str();
  train
      ->add_option("--max-seconds", train_flags->max_seconds,
                   "Limit of the encoder's training; 0 is none")
      ->capture_default_str();
  train->add_option("--seed", train_flags->seed, "Of shuffling and of new weights")
      ->capture_default_str();
  train->callback([train_flags, &globals] {
    if (const Status done = TrainGuard(*train_flags, globals); !done) Report(done.error(), globals);
  });

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
  verify->add_option("--max-age", verify_flags->max_age, "Days after which thresholds are stale")
      ->capture_default_str();
  verify->callback([verify_flags, &globals] {
    const auto holds = VerifyGuard(*verify_flags, globals);
    if (!holds) return Report(holds.error(), globals);
    if (!*holds) globals.exit_code = 1;
  });
}

}  // namespace plumb::cli
