// plumb guard check|bench; train is guard_train.cc's, sample guard_sample.cc's, calibrate and verify guard_calibrate.cc's
#include "runtime/guard/guard.h"

#include <cstdio>

#include "cli/guard_calibrate.h"
#include "cli/guard_files.h"
#include "cli/guard_ground.h"
#include "cli/guard_train.h"
#include "cli/verbs.h"
#include "runtime/guard/calibrate.h"

namespace plumb::cli {
namespace {

using guard::Direction;

void SayOnStderr(const std::string& text) { fmt::print(stderr, "{}\n", text); }

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

Result<size_t> CheckTexts(const CheckFlags& flags, Globals& globals) {
  PLUMB_TRY(const Direction direction, guard::ParseDirection(flags.direction));
  PLUMB_TRY(const std::vector<json::object> rows, ReadJsonl(flags.in));
  std::vector<guard::Subject> subjects;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto subject = SubjectOf(rows[i], direction);
    if (!subject) return std::unexpected(Context(subject.error(), fmt::format("row {} of {}", i + 1, flags.in)));
    subjects.push_back(std::move(*subject));
  }
  PLUMB_TRY(const LoadedGuard loaded, flags.Load(globals));
  for (const std::string& warning : loaded.guard->Warnings()) SayOnStderr("plumb: " + warning);
  if (const guard::GuardRecord& record = loaded.guard->record(); !record.stacks.empty())
    for (const guard::Stale& stale : guard::Staleness(record, loaded.guard->policy(), SystemClock()(), guard::kFreshDays))
      if (stale.reason != "policy") SayOnStderr("plumb: stale: " + stale.says);  // a warning already
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
    const auto failed = CheckTexts(*check_flags, globals);
    if (!failed) return Report(failed.error(), globals);
    if (*failed == 0) return;
    SayOnStderr(fmt::format("plumb: a required detector gave no answer for {} texts", *failed));
    globals.exit_code = 2;
  });

  AddGuardTraining(*verb, globals);
  AddGuardSample(*verb, globals);
  AddGuardCalibration(*verb, globals);
  AddGuardGround(*verb, globals);

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
