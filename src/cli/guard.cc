// plumb guard check|train|calibrate|verify|bench
#include "runtime/guard/guard.h"

#include <cstdio>

#include "cli/guard_files.h"
#include "cli/verbs.h"
#include "runtime/guard/calibrate.h"
#include "runtime/guard/encoder.h"
#include "runtime/guard/train.h"

namespace plumb::cli {
namespace {

using guard::Direction;
using guard::Guard;

void Say(const std::string& text) { fmt::print(stderr, "{}\n", text); }

// Flags shared by the verbs that use a guard.
struct GuardFlags {
  std::string folder;
  bool without_encoder = false;
  std::vector<std::string> data;
  std::vector<std::string> ordinary;

  void Add(CLI::App& command, Globals& globals) {
    AddGlobals(command, globals);
    command.add_option("--guard", folder, "The guard's folder (default: guard/ beside the policy, else the shipped one)");
    command.add_flag("--without-encoder", without_encoder, "Judge by patterns and the linear tier alone");
  }
  void AddData(CLI::App& command) {
    command.add_option("--data", data, "More labelled texts (JSONL: clause, violates|allows, direction)");
    command.add_option("--ordinary", ordinary, "Everyday traffic that must not alarm (JSONL: text or prompt)");
  }
  Result<LoadedGuard> Load(const Globals& globals) const { return LoadGuard(globals, folder, !without_encoder); }
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

// ---- check -----------------------------------------------------------------------------------------------------

struct CheckFlags : GuardFlags {
  std::string direction = "input", in = "-", out = "-";
};

Result<guard::Subject> SubjectOf(const json::object& row, Direction direction) {
  guard::Subject subject;
  if (const json::array* messages = FindArray(row, "messages")) {
    PLUMB_TRY(subject, guard::SubjectOf(*messages, direction));
  } else {
    PLUMB_TRY(subject.text, GetString(row, "text"));
  }
  if (const json::string* context = FindString(row, "context")) subject.prompt = std::string(*context);
  return subject;
}

// What came in, but for the text itself, and the verdict.
json::object CheckedRow(const json::object& row, const guard::Verdict& verdict) {
  json::object out;
  for (const auto& [key, value] : row)
    if (key != "text" && key != "messages" && key != "context") out[key] = value;
  for (const auto& [key, value] : guard::VerdictJson(verdict)) out[key] = value;
  return out;
}

Status Write(const std::string& path, const std::vector<json::object>& rows) {
  if (path != "-") return WriteJsonl(path, rows);
  for (const json::object& row : rows) std::puts(ToJson(row).c_str());
  return {};
}

Result<size_t> Check(const CheckFlags& flags, Globals& globals) {
  PLUMB_TRY(const Direction direction, guard::ParseDirection(flags.direction));
  PLUMB_TRY(const std::vector<json::object> rows, ReadJsonl(flags.in));
  std::vector<guard::Subject> subjects;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto subject = SubjectOf(rows[i], direction);
    if (!subject) return std::unexpected(Context(subject.error(), fmt::format("row {} of {}", i + 1, flags.in)));
    subjects.push_back(std::move(*subject));
  }
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  for (const std::string& warning : loaded.guard->Warnings()) Say("plumb: " + warning);
  std::vector<json::object> out;
  size_t failed = 0;
  constexpr size_t kBatch = 256;
  for (size_t begin = 0; begin < subjects.size(); begin += kBatch) {
    const size_t n = std::min(kBatch, subjects.size() - begin);
    const auto verdicts = loaded.guard->Check(direction, std::span(subjects).subspan(begin, n));
    for (size_t i = 0; i < n; ++i) {
      failed += verdicts[i].failed;
      out.push_back(CheckedRow(rows[begin + i], verdicts[i]));
    }
  }
  PLUMB_CHECK(Write(flags.out, out));
  return failed;
}

// ---- train -----------------------------------------------------------------------------------------------------

struct TrainFlags {
  std::string out;
  std::vector<std::string> data;
  std::string encoder_base = "minilm";
  bool without_encoder = false;
  int epochs = 12;
  double encoder_epochs = 3, max_seconds = 0;
  uint64_t seed = 1;
};

Status Train(const TrainFlags& flags, Globals& globals) {
  PLUMB_TRY(const policy::Policy policy, policy::LoadPolicy(globals.policy));
  std::vector<json::object> extra;
  for (const std::string& path : flags.data) {
    PLUMB_TRY(const std::vector<json::object> more, ReadJsonl(path));
    extra.insert(extra.end(), more.begin(), more.end());
  }
  PLUMB_TRY(const guard::TrainingSet set, guard::BuildTrainingSet(policy, extra));
  const fs::path folder = flags.out.empty() ? fs::path(globals.policy).parent_path() / "guard" : fs::path(flags.out);
  PLUMB_CHECK(MakeFolder(folder));
  guard::TrainOptions options;
  options.linear.epochs = flags.epochs;
  options.linear.seed = flags.seed;
  options.created = FormatTime(SystemClock()());
  std::unique_ptr<guard::Classifier> encoder;
  if (!flags.without_encoder) {
    guard::EncoderTraining training;
    training.base = flags.encoder_base;
    training.epochs = flags.encoder_epochs;
    training.seed = flags.seed;
    training.max_seconds = flags.max_seconds;
    if (!globals.json) training.on_event = [](const json::object& event) { fmt::print(stderr, "{}\n", ToJson(event)); };
    PLUMB_CHECK(guard::TrainEncoder(set, folder / "encoder", training));
    PLUMB_TRY(encoder, guard::OpenEncoder(flags.encoder_base, folder / "encoder", {}));
    options.encoder = encoder.get();
    options.encoder_base = flags.encoder_base;
  } else if (fs::exists(folder / "encoder")) {
    return FailAt((folder / "encoder").string(), Code::kConflict, "is there from an earlier training; remove it, or train with the encoder");
  }
  PLUMB_TRY(const guard::GuardRecord record, guard::TrainGuard(policy, set, folder, options));
  if (globals.json) {
    std::puts(ToJson(guard::RecordJson(record)).c_str());
  } else {
    fmt::print("{}: {} heads from {} texts{}; now run 'plumb guard calibrate --guard {}'\n", folder.string(), set.heads.size(), set.rows.size(), record.encoder ? ", with the encoder" : "", folder.string());
  }
  return {};
}

// ---- calibrate, verify -----------------------------------------------------------------------------------------

void PrintCalibration(const guard::GuardRecord& record) {
  for (const auto& [name, stack] : record.stacks) {
    const auto input = stack.directions.find(Direction::kInput);
    if (input == stack.directions.end()) continue;
    const auto& c = input->second;
    fmt::print("{} stack, input: false alarms {} of {} (≤ {:.2f} %, budget {:.2f} %{})\n", name, c.alarms, c.ordinary, 100 * c.alarm_upper_bound, 100 * c.budget,
               c.guaranteed ? "" : fmt::format("; {} more ordinary texts needed", c.ordinary_missing));
    for (const auto& [id, clause] : c.clauses)
      fmt::print("  {:<20} ≥ {:.4f}  catches {}/{} (proved {:.3f}, target {:.2f})  look-alikes {}/{}  {}\n", id, clause.threshold, clause.positives - clause.missed, clause.positives,
                 clause.catch_lower_bound, clause.catch_rate, clause.look_alikes_alarmed, clause.look_alikes, clause.calibrated ? "calibrated" : clause.reason);
  }
}

Status Calibrate(const GuardFlags& flags, Globals& globals) {
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  PLUMB_TRY(const auto extra, flags.Extra());
  PLUMB_TRY(const auto rows, guard::CalibrationRows(loaded.guard->policy(), policy::Split::kCalibration, extra));
  PLUMB_TRY(const guard::GuardRecord record, guard::Calibrate(*loaded.guard, rows, {}));
  PLUMB_CHECK(guard::SaveRecord(loaded.folder, record));
  PLUMB_CHECK(WriteFileAtomic(loaded.folder / "card.md", guard::RenderCard(loaded.guard->policy(), record)));
  if (globals.json) {
    std::puts(ToJson(guard::RecordJson(record)).c_str());
  } else {
    PrintCalibration(record);
  }
  return {};
}

Result<bool> Verify(const GuardFlags& flags, Globals& globals) {
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  PLUMB_TRY(const auto extra, flags.Extra());
  PLUMB_TRY(const auto calibration, guard::CalibrationRows(loaded.guard->policy(), policy::Split::kCalibration, extra));
  PLUMB_TRY(const auto test, guard::CalibrationRows(loaded.guard->policy(), policy::Split::kTest, {}));
  PLUMB_TRY(const guard::VerifyReport report, guard::Verify(*loaded.guard, calibration, test, {}));
  json::array checks;
  for (const guard::Check& check : report.checks) {
    checks.push_back({{"stack", check.stack}, {"direction", check.direction}, {"clause", check.clause}, {"holds", check.holds}, {"message", check.message}});
    if (!globals.json) fmt::print("{} {} {} {}: {}\n", check.holds ? "ok  " : "BAD ", check.stack, check.direction, check.clause, check.message);
  }
  if (globals.json) std::puts(ToJson(json::object{{"holds", report.holds()}, {"checks", std::move(checks)}}).c_str());
  if (!globals.json && !report.holds()) Say("plumb: the guard's thresholds do not hold: run 'plumb guard calibrate', and find out who changed them");
  return report.holds();
}

// ---- bench -----------------------------------------------------------------------------------------------------

struct BenchFlags : GuardFlags {
  std::string in;
  size_t batch = 64;
};

// Time per text and tier over the given texts, or the policy's own examples.
Status Bench(const BenchFlags& flags, Globals& globals) {
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  std::vector<guard::Subject> subjects;
  if (flags.in.empty()) {
    for (const policy::Example& example : policy::Examples(loaded.guard->policy())) subjects.push_back({example.text, {}});
  } else {
    PLUMB_TRY(const auto rows, ReadJsonl(flags.in));
    for (const json::object& row : rows) {
      PLUMB_TRY(guard::Subject subject, SubjectOf(row, Direction::kInput));
      subjects.push_back(std::move(subject));
    }
  }
  if (subjects.empty()) return Fail(Code::kInvalid, "there are no texts to measure with");
  size_t bytes = 0;
  std::map<std::string, double> ms;
  std::map<std::string, size_t> skipped;
  const auto from = std::chrono::steady_clock::now();
  for (size_t begin = 0; begin < subjects.size(); begin += flags.batch) {
    const auto part = std::span(subjects).subspan(begin, std::min(flags.batch, subjects.size() - begin));
    for (const guard::Verdict& verdict : loaded.guard->Check(Direction::kInput, part))
      for (const auto& [name, report] : verdict.detectors) {
        ms[name] += report.ms;
        skipped[name] += report.skipped;
      }
    for (const guard::Subject& subject : part) bytes += subject.text.size();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
  const auto n = static_cast<double>(subjects.size());
  json::object tiers;
  for (const auto& [name, total] : ms) tiers[name] = {{"us_per_text", 1000 * total / n}, {"skipped", skipped[name]}};
  // English runs at about four bytes a token.
  const json::object out = {{"texts", subjects.size()}, {"bytes", bytes}, {"seconds", seconds}, {"us_per_text", 1e6 * seconds / n}, {"tokens_per_second", static_cast<double>(bytes) / 4 / seconds}, {"tiers", tiers}};
  if (globals.json) {
    std::puts(ToJson(out).c_str());
    return {};
  }
  fmt::print("{} texts, {} bytes: {:.1f} µs a text, about {:.0f} tokens a second\n", subjects.size(), bytes, 1e6 * seconds / n, static_cast<double>(bytes) / 4 / seconds);
  for (const auto& [name, total] : ms) fmt::print("  {:<10} {:>9.1f} µs a text{}\n", name, 1000 * total / n, skipped[name] ? fmt::format(", not asked for {}", skipped[name]) : "");
  return {};
}

}  // namespace

void RegisterGuard(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("guard", "Judge texts; train, calibrate and verify what judges them");
  verb->require_subcommand(1);

  auto* check = verb->add_subcommand("check", "Judge texts: one verdict a line");
  auto check_flags = std::make_shared<CheckFlags>();
  check_flags->Add(*check, globals);
  check->add_option("--direction", check_flags->direction, "input, output, tool_call, tool_result or document")->capture_default_str();
  check->add_option("--in", check_flags->in, "JSONL with id and text or messages; '-' is standard input")->capture_default_str();
  check->add_option("--out", check_flags->out, "Where verdicts go; '-' is standard output")->capture_default_str();
  check->callback([check_flags, &globals] {
    const auto failed = Check(*check_flags, globals);
    if (!failed) return Report(failed.error(), globals);
    if (*failed == 0) return;
    Say(fmt::format("plumb: a required detector gave no answer for {} texts", *failed));
    globals.exit_code = 2;
  });

  auto* train = verb->add_subcommand("train", "Make a guard from the policy's examples");
  auto train_flags = std::make_shared<TrainFlags>();
  AddGlobals(*train, globals);
  train->add_option("--out", train_flags->out, "The folder to write (default: guard/ beside the policy)");
  train->add_option("--data", train_flags->data, "More labelled texts (JSONL: text, labels {head: 0|1}, weight; or clause, violates|allows)");
  train->add_option("--encoder", train_flags->encoder_base, "The encoder to fine-tune")->capture_default_str();
  train->add_flag("--without-encoder", train_flags->without_encoder, "Train the linear tier alone");
  train->add_option("--epochs", train_flags->epochs, "Passes of the linear tier")->capture_default_str();
  train->add_option("--encoder-epochs", train_flags->encoder_epochs, "Passes of the encoder")->capture_default_str();
  train->add_option("--max-seconds", train_flags->max_seconds, "Limit of the encoder's training; 0 is none")->capture_default_str();
  train->add_option("--seed", train_flags->seed, "Of shuffling and of new weights")->capture_default_str();
  train->callback([train_flags, &globals] {
    if (const Status done = Train(*train_flags, globals); !done) Report(done.error(), globals);
  });

  auto* calibrate = verb->add_subcommand("calibrate", "Set thresholds, with what can be proved of them");
  auto calibrate_flags = std::make_shared<GuardFlags>();
  calibrate_flags->Add(*calibrate, globals);
  calibrate_flags->AddData(*calibrate);
  calibrate->callback([calibrate_flags, &globals] {
    if (const Status done = Calibrate(*calibrate_flags, globals); !done) Report(done.error(), globals);
  });

  auto* verify = verb->add_subcommand("verify", "Hold the recorded thresholds against the test split; exit 1 where they do not hold");
  auto verify_flags = std::make_shared<GuardFlags>();
  verify_flags->Add(*verify, globals);
  verify_flags->AddData(*verify);
  verify->callback([verify_flags, &globals] {
    const auto holds = Verify(*verify_flags, globals);
    if (!holds) return Report(holds.error(), globals);
    if (!*holds) globals.exit_code = 1;
  });

  auto* bench = verb->add_subcommand("bench", "Measure the time each tier takes");
  auto bench_flags = std::make_shared<BenchFlags>();
  bench_flags->Add(*bench, globals);
  bench->add_option("--in", bench_flags->in, "Texts to measure with (default: the policy's examples)");
  bench->add_option("--batch", bench_flags->batch, "Texts judged together")->capture_default_str()->check(CLI::Range(1, 100000));
  bench->callback([bench_flags, &globals] {
    if (const Status done = Bench(*bench_flags, globals); !done) Report(done.error(), globals);
  });
}

}  // namespace plumb::cli
