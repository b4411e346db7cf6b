// plumb eval run|compare|show|verify; the other verbs have files of their own
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/stats/stats.h"
#include "cli/eval_analysis.h"
#include "cli/eval_exposure.h"
#include "cli/eval_grade.h"
#include "cli/eval_history.h"
#include "cli/eval_judge.h"
#include "cli/eval_run.h"
#include "cli/eval_seal.h"
#include "cli/eval_stat.h"
#include "cli/eval_winrate.h"
#include "cli/suite_files.h"
#include "cli/verbs.h"
#include "measure/eval/eval.h"
#include "measure/eval/sealed.h"
#include "runtime/guard/refusal_model.h"

namespace plumb::cli {
namespace {

Status RunVerb(const RunArguments& arguments, Globals& globals) {
  if (!eval::IsSealed(arguments.suite)) {
    PLUMB_TRY(const data::Suite suite, FindSuite(arguments.suite));
    return RunOn(suite, false, arguments, globals);
  }
  PLUMB_TRY(const eval::SealedSuite sealed, eval::ReadSealed(arguments.suite));
  if (arguments.key.empty()) return Fail(Code::kInvalid, "'{}' is encrypted: --key FILE of its open half", arguments.suite);
  PLUMB_TRY(const std::string key, ReadSuiteKey(arguments.key));
  PLUMB_TRY(const data::Suite suite, eval::OpenHalf(sealed, eval::Half::kOpen, key));
  return RunOn(suite, false, arguments, globals);
}

Status CompareVerb(const std::string& a, const std::string& b, Globals& globals) {
  PLUMB_TRY(const eval::Run baseline, eval::ReadRun(a));
  PLUMB_TRY(const eval::Run candidate, eval::ReadRun(b));
  PLUMB_TRY(const eval::Comparison comparison, eval::Compare(baseline, candidate));
  if (globals.json) std::puts(ToJson(eval::ComparisonJson(comparison)).c_str());
  else fmt::print("{}", eval::ComparisonTable(comparison));
  return {};
}

Status ShowVerb(const std::string& path, int64_t failures, Globals& globals) {
  PLUMB_TRY(const eval::Run run, eval::ReadRun(path));
  const eval::Summary summary = eval::Summarize(run.samples);
  if (globals.json) {
    json::object out = eval::SummaryJson(summary);
    if (const json::array tries = eval::TriesJson(run.samples); !tries.empty()) out["pass_at"] = tries;
    std::puts(ToJson(out).c_str());
    return {};
  }
  fmt::print("{}  {}  {}\n{}{}", run.id, run.TargetName(), run.created, eval::SummaryTable(summary), eval::TriesTable(run.samples));
  for (const eval::Sample& sample : run.samples) {
    if (failures <= 0) break;
    if (sample.passed) continue;
    --failures;
    fmt::print("\n{} [{}, expect {}]\n  > {}\n  {}\n", sample.id, eval::StatusName(sample.status),
               data::ExpectName(sample.expect), sample.prompt, sample.status == eval::SampleStatus::kOk ? sample.output : sample.error);
  }
  return {};
}

Status VerifyVerb(const std::string& path, Globals& globals) {
  const auto run = eval::ReadRun(path);
  if (!run && run.error().code == Code::kCorrupt) {
    fmt::print("{}\n", globals.json ? ToJson(json::object{{"intact", false}, {"error", run.error().Text()}}) : run.error().Text());
    globals.exit_code = 1;
    return {};
  }
  if (!run) return std::unexpected(run.error());
  if (globals.json) std::puts(ToJson(json::object{{"intact", true}, {"digest", run->digest}}).c_str());
  else fmt::print("intact: {} samples, {}\n", run->samples.size(), run->digest);
  return {};
}

// Trains the refusal scorer, cross-validates it, and writes its weights.
Status TrainRefusalVerb(const std::string& data, const std::string& out, bool show_wrong, Globals& globals) {
  PLUMB_TRY(const std::vector<json::object> raw, ReadJsonl(data));
  auto rows = guard::ParseRefusalRows(raw);
  if (!rows) return std::unexpected(Context(rows.error(), data));
  const guard::RefusalModel model = guard::TrainRefusal(*rows, {});
  const guard::RefusalValidation validation = guard::ValidateRefusal(*rows, {});
  if (!out.empty())
    PLUMB_CHECK(WriteFileAtomic(out, "// Made by `plumb eval train-refusal`; do not edit.\nR\"(\n" + model.Serialise() + ")\"\n"));
  const auto agreement = [](const guard::RefusalAgreement& one) {
    const stats::Interval interval = stats::Wilson(one.agree, one.n);
    return json::object{{"n", one.n}, {"agreement", interval.estimate}, {"low", interval.low}, {"high", interval.high},
                        {"degree_agreement", static_cast<double>(one.agree_degree) / static_cast<double>(one.n)},
                        {"false_refusals", one.false_refusals}, {"missed_refusals", one.missed_refusals}};
  };
  json::object report = agreement(validation.all);
  report["version"] = model.version();
  json::object by_lang;
  for (const auto& [lang, one] : validation.by_lang) by_lang[lang] = agreement(one);
  report["by_lang"] = std::move(by_lang);
  json::object by_voice;
  for (const auto& [voice, one] : validation.by_voice) by_voice[voice] = agreement(one);
  report["by_voice"] = std::move(by_voice);
  fmt::print("{}\n", globals.json ? ToJson(report) : ToPrettyJson(report));
  for (size_t i : show_wrong ? validation.wrong : std::vector<size_t>())
    fmt::print("{} [{}] > {} | {}\n", (*rows)[i].degree, (*rows)[i].lang, (*rows)[i].prompt, (*rows)[i].completion);
  return {};
}

void Call(Status status, Globals& globals) {
  if (!status) Report(status.error(), globals);
}

}  // namespace

void RegisterEval(CLI::App& app, Globals& globals) {
  CLI::App* verb = app.add_subcommand("eval", "Measure a model, or anything that answers, on a suite");
  verb->require_subcommand(1);

  auto arguments = std::make_shared<RunArguments>();
  CLI::App* run = verb->add_subcommand("run", "Ask every case of a suite, score the answers, write run.json and an Inspect log");
  run->add_option("--suite", arguments->suite, "A suite: folder, file, name in suites/, or the open half of a *.sealed.json")->required();
  AddRunFlags(*run, *arguments);
  run->add_option("--key", arguments->key, "The key of a sealed suite's open half");
  AddGlobals(*run, globals);
  run->callback([arguments, &globals] { Call(RunVerb(*arguments, globals), globals); });

  auto paths = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* compare = verb->add_subcommand("compare", "Two runs, case by case");
  compare->add_option("A", paths->first, "The run before: run.json or its folder")->required();
  compare->add_option("B", paths->second, "The run after")->required();
  AddGlobals(*compare, globals);
  compare->callback([paths, &globals] { Call(CompareVerb(paths->first, paths->second, globals), globals); });

  AddJudge(*verb, globals);
  AddWinRate(*verb, globals);
  AddGrade(*verb, globals);
  AddAnalyses(*verb, globals);
  AddExposure(*verb, globals);
  AddStat(*verb, globals);
  AddHistory(*verb, globals);
  AddSeal(*verb, globals);

  auto shown = std::make_shared<std::pair<std::string, int64_t>>("", 0);
  CLI::App* show = verb->add_subcommand("show", "A run's rates, and cases that failed");
  show->add_option("RUN", shown->first, "run.json or its folder")->required();
  show->add_option("--failures", shown->second, "Print the first N cases that did not pass");
  AddGlobals(*show, globals);
  show->callback([shown, &globals] { Call(ShowVerb(shown->first, shown->second, globals), globals); });

  auto checked = std::make_shared<std::string>();
  CLI::App* verify = verb->add_subcommand("verify", "Was the run edited after it was written? Exits 1 if so");
  verify->add_option("RUN", *checked, "run.json or its folder")->required();
  AddGlobals(*verify, globals);
  verify->callback([checked, &globals] { Call(VerifyVerb(*checked, globals), globals); });

  struct Training {
    std::string data = "suites/refusals-dev/completions.jsonl", out;
    bool show_wrong = false;
  };
  auto training = std::make_shared<Training>();
  CLI::App* train = verb->add_subcommand("train-refusal", "Train and cross-validate the refusal scorer");
  train->add_option("--data", training->data, "Labelled completions")->capture_default_str();
  train->add_option("--out", training->out, "Where to write the weights (src/runtime/guard/refusal_weights.inc)");
  train->add_flag("--show-wrong", training->show_wrong, "Print the rows judged otherwise than labelled");
  AddGlobals(*train, globals);
  train->callback([training, &globals] {
    Call(TrainRefusalVerb(training->data, training->out, training->show_wrong, globals), globals);
  });
}

}  // namespace plumb::cli
